"""What a person wants to publish, read from flags and files and checked as a whole."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unicodedata import category

from ..capability import CanPost, CanThread
from ..errors import InvalidInput, Unsupported
from ..model import Kind, Media, Post, Posted
from ..provider import Provider
from ..spec import MB, Files, Spec, Text

MAX_TEXT = 10 * MB

SIGNATURES: tuple[tuple[bytes, int, Kind, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image", "image/png"),
    (b"\xff\xd8\xff", 0, "image", "image/jpeg"),
    (b"GIF87a", 0, "gif", "image/gif"),
    (b"GIF89a", 0, "gif", "image/gif"),
    (b"WEBP", 8, "image", "image/webp"),
    (b"ftypqt", 4, "video", "video/quicktime"),
    *((b"ftyp" + brand, 4, "image", "image/heic") for brand in (b"hei", b"hev", b"mif1", b"msf1")),
    (b"ftypavi", 4, "image", "image/avif"),
    (b"ftypM4A", 4, "file", "audio/mp4"),
    (b"ftyp", 4, "video", "video/mp4"),
    (b"\x1aE\xdf\xa3", 0, "video", "video/webm"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """One thing to publish, the same for every provider."""

    text: str = ""
    thread: bool = False
    media: tuple[Media, ...] = ()
    link: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


def decoded(raw: bytes, source: str) -> str:
    """Return text in UTF-8 or, with a byte order mark, UTF-16; else `InvalidInput`."""
    if len(raw) > MAX_TEXT:
        raise InvalidInput(f"{source}: larger than {MAX_TEXT // MB} MB; is it a text?")
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = raw.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{source}: not UTF-8 text (byte {error.start})", hint="iconv -f cp1252 -t utf-8 FILE"
        ) from None
    text = text.replace("\r\n", "\n")
    if bad := next((c for c in text if category(c) == "Cc" and c not in "\n\t"), None):
        raise InvalidInput(f"{source}: holds a control character (U+{ord(bad):04X})")
    return text.strip()


def read_file(path: Path) -> str:
    """Return the text of a file; `InvalidInput` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return decoded(file.read(MAX_TEXT + 1), str(path))
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from None


def media_from(argument: str) -> Media:
    """Return the file of ``PATH[=ALT]``, its kind told by its first bytes, not its name."""
    path, alt = _path_and_alt(argument)
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # opening a pipe could wait for ever
            raise InvalidInput(f"{path}: is not a file")
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from None
    if not about.st_size:
        raise InvalidInput(f"{path}: is empty")
    kind, mime = _kind(path, head)
    return Media(path.absolute(), kind, mime, about.st_size, alt)


def compose(spec: Spec, content: Content) -> list[Post]:
    """Return the items to publish at this vendor, all of them checked against its limits.

    Raises `InvalidInput` or `Unsupported`; nothing has been sent then.
    """
    if content.link:
        _check_link(spec, content.link)
    # A link's card and media exclude each other: beside media the link stands in the text.
    attach = spec.link == "attach" and not content.media
    texts = _texts(spec, content, "" if attach or content.link in content.text else content.link)
    if not any(texts) and not content.media:
        raise InvalidInput("there is nothing to publish", hint="--text, --file, - or --media")
    if content.media:
        _check_media(spec, content.media)
    _check_lengths(spec, texts)
    link = content.link if attach else ""
    return [
        Post(
            text,
            media=content.media if number == 0 else (),
            link=link if number == 0 else "",
            extra=content.extra,
        )
        for number, text in enumerate(texts)
    ]


def check(provider: Provider, posts: Sequence[Post]) -> None:
    """Raise `Unsupported` or `InvalidInput` if this account cannot publish this.

    Nothing is sent.
    """
    title = provider.spec.title
    if not isinstance(provider, CanPost):
        raise Unsupported(f"{title} cannot publish posts")
    if len(posts) > 1 and not isinstance(provider, CanThread):
        raise Unsupported(f"{title} has no threads")
    for number, post in enumerate(posts):
        placed = replace(post, reply_to=Posted("")) if number else post
        if reason := provider.refuses(placed):
            raise Unsupported(f"{title}: {reason}")


def digest(posts: Iterable[Post]) -> str:
    """Return what identifies this content: texts, links, options and the bytes of the media."""
    shape = [[p.text, p.link, dict(p.extra), [[sha256(m), m.alt] for m in p.media]] for p in posts]
    import hashlib

    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:32]


def sha256(media: Media) -> str:
    """Return the hash of the file; `InvalidInput` if it is gone."""
    import hashlib

    try:
        with media.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(f"{media.path}: {error.strerror}") from None


def to_json(posts: Iterable[Post]) -> list[dict[str, Any]]:
    """Return the items as the ledger keeps them, to go on with or to send later."""
    return [
        {
            "text": p.text,
            "link": p.link,
            "extra": dict(p.extra),
            "media": [
                {
                    "path": str(m.path), "kind": m.kind, "mime": m.mime, "size": m.size,
                    "alt": m.alt, "sha256": sha256(m),
                }
                for m in p.media
            ],
        }
        for p in posts
    ]  # fmt: skip


def from_json(items: Iterable[Mapping[str, Any]]) -> list[Post]:
    """Return the items that `to_json` kept; `InvalidInput` if a file changed meanwhile."""
    return [
        Post(
            item["text"],
            link=item["link"],
            extra=item["extra"],
            media=tuple(_unchanged(m) for m in item["media"]),
        )
        for item in items
    ]


def measure(rule: Text, text: str, *, reply: bool) -> str:
    """Return "length/room unit", as a dry run shows it."""
    return f"{rule.count(text)}/{rule.room(reply=reply)} {rule.unit}"


def _texts(spec: Spec, content: Content, tail: str) -> list[str]:
    """Return the text of each item; ``tail`` is a link that has to stand in one of them."""
    if not content.thread:
        return [f"{content.text}\n\n{tail}".strip() if tail else content.text]
    from ..text import thread as threads

    texts: list[str] = []
    for part in threads.parts(content.text):
        texts += _fitted(spec.text, part, done=len(texts)) if spec.text else [part]
    if tail:
        joined = f"{texts[-1]}\n\n{tail}" if texts else tail
        fits = spec.text is None or spec.text.count(joined) <= spec.text.room(reply=len(texts) > 1)
        texts = [*texts[:-1], joined] if fits else [*texts, tail]
    return texts


def _fitted(rule: Text, part: str, *, done: int) -> list[str]:
    from ..text import thread as threads

    def room(number: int) -> int:
        return rule.room(reply=done + number > 1)

    return threads.split(part, room, rule.count)


def _check_lengths(spec: Spec, texts: list[str]) -> None:
    if (rule := spec.text) is None:
        return
    for number, text in enumerate(texts, start=1):
        room, length = rule.room(reply=number > 1), rule.count(text)
        if length > room:
            part = f"part {number} of {len(texts)}" if len(texts) > 1 else "the text"
            raise InvalidInput(
                f"{spec.title}: {part} is {length} {rule.unit} long, {room} fit",
                hint="shorten it, or let it become a thread: --thread",
            )


def _check_link(spec: Spec, link: str) -> None:
    if not link.startswith(("https://", "http://")) or any(c.isspace() for c in link):
        raise InvalidInput(f"--link {link!r} is not a web address", hint="write https://…")
    if spec.link == "none":
        raise Unsupported(f"{spec.title} takes no link")


def _check_media(spec: Spec, media: tuple[Media, ...]) -> None:
    rule = spec.files
    if rule is None:
        raise Unsupported(f"{spec.title} takes no media")
    kinds = {m.kind for m in media}
    if len(kinds) > 1 and not rule.mixed:
        raise InvalidInput(f"{spec.title}: a post holds {' or '.join(rule.kinds)}, not both")
    for item in media:
        _check_item(spec, rule, item, sum(m.kind == item.kind for m in media))


def _check_item(spec: Spec, rule: Files, item: Media, count: int) -> None:
    if item.kind not in rule.kinds or (rule.types and item.mime not in rule.types):
        raise InvalidInput(
            f"{item.path.name} ({item.mime}): {spec.title} does not take it",
            hint=f"it takes {', '.join(sorted(rule.types)) or ' and '.join(rule.kinds)}",
        )
    most, size = rule.kinds[item.kind]
    if count > most:
        raise InvalidInput(f"{spec.title}: {count} x {item.kind}, {most} fit in one post")
    if item.size > size:
        raise InvalidInput(
            f"{item.path.name}: {item.size / MB:.1f} MB, {spec.title} takes {size / MB:.0f} MB"
        )
    if rule.alt and len(item.alt) > rule.alt:
        raise InvalidInput(
            f"{item.path.name}: the description is longer than {rule.alt} characters"
        )


def _path_and_alt(argument: str) -> tuple[Path, str]:
    """Split at the last ``=`` before which there is a file: both sides may hold one."""
    name = argument
    while not os.path.exists(name):
        name, equals, _ = name.rpartition("=")
        if not equals:
            return Path(argument.partition("=")[0]), ""
    return Path(name), argument[len(name) + 1 :].strip()


def _kind(path: Path, head: bytes) -> tuple[Kind, str]:
    for magic, at, kind, mime in SIGNATURES:
        if head[at : at + len(magic)] == magic:
            return kind, mime
    import mimetypes

    return "file", mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _unchanged(kept: Mapping[str, Any]) -> Media:
    media = Media(Path(kept["path"]), kept["kind"], kept["mime"], kept["size"], kept["alt"])
    if sha256(media) != kept["sha256"]:
        raise InvalidInput(f"{media.path}: changed since the post was made", hint="post it anew")
    return media
