"""One report made ready for one provider, as the configuration says."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ... import errors as e
from ... import providers
from ...report import Block, Export, Report
from ...spec import Spec
from ...store.config import Config
from .notes import markdown
from .shape import Shape, body, shaped, transcript

SUFFIXES = (".json", ".md", ".markdown")
TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class Source:
    """A report and the file that it came from."""

    report: Report
    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What this report is once for ever: the note taker's id of it, else its file's name with
        title and time of the meeting or, where no time is said, with all of its words."""
        report = self.report
        if report.id:
            return f"report:{report.id}"[:200]
        when = report.start.timestamp() if report.start else ""
        said = f"{when} {report.title}" if when else markdown(report)
        digest = sha256(said.encode(errors="surrogatepass")).hexdigest()[:12]
        return f"report:{Path(self.name).name[-150:]}:{digest}"


def prepared(config: Config, spec: Spec, source: Source, shape: Shape) -> Export:
    """Return what goes to a provider. `ConfigError` or `InvalidInput` for a template that fails."""
    from .fields import fields

    report, chosen = shaped(source.report, shape), _options(config, spec.name)
    template = chosen.pop(TEMPLATE, "")
    return Export(
        report,
        _rendered(config, spec.name, template, report) if template else body(report),
        transcript(report),
        markdown(report),
        fields(report, _maps(config, spec), f"{config.path}: [map.{spec.name}"),
        {**chosen, **source.options},
    )


def files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder that look like reports, by name; `InvalidInput` if there is no
    such folder."""
    try:
        found = sorted(folder.iterdir())
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise e.InvalidInput(f"{folder}: {reason}", hint="--from-dir names a folder") from None
    for path in found:
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
            yield path


def is_since(report: Report, path: Path, since: float | None) -> bool:
    """Whether a meeting began, or where that is not said its file was changed, after ``since``."""
    if since is None:
        return True
    began = report.start.timestamp() if report.start else path.stat().st_mtime
    return began >= since


def day(text: str, zone: str = "") -> float:
    """Return the epoch seconds at which a date, or a date and time, of ISO 8601 begins."""
    from zoneinfo import ZoneInfo

    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(zone)) if zone else at.astimezone()
        return at.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise e.InvalidInput(f"--since {text!r} is not a date", hint="--since 2026-11-01") from None


# -- what the configuration says ---------------------------------------------------------------


def _options(config: Config, provider: str) -> dict[str, str]:
    """Return ``[export.PROVIDER]`` as texts; what is no text is JSON, as `--set` would give it."""
    for name in config.data.get("export", {}):
        if name not in providers.names() and (close := _near(name, providers.names())):
            raise e.ConfigError(
                f"{config.path}: [export.{name}]: there is no such provider",
                hint=f"did you mean {close}?",
            )
    where, found = f"{config.path}: [export.{provider}]", dict[str, str]()
    for name, value in config.export(provider).items():
        if name != TEMPLATE and _near(name, [TEMPLATE]):
            raise e.ConfigError(f"{where}: there is no {name}", hint=f"did you mean {TEMPLATE}?")
        if name == TEMPLATE and not isinstance(value, str):
            raise e.ConfigError(f"{where} {name} must be text", hint='such as "recap.md"')
        found[name] = value if isinstance(value, str) else json.dumps(value, default=str)
    return found


def _maps(config: Config, spec: Spec) -> Mapping[str, Mapping[str, str]]:
    """Return those of ``[map.PROVIDER]`` that exports fill in; the others are of `mktool sync`."""
    maps = config.mapping(spec.name)
    for name in maps:
        close = _near(name, spec.exports)
        mistyped = close and name not in spec.exports and spec.kind(name) is None
        if mistyped or not (spec.exports or spec.records):
            raise e.ConfigError(
                f"{config.path}: [map.{spec.name}.{name}]: {spec.title} has no such fields",
                hint=f"did you mean [map.{spec.name}.{close}]?" if close else "leave it out",
            )
    return {name: fields for name, fields in maps.items() if name in spec.exports}


def _near(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name[:60].lower(), [one.lower() for one in known], 1, 0.7)
    return next((one for one in known if close and one.lower() == close[0]), "")


def _rendered(config: Config, provider: str, name: str, report: Report) -> tuple[Block, ...]:
    """Return what a template makes: one in the configuration, or in a file relative to it."""
    from .template import rendered

    if "\n" in name or "{{" in name or "{%" in name:
        return rendered(name, report, f"{config.path}: [export.{provider}] template")
    try:
        path = config.path.parent / Path(name).expanduser()
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise e.ConfigError(f"{path}: not UTF-8 (byte {error.start})") from None
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in it; nobody's "~name"
        reason = getattr(error, "strerror", None) or error
        raise e.ConfigError(
            f"{config.path}: [export.{provider}] template {name[:200]}: {reason}",
            hint=f"it is looked for from {config.path.parent}",
        ) from None
    return rendered(text, report, str(path))
