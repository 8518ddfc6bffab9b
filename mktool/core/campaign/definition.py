"""The file of a campaign: what is sent, from whom, to which list, and how fast."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...errors import InvalidInput, StorageError
from ...message import Channel, Mailbox
from . import keys
from .document import MAX_DOCUMENT, MB, Document, read_text
from .locate import key_lines

MAX_TEMPLATE = 5 * MB
MAX_PATH = 1000  # characters of what may be the name of a file
WAIT = 4 * 3600.0  # seconds; most of those who open a mail do so within hours
_FILE = re.compile(r"[^\s{}<>:]+\.(?:html?|txt|md|mjml|[A-Za-z]{2,4})")
_SMS_SENDER = re.compile(
    r"\+[1-9]\d{6,14}"  # a number
    r"|\d{3,8}"  # a short code
    r"|(?=.*[A-Za-z])[\w &+-]{1,11}"  # a name
    r"|[A-Z]{2}[0-9a-f]{32}",  # the id of a service that picks a number
    re.ASCII,
)
_SEEN = frozenset({
    "provider", "account", "variants", "reply_to", "unsubscribe", "postal_address", "preheader",
    "media", "options", "utm", "inline_css", "defaults", "hosted",
    "tags",  # nobody sees them, but a request that is repeated must hold the same ones
})  # fmt: skip


Parts = dict[str, tuple[Any, tuple[str, ...]]]  # of a message: what was said, and by which key


class Variant(NamedTuple):
    """One version of the message: templates, with the files already read."""

    name: str
    sender: Mailbox
    subject: str = ""
    html: str = ""
    text: str = ""


class Test(NamedTuple):
    """Which share of the list the variants are tried on, and when and by what the winner is told.

    A ``share`` of 1 is a plain split; ``wait`` is in seconds.
    """

    share: float
    wait: float
    by: Literal["opens", "clicks", "manual"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A campaign as its file says it. Empty texts and zeros were not said.

    ``column`` holds the addresses; ``rate`` is in messages per second; ``cost`` and ``revenue``
    are of the whole campaign; ``options`` are the vendor's own. ``hosted``: the vendor keeps the
    audience and sends. ``subject``, ``html``, ``text``, ``preheader`` and ``unsubscribe`` are
    templates.
    """

    path: Path
    name: str
    provider: str
    variants: tuple[Variant, ...]
    account: str = ""
    reply_to: str = ""
    recipients: str = ""
    column: str = ""
    unsubscribe: str = ""
    postal_address: str = ""
    preheader: str = ""
    tags: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    segment: str = ""
    list: str = ""
    send_at: str = ""
    rate: float = 0.0
    concurrency: int = 0
    max_errors: int = 0
    skip_invalid: bool = False
    hosted: bool = False
    inline_css: bool = False
    utm: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    cost: float = 0.0
    revenue: float = 0.0
    ab: Test | None = None


def load(path: Path) -> Definition:
    """Return the campaign in a TOML file, its templates read from beside it.

    Raises `InvalidInput` with file, line and key.
    """
    document = Document(path, keys.DOCUMENT)
    found = document.read(document.data, keys.DOCUMENT)
    for name in ("name", "provider"):
        if not found.get(name):
            raise document.error((name,), "is missing", f"add {keys.PLAIN[name].example}")
    ab = document.read(document.section("ab"), keys.AB, "ab")
    test = Test(ab.get("test_share", 1.0), ab.get("wait", WAIT), ab.get("winner", "opens"))
    variants = _variants(document, found, ab)
    said = {name: value for name, value in found.items() if name in keys.PLAIN}
    return Definition(
        **said | _segment(document, found),
        path=path.absolute(),
        variants=variants,
        utm=_utm(document, found, variants[0].sender),
        defaults=found.get("defaults", {}),
        ab=test if ab else None,
    )


def check_channel(definition: Definition, channel: Channel) -> None:
    """Raise `InvalidInput` with file, line and key if this cannot go out as e-mail, or as SMS."""
    faults = _email_faults if channel == "email" else _sms_faults
    for key, problem, hint in faults(definition):
        raise fault(definition, key, problem, hint)


def fault(definition: Definition, key: str, problem: str, hint: str) -> InvalidInput:
    """Return the error about a key, with its line if it is in the file."""
    lines = key_lines(read_text(definition.path, MAX_DOCUMENT))
    line = next(filter(None, map(lines.get, ((key,), ("ab", key), ("segment", key)))), None)
    place = f"{definition.path.name}:{line}" if line else definition.path.name
    return InvalidInput(f"{place}: {key}: {problem}", hint=hint)


def digest(definition: Definition) -> str:
    """Return what identifies all that a recipient would see: SHA-256 in hexadecimal."""
    import hashlib

    seen = {name: value for name, value in _plain(definition).items() if name in _SEEN}
    return hashlib.sha256(_json(seen, sort=True).encode()).hexdigest()


def to_json(definition: Definition) -> str:
    """Return the whole definition, the texts of its templates included."""
    return _json(_plain(definition))


def from_json(text: str) -> Definition:
    """Return what `to_json` wrote; `StorageError` if it is something else."""
    import json

    try:
        data = json.loads(text)
        data["path"] = Path(data["path"])
        data["variants"] = tuple(
            Variant(name, Mailbox(*sender), *rest) for name, sender, *rest in data["variants"]
        )
        data |= {name: tuple(data[name]) for name in ("tags", "media")}
        data["ab"] = data["ab"] and Test(*data["ab"])
        return Definition(**data)
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"the record of this campaign cannot be read ({type(error).__name__})",
            hint="mktool doctor",
        ) from None


def _plain(definition: Definition) -> dict[str, Any]:
    data = {one.name: getattr(definition, one.name) for one in fields(definition)}
    return data | {"path": str(definition.path)}


def _json(data: Mapping[str, Any], *, sort: bool = False) -> str:
    import json

    return json.dumps(data, sort_keys=sort, ensure_ascii=False)


# -- parts of the file -------------------------------------------------------------------------


def _segment(document: Document, found: Mapping[str, Any]) -> dict[str, str]:
    """Return the condition and the name of a saved one; ``[segment]`` may hold both."""
    given = found.get("segment", "")
    if not isinstance(given, dict):
        return {"segment": document.value(("segment",), given, keys.SEGMENT["name"])}
    table = document.read(given, keys.SEGMENT, "segment")
    if "where" in table and "where" in found:
        raise document.error(("segment", "where"), "is said twice", "drop the other where")
    return {"segment": table.get("name", ""), "where": table.get("where", found.get("where", ""))}


def _utm(document: Document, found: Mapping[str, Any], sender: Mailbox) -> dict[str, str]:
    given = found.get("utm", False)
    if not isinstance(given, bool | dict):
        raise document.error(("utm",), "must be true, or a section", "utm = true")
    if not given:
        return {}
    said = document.read(given, keys.UTM, "utm") if isinstance(given, dict) else {}
    medium = "email" if "@" in sender.address else "sms"
    usual = {"source": "newsletter", "medium": medium, "campaign": found["name"]}
    return {name: value for name, value in (usual | said).items() if value}


def _variants(
    document: Document, found: Mapping[str, Any], ab: Mapping[str, Any]
) -> tuple[Variant, ...]:
    lists = {name: ab[name] for name in ("from", "subject", "html", "text") if name in ab}
    _check_lists(document, found, lists)
    shared: Parts = {name: (found[name], (name,)) for name in keys.MESSAGE if name in found}
    if "body" in shared:
        shared["text"] = shared.pop("body")
    count = max(map(len, lists.values()), default=1)
    made = tuple(
        _variant(
            document,
            "ABCDE"[at],
            {**shared, **{name: (entries[at], ("ab", name)) for name, entries in lists.items()}},
        )
        for at in range(count)
    )
    if len({variant[1:] for variant in made}) < count:
        raise document.error(("ab",), "two variants are the same", "drop one of them")
    return made


def _check_lists(document: Document, found: Mapping[str, Any], lists: Mapping[str, Any]) -> None:
    if "ab" in found and not lists:
        raise document.error(("ab",), "names nothing that differs", keys.AB["subject"].example)
    if len(set(map(len, lists.values()))) > 1:
        raise document.error(("ab",), "its lists differ in length", "one entry for each variant")
    if "body" in found and "text" in found:
        raise document.error(("body",), "is another word for text", "keep one of them")


def _variant(document: Document, name: str, parts: Parts) -> Variant:
    if "from" not in parts:
        raise document.error(("from",), "is missing", f"add {keys.MESSAGE['from'].example}")
    if not any(part in parts and parts[part][0].strip() for part in ("html", "text")):
        raise document.error(("html",), "is missing, and text too", 'add html = "launch.html"')
    html, text = (
        _content(document, *parts[part], html=part == "html") if part in parts else ""
        for part in ("html", "text")
    )
    return Variant(name, parts["from"][0], parts.get("subject", ("", ()))[0], html, text)


def _content(document: Document, value: str, key: tuple[str, ...], *, html: bool) -> str:
    """Return a template: the text of the file that ``value`` names, or ``value`` itself."""
    if value.endswith(".mjml"):
        made = value.removesuffix(".mjml") + ".html"
        raise document.error(key, f"{value} is MJML, not HTML", f"npx mjml {value} -o {made}")
    file = document.path.absolute().parent / value
    if len(value) <= MAX_PATH and (_FILE.fullmatch(value) or _exists(file, value)):
        try:
            return read_text(file, MAX_TEMPLATE)
        except InvalidInput as error:
            hint = error.hint if _exists(file, value) else f"ls {file.parent}"
            raise document.error(key, error.message, hint) from None
    if html and value.strip() and "<" not in value:
        place = str(file)[:MAX_PATH]
        raise document.error(key, f"is no HTML, and there is no file {place}", f"ls {file.parent}")
    return value


def _exists(file: Path, value: str) -> bool:
    if "\n" in value or not value.strip():
        return False
    try:
        return file.is_file()
    except (OSError, ValueError):  # such as too long for a name: it is the content
        return False


# -- channels ----------------------------------------------------------------------------------

Fault = tuple[str, str, str]  # key, what is wrong with it, a hint


def _email_faults(definition: Definition) -> Iterator[Fault]:
    if definition.media:
        yield "media", "e-mail has none", '<img src="https://…"> in the HTML'
    for variant in definition.variants:
        if "@" not in variant.sender.address:
            yield "from", f"{variant.sender} is no e-mail address", keys.MESSAGE["from"].example
        if not variant.subject:
            yield "subject", "is missing", keys.MESSAGE["subject"].example


def _sms_faults(definition: Definition) -> Iterator[Fault]:
    for key in ("reply_to", "preheader", "unsubscribe", "inline_css", "hosted"):
        if getattr(definition, key):
            yield key, "an SMS has none", f"drop {key}"
    if any("{{" in url or "{%" in url for url in definition.media):
        yield "media", "is the same for everybody", "put a link with {{ … }} into the text"
    for variant in definition.variants:
        for key in ("subject", "html"):
            if getattr(variant, key):
                yield key, "an SMS has none", 'text = "…"'
        if not _SMS_SENDER.fullmatch(variant.sender.address):
            yield (
                "from",
                f"{variant.sender} cannot send an SMS",
                "a number such as +15550100200, a short code, or a name of up to 11 characters",
            )
