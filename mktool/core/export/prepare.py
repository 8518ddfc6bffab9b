"""One report made ready for one provider, as the configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from ... import errors as e
from ...report import Export, Report
from ...store.config import Config
from .notes import markdown
from .shape import Shape, body, shaped, transcript

SUFFIXES = (".json", ".md", ".markdown")


@dataclass(frozen=True, slots=True)
class Source:
    """A report and the file that it came from."""

    report: Report
    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What this report is once for ever: the note taker's id of it, else its file's name and
        what it says."""
        if self.report.id:
            return f"report:{self.report.id}"[:200]
        digest = sha256(markdown(self.report).encode(errors="surrogatepass")).hexdigest()[:12]
        return f"report:{self.name[-150:]}:{digest}"


def prepared(config: Config, provider: str, source: Source, shape: Shape) -> Export:
    """Return what goes to a provider. `ConfigError` or `InvalidInput` for a template that fails."""
    from .fields import fields
    from .template import rendered

    report = shaped(source.report, shape)
    chosen = config.export(provider)
    template = str(chosen.get("template", ""))
    options = {name: value for name, value in chosen.items() if name != "template"}
    return Export(
        report,
        rendered(_template(config, template), report) if template else body(report),
        transcript(report),
        markdown(report),
        fields(report, config.mapping(provider)),
        {**options, **source.options},
    )


def files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder that look like reports, by name; `InvalidInput` if there is no
    such folder."""
    if not folder.is_dir():
        raise e.InvalidInput(f"{folder}: there is no such folder")
    for path in sorted(folder.iterdir()):
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
    except ValueError:
        raise e.InvalidInput(f"--since {text!r} is not a date", hint="--since 2026-11-01") from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(zone)) if zone else at.astimezone()
    return at.astimezone(UTC).timestamp()


def _template(config: Config, name: str) -> str:
    """Return the text of a template: a file relative to the configuration's, or the template."""
    if "\n" in name or "{{" in name:
        return name
    path = config.path.parent / Path(name).expanduser()
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise e.ConfigError(f"{path}: {error.strerror}", hint=f"ls -l {path}") from None
    except UnicodeDecodeError as error:
        raise e.ConfigError(f"{path}: not UTF-8 (byte {error.start})") from None
