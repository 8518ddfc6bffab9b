"""The pages for people: consent, the inbox, and what went wrong. No external resources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import cache
from html import escape
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from .inbox import Attachment, Item, Row, iso
from .wire import Reply

_LINK = re.compile(r"https?://[^\s<>|\"']+")
SHOWN = 100  # threads
_SHOWN_CALLS = 60
_PREVIEW = 220  # characters of a mail's text

# Reloads when something new arrived, and only then: reading and selecting are left alone.
_SCRIPT = """
const seen = document.body.dataset.seen;
setInterval(async () => {
  if (document.hidden || document.querySelector("details[open]")) return;
  const r = await fetch("/_calls?newest=1").catch(() => null);
  if (r && (await r.json()).newest !== +seen) location.reload();
}, 1500);
document.getElementById("clear")?.addEventListener("click", async () => {
  await fetch("/_inbox", { method: "DELETE" });
  location.reload();
});
"""


class Brand(NamedTuple):
    """How a vendor is shown: its name for people and a CSS colour."""

    title: str
    color: str


def consent(
    ticket: str, title: str, client_id: str, scopes: Sequence[str], destination: str
) -> Reply:
    """Return the page where a person allows or denies what a client asks for."""
    asked = "".join(f'<li class="mono">{escape(scope)}</li>' for scope in scopes)
    return html(
        f"Sign in with {title}",
        f"""<div class="sheet"><div class="panel"><span class="ribbon">Sandbox</span>
<h1>Allow this app to use your {escape(title)} account?</h1>
<p>App <b class="mono">{escape(client_id)}</b> asks for:</p>
<ul>{asked or "<li>nothing in particular</li>"}</ul>
<form method="post" action="/_consent"><input type="hidden" name="ticket" value="{ticket}">
<button name="decision" value="deny">Deny</button>
<button class="main" name="decision" value="allow" autofocus>Approve</button></form></div>
<p class="note">Nothing leaves this machine. You return to {escape(destination)}.</p></div>""",
    )


def problem(status: int, title: str, detail: str) -> Reply:
    """Return a page that says what is wrong with the request that led here."""
    return html(
        title,
        f"""<div class="sheet"><div class="panel"><span class="ribbon">Sandbox</span>
<h1>{escape(title)}</h1><p>{escape(detail)}</p></div></div>""",
        status=status,
    )


def inbox(
    threads: Sequence[Sequence[Item]],
    totals: Mapping[str, int],
    calls: Sequence[Row],
    brands: Mapping[str, Brand],
    url: str,
) -> Reply:
    """Return the page of what was published last, and of the calls behind it."""
    body = "".join(_thread(thread, brands) for thread in threads) or _empty(url)
    clear = '<button id="clear" type="button">Clear</button>' if threads else ""
    more = sum(totals.values()) - sum(map(len, threads))
    if more > 0:
        body += f'<p class="more">and {more:,} earlier · <a href="/_inbox">all as JSON</a></p>'
    newest = calls[-1].number if calls else 0
    return html(
        "mktool sandbox",
        f"""<header><div><h1>mktool sandbox <span>· nothing here left this machine</span></h1>
<div class="counts">{_counts(totals, calls, brands)}</div></div></header>
<main><section><h2>Published {clear}</h2>{body}</section>
<section><h2>Calls</h2><div class="panel">{_calls(calls)}</div></section></main>
<script>{_SCRIPT}</script>""",
        seen=newest,
    )


def mail(item: Item) -> Reply:
    """Return the HTML of a message as a mail program would show it: no script, nothing loaded."""
    policy = (
        "sandbox allow-popups; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "frame-ancestors 'self'"
    )
    return Reply(
        body=f'<base target="_blank">{item.html}'.encode(), mime="text/html; charset=utf-8",
        headers=_guarded(policy),
    )  # fmt: skip


def html(title: str, body: str, *, status: int = 200, seen: int = 0) -> Reply:
    """Return a page. Its policy forbids every resource that is not ours."""
    document = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{_style()}</style></head>'
        f'<body data-seen="{seen}">{body}</body></html>'
    )
    policy = (
        "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; frame-ancestors 'none'"
    )
    mime = "text/html; charset=utf-8"
    return Reply(status, body=document.encode(), mime=mime, headers=_guarded(policy))


def _guarded(policy: str) -> dict[str, str]:
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


@cache
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def _counts(totals: Mapping[str, int], calls: Sequence[Row], brands: Mapping[str, Brand]) -> str:
    counts = [(brand.title, totals.get(name, 0)) for name, brand in brands.items()]
    counts.append(("calls", calls[-1].number if calls else 0))
    counts.append(("faults", sum(bool(row.fault) for row in calls)))
    return "".join(
        f'<span class="count"><b>{count:,}</b> {escape(title)}</span>'
        for title, count in counts
        if count or title == "calls"
    )


def _thread(thread: Iterable[Item], brands: Mapping[str, Brand]) -> str:
    return (
        f'<article class="thread">{"".join(_post(i, brands[i.vendor]) for i in thread)}</article>'
    )


def _post(item: Item, brand: Brand) -> str:
    name, address = parseaddr(item.sender)
    who = name or address or item.sender or item.account
    initials = "".join(word[0] for word in re.findall(r"\w+", who)[:2]).upper()
    media = "".join(map(_figure, item.media))
    return f"""<div class="post{" gone" if item.deleted else ""}" style="--brand:{brand.color}">
<div class="face" aria-hidden="true">{escape(initials or "?")}</div><div>
<div class="who"><b title="{escape(item.sender, quote=True)}">{escape(who)}</b>{_recipient(item)}
<span class="soft">{escape(brand.title)} · {escape(item.kind)}</span>
<time datetime="{iso(item.time)}">{_clock(item.time)}</time></div>
{_content(item)}{f'<div class="media">{media}</div>' if media else ""}{_foot(item)}</div></div>"""


def _recipient(item: Item) -> str:
    return f'<span class="to">→ {escape(item.to)}</span>' if item.to else ""


def _content(item: Item) -> str:
    """Return the text; of a mail its subject, the first lines, and the HTML behind a click."""
    if not item.subject and not item.html:
        return f'<p class="text">{_linked(item.text)}</p>' if item.text else ""
    words = shorten(item.text[: 4 * _PREVIEW], _PREVIEW, placeholder=" …") or "HTML only"
    shown = f'<p class="subject">{escape(item.subject)}</p><p class="preview">{escape(words)}</p>'
    if not item.html:
        return shown
    frame = f'<iframe sandbox="allow-popups" loading="lazy" src="/_mail/{item.number}"></iframe>'
    return f"{shown}<details><summary>Show the mail</summary>{frame}</details>"


def _foot(item: Item) -> str:
    parts = [f'<span class="tag">{escape(k)} {escape(v)}</span>' for k, v in item.extra.items()]
    if item.deleted:
        parts.insert(0, '<span class="tag bad">deleted</span>')
    if item.link:
        parts.append(f"<span>link {_linked(item.link)}</span>")
    parts.append(f'<span class="mono">{escape(item.id)}</span>')
    return f'<div class="foot">{"".join(parts)}</div>'


def _figure(media: Attachment) -> str:
    name = escape(media.name or media.mime)
    if not media.data:
        described = f" · {escape(media.alt)}" if media.alt else ""
        return f"<figure><figcaption>{name} · {_size(media.size)}{described}</figcaption></figure>"
    alt = escape(media.alt, quote=True)
    return (
        f'<figure><img src="/_media/{media.sha256}" alt="{alt}" loading="lazy"><figcaption>'
        f"{alt or '<em>no description</em>'}<br>{name} · {_size(media.size)}</figcaption></figure>"
    )


def _linked(text: str) -> str:
    parts: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        address = escape(found[0], quote=True)
        parts += [escape(text[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join(parts) + escape(text[end:])


def _calls(calls: Sequence[Row]) -> str:
    rows = "".join(map(_call, list(calls)[::-1][:_SHOWN_CALLS]))
    return f"<table>{rows}</table>" if rows else '<div class="empty">No call yet.</div>'


def _call(row: Row) -> str:
    host, _, path = row.path.partition("/")
    tone = "ok" if 200 <= row.status < 400 else "no"
    if row.fault:
        tone = "hm"
    fault = f' <span class="tag">{escape(row.fault)}</span>' if row.fault else ""
    return (
        f'<tr><td><span class="mono"><b>{escape(row.method)}</b> /{escape(path)}</span>'
        f"<small>{escape(host)} · {_clock(row.time)}{fault}</small></td>"
        f'<td><span class="st {tone}">{row.status or "—"}</span>'
        f"<small>{row.milliseconds} ms</small></td></tr>"
    )


def _empty(url: str) -> str:
    return f"""<div class="panel empty"><b>Nothing published yet</b>
Point mktool here and whatever it sends shows up on this page.<br>
<code>MKTOOL_SANDBOX={escape(url)} mktool post …</code></div>"""


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
