"""
Settings: flag, environment, ``config.toml``, default; the first found wins.

Only the file of the user is read, never one from the current folder: a cloned repository
must not redirect tokens. Errors name the file and the key.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError
from .paths import config_dir


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file outside the free sections; ``env`` overrides it."""

    section: str
    key: str
    kind: type | tuple[type, ...]
    default: Any
    env: str
    help: str
    choices: tuple[str, ...] = ()


SETTINGS = (
    Setting("vault", "home", str, "auto", "MKTOOL_VAULT",
            "where new credentials live", ("auto", "keyring", "file")),
    Setting("network", "max_wait", (int, float), 60.0, "MKTOOL_MAX_WAIT",
            "seconds that a command may wait for a rate limit or a retry"),
    Setting("schedule", "grace", str, "1h", "MKTOOL_GRACE",
            "how late a scheduled post may still go out"),
    Setting("schedule", "zone", str, "", "MKTOOL_ZONE",
            "time zone of --at, such as Europe/Amsterdam; default: the machine's"),
    Setting("accounts", "key_age_days", (int, float), 90, "MKTOOL_KEY_AGE_DAYS",
            "report keys that are older than this"),
    Setting("campaign", "confirm_above", (int, float), 100, "MKTOOL_CONFIRM_ABOVE",
            "more recipients than this are confirmed by typing, or passing, their number"),
    Setting("campaign", "postal_address", str, "", "MKTOOL_POSTAL_ADDRESS",
            "where the sender can be reached by post: law asks for it in commercial mail"),
    Setting("campaign", "max_errors", (int, float), 1000, "MKTOOL_MAX_ERRORS",
            "a campaign stops after this many refused recipients"),
    Setting("campaign", "suppress_hashed", (int, float), 0, "MKTOOL_SUPPRESS_HASHED",
            "1: suppressed addresses are kept as hashes only"),
)  # fmt: skip
EXAMPLE_SEGMENT = """dutch = "country == 'NL'\""""


class Free(NamedTuple):
    """A section whose keys are the user's own.

    ``name`` is what it and its tables are called, ``example`` a line of it, and ``more`` are other
    lines; ``texts``: it holds nothing but texts.
    """

    name: str
    help: str
    example: str
    more: tuple[str, ...] = ()
    texts: bool = False

    @property
    def depth(self) -> int:
        """Tell how many tables are in each other before there are values."""
        return self.name.count(".")


FREE = {
    free.name.partition(".")[0]: free
    for free in (
        Free("segments", "a name for the condition that --segment is to stand for",
             EXAMPLE_SEGMENT, texts=True),
        Free("export.PROVIDER", "exports to a provider: a template beside this file, and its --set",
             'template = "recap.md"'),
        Free("map.PROVIDER.OBJECT", "a vendor's own fields: where each is in a report, or which"
             " column it has in what sync reads and writes",
             'project = "metadata.project"', texts=True),
        Free("report.SOURCE", "where the JSON of another note taker has what a report has",
             'title = "meeting.subject"',
             ('detect = ["meeting", "todos"]  # keys by which its files are known',
              'start = "meeting.began"',
              'participants = { each = "meeting.people", name = "name", email = "mail" }',
              'actions = { each = "todos", text = "what", owner = "who", due = "by" }')),
        Free("sync.PROVIDER.KIND", "what --key, --fields and --conflict say otherwise; `updated` is"
             " the column that dates a row", 'key = "email"',
             ('fields = ["email", "firstname", "phone"]',
              'conflict = { phone = "ours", firstname = "newest" }',
              'updated = "changed_at"')),
        Free("providers.NAME", "the fields of a provider that are no secrets", 'account = "…"'),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. ``path`` is the file, whether it exists or not."""

    path: Path
    data: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    def get(self, section: str, key: str) -> Any:
        """Return a declared setting; `ConfigError` where its value is wrong."""
        setting = next(s for s in SETTINGS if (s.section, s.key) == (section, key))
        if value := self.environ.get(setting.env):
            return _from_text(setting, value)
        found = self.data.get(section, {}).get(key, setting.default)
        return _checked(setting, found, f"{self.path}: [{section}] {key}")

    def provider(self, name: str) -> dict[str, str]:
        """Return ``[providers.NAME]`` as text; lists and tables are refused."""
        section = self.data.get("providers", {}).get(name, {})
        for key, value in section.items():
            if isinstance(value, dict | list):
                raise ConfigError(f"{self.path}: [providers.{name}] {key} must be a single value",
                                  hint=f'write {key} = "…"')  # fmt: skip
        return {
            key: str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in section.items()
        }

    def export(self, provider: str) -> dict[str, Any]:
        """Return ``[export.PROVIDER]``: what its exports look like if nothing else is said."""
        return dict(self.data.get("export", {}).get(provider, {}))

    def mapping(self, provider: str) -> dict[str, dict[str, str]]:
        """Return ``[map.PROVIDER.OBJECT]`` by object: each of its fields with where it is from."""
        objects = self.data.get("map", {}).get(provider, {})
        return {name: dict(fields) for name, fields in objects.items()}

    def reports(self) -> dict[str, dict[str, Any]]:
        """Return ``[report.SOURCE]`` by source: where a note taker keeps what a report has."""
        return {name: dict(source) for name, source in self.data.get("report", {}).items()}

    def sync(self, provider: str) -> dict[str, dict[str, Any]]:
        """Return ``[sync.PROVIDER.KIND]`` by kind of record."""
        kinds = self.data.get("sync", {}).get(provider, {})
        return {name: dict(kind) for name, kind in kinds.items()}

    def segments(self) -> dict[str, str]:
        """Return ``[segments]``: each saved name with its condition."""
        return dict(self.data.get("segments", {}))

    def segment(self, name: str) -> str:
        """Return the condition saved as ``name``; `ConfigError` where there is none."""
        saved = self.segments()
        if name not in saved:
            hint = _near(name, sorted(saved)) if saved else f"below [segments]: {EXAMPLE_SEGMENT}"
            raise ConfigError(f"{self.path}: [segments] has no {name}", hint=hint)
        return saved[name]


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the file named by ``--config``, ``MKTOOL_CONFIG`` or the user's own.

    A missing file is an error only if it was named. Raises `ConfigError` with line and key.
    """
    environ = os.environ if environ is None else environ
    named = path or (Path(environ["MKTOOL_CONFIG"]) if environ.get("MKTOOL_CONFIG") else None)
    file = named or config_dir() / "config.toml"
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        if named is None:
            return Config(file, {}, environ)
        raise ConfigError(f"{file}: there is no such file", hint="mktool help config") from None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", hint=f"ls -ld {file}") from None
    data = _parse(file, text)
    _check(file, data)
    return Config(file, data, environ)


def _parse(file: Path, text: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        marked = text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise ConfigError(
            f"{file}: not UTF-8 (byte {error.start})",
            hint=f"iconv -f {'utf-16' if marked else 'latin1'} -t utf-8 {file}",
        ) from None
    except (ValueError, RecursionError) as error:  # also for a number of 5000 digits
        raise ConfigError(f"{file}: {error}", hint="mktool help config") from None


def _check(file: Path, data: Mapping[str, Any]) -> None:
    sections = sorted({s.section for s in SETTINGS}.union(FREE))
    for name, section in data.items():
        if not isinstance(section, dict):
            home = next((s.section for s in SETTINGS if s.key == name), "")
            hint = f"write it below [{home}]" if home else "mktool help config"
            raise ConfigError(f"{file}: {name} stands in no section", hint=hint)
        if name not in sections:
            raise ConfigError(f"{file}: unknown section [{name}]", hint=_near(name, sections))
        if name in FREE:
            _check_free(file, [name], section, FREE[name])
        else:
            _check_keys(file, name, section)


def _check_keys(file: Path, name: str, section: Mapping[str, Any]) -> None:
    keys = [s.key for s in SETTINGS if s.section == name]
    for key in section:
        if key not in keys:
            raise ConfigError(f"{file}: [{name}] unknown key {key}", hint=_near(key, keys))


def _check_free(file: Path, at: list[str], section: Mapping[str, Any], free: Free) -> None:
    """Raise `ConfigError` where tables are not as deep as they should be, or a value no text."""
    for name, value in section.items():
        if len(at) <= free.depth:
            if not isinstance(value, dict):
                rest = free.name.split(".")[len(at) + 1 :]
                raise ConfigError(
                    f"{file}: [{'.'.join(at)}] {name} must be a section",
                    hint=f"write [{'.'.join([*at, name, *rest])}]",
                )
            _check_free(file, [*at, name], value, free)
        elif free.texts and not isinstance(value, str):
            raise ConfigError(
                f"{file}: [{'.'.join(at)}] {name} must be text, not {value!r}",
                hint=f"such as {free.example}",
            )


def _near(word: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def _from_text(setting: Setting, value: str) -> Any:
    if setting.kind is str:
        return _checked(setting, value, f"${setting.env}")
    try:
        return _checked(setting, float(value), f"${setting.env}")
    except ValueError:
        raise ConfigError(f"${setting.env}: {value!r} is not a number",
                          hint=_example(setting)) from None  # fmt: skip


def _checked(setting: Setting, value: Any, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, setting.kind):
        wanted = "text" if setting.kind is str else "a number"
        raise ConfigError(f"{where} must be {wanted}, not {value!r}", hint=_example(setting))
    if setting.choices and value not in setting.choices:
        raise ConfigError(f"{where}: {value!r}", hint=f"one of {', '.join(setting.choices)}")
    if isinstance(value, int | float) and not 0 <= value < 1e9:
        raise ConfigError(f"{where}: {value} is out of range", hint=_example(setting))
    return value


def _example(setting: Setting) -> str:
    import json

    return f"{setting.help}; such as {json.dumps(setting.default)}"
