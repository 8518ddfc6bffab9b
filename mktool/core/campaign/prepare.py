"""What is done to the content of a campaign once, before anybody's copy is made of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

from ...errors import InvalidInput, Unsupported
from ...text.html import (
    DEEPEST,
    body_start,
    change_links,
    comment_out,
    hidden,
    plain,
    too_deep,
)
from ...text.template import Fault, Veil, bind, literal, scan, url_encoded

LARGEST = 1_000_000
"""Characters of a part. Mail programs cut a message off at 102 KB; pictures belong behind URLs."""

_URL = re.compile(r"https?://[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?]", re.IGNORECASE)


class Parts(NamedTuple):
    """The templates of a message; ``html`` is empty for SMS and plain mail."""

    subject: str
    html: str
    text: str
    unsubscribe: str


def prepare(
    parts: Parts,
    *,
    preheader: str,
    postal_address: str,
    inline_css: bool,
    utm: Mapping[str, str],
    defaults: Mapping[str, str],
) -> Parts:
    """Return the parts as they go out, still with their tags; the same parts give the same again.

    Without a text, it is what the HTML says. ``utm`` are query parameters for the links, with or
    without "utm_" in their names. InvalidInput for templates that cannot be read, Unsupported if
    style sheets are to be inlined and the library for it is missing.
    """
    check_size(parts)
    with reading("UTM parameters"):
        query = {_parameter(name): _encoded(value) for name, value in utm.items()}
    with reading("html"):
        source = _tag_links(parts.html, query)
        derived = _derived(source) if source and not parts.text.strip() else ""
        source = _inlined(source) if source and inline_css else source
        source = bind(source, _postal(html.escape(postal_address).replace("\n", "<br>")))
    with reading("preheader"):
        source = _with_preheader(source, preheader) if source and preheader else source
    with reading("text"):
        text = derived or _tag_urls(parts.text, query)
        text = bind(text, _postal(postal_address))
    subject, unsubscribe = " ".join(parts.subject.split()), parts.unsubscribe.strip()
    return with_defaults(Parts(subject, source, text, unsubscribe), defaults)


def with_defaults(parts: Parts, defaults: Mapping[str, str]) -> Parts:
    """Return the parts with a default for each of these names, where they give none themselves."""
    given = {name: f"{name} | default({literal(value)})" for name, value in defaults.items()}
    bound = []
    for part, template in zip(Parts._fields, parts, strict=True):
        with reading(part):
            bound.append(bind(template, given))
    return Parts(*bound)


def check_size(parts: Parts) -> None:
    """Raise InvalidInput for a part that no mail program would show."""
    for part, template in zip(Parts._fields, parts, strict=True):
        if len(template) > LARGEST:
            size = f"{len(template) / 1e6:.1f} million characters"
            raise InvalidInput(f"{part} has {size}, {LARGEST / 1e6:.0f} million are the most")


SUCH = "such as {{ name }}, {{ name | default('…') }}, {% if name %} … {% endif %}"


@contextmanager
def reading(part: str) -> Iterator[None]:
    """Raise a fault of a template as InvalidInput which names the part."""
    try:
        yield
    except Fault as fault:
        raise InvalidInput(f"{part} {fault}", hint=SUCH) from None


def _postal(address: str) -> Mapping[str, str]:
    return {"postal_address": f"{literal(address)} | safe"} if address else {}


def _parameter(name: str) -> str:
    return name if name.startswith("utm_") else f"utm_{name}"


def _encoded(value: str) -> str:
    """Return a value for a query, which may hold tags."""
    return "".join(
        quote(segment.source, safe="") if segment.kind == "text" else url_encoded(segment)
        for segment in scan(value)
    )


def _tag_links(source: str, query: Mapping[str, str]) -> str:
    if not query:
        return source
    veil = Veil(source, *query.values())
    veiled = {name: veil.over(value) for name, value in query.items()}
    return veil.lift(change_links(veil.text, lambda url: _tagged(url, veiled, veil)))


def _tag_urls(text: str, query: Mapping[str, str]) -> str:
    if not query:
        return text
    veil = Veil(text)
    return veil.lift(_URL.sub(lambda url: _tagged(url[0], query, veil), veil.text))


def _tagged(url: str, query: Mapping[str, str], veil: Veil) -> str:
    """Return a link with those parameters that it lacks; no link to unsubscribe is counted."""
    address, hash_, fragment = url.partition("#")
    path, _, given = address.partition("?")
    if not path.lower().startswith(("http://", "https://")):
        return url
    if "unsubscribe" in veil.lift(url).lower():
        return url
    if veil.block.search(path):  # a branch may bring the "?" or not
        return url
    names = {unquote_plus(pair.partition("=")[0]) for pair in given.split("&")}
    new = "&".join(f"{name}={value}" for name, value in query.items() if name not in names)
    if not new:
        return url
    joint = "&" if given and not given.endswith("&") else ""
    return f"{path}?{given}{joint}{new}{hash_}{fragment}"


def _shallow(source: str) -> str:
    if too_deep(source):
        raise Fault(f"has more than {DEEPEST} elements in each other")
    return source


def _derived(source: str) -> str:
    """Return the text of a mail that has only HTML."""
    veil = Veil(source)
    try:
        return _closed_up(veil.lift(plain(_shallow(veil.text), veil.block)))
    except Fault:
        raise
    except ValueError:
        raise Fault(
            "has a block ({% … %}) where no text can be derived: give the campaign a text"
        ) from None


def _closed_up(text: str) -> str:
    """Return the text without the line ends around a block that its copies have once too often."""
    done, before = [], 0  # line ends
    for segment in scan(text):
        source = segment.source
        if segment.kind == "text":
            source = source[min(before, _line_ends(source)) :]
            before = _line_ends(source[::-1]) if source else before
        elif segment.kind != "block":
            before = 0
        done.append(source)
    return "".join(done)


def _line_ends(text: str) -> int:
    return len(text) - len(text.lstrip("\n"))


def _inlined(source: str) -> str:
    """Return the HTML with its style sheets in style attributes."""
    try:
        import css_inline
    except ImportError:
        raise Unsupported(
            "style sheets cannot be inlined: css-inline is not installed",
            hint="pip install 'mktool[email]'",
        ) from None
    veil = Veil(source)
    inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    try:
        inlined = inliner.inline(comment_out(_shallow(veil.text), veil.block))
    except css_inline.InlineError as error:
        raise Fault(f"has a style sheet that cannot be inlined: {error}") from None
    if veil.block.findall(inlined) != veil.block.findall(veil.text):
        raise Fault("has a block ({% … %}) in a style sheet, which cannot be inlined")
    return veil.lift(inlined)


def _with_preheader(source: str, preheader: str) -> str:
    veil = Veil(source, preheader)
    element = hidden(html.escape(veil.over(preheader)))
    place = body_start(veil.text)
    return veil.lift(f"{veil.text[:place]}{element}{veil.text[place:]}")
