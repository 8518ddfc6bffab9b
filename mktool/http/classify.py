"""What a response means: a reply, or one error of the tree. All differences are data."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .. import errors as e
from ..spec import Endpoint, Rule, Spec, dig
from .reply import Response

BY_STATUS: Mapping[int, type[e.ProviderError]] = {
    401: e.Unauthorized,
    403: e.Forbidden,
    404: e.NotFound,
    408: e.Unavailable,
    410: e.NotFound,
    425: e.Unavailable,
    429: e.RateLimited,
}
TEXT_LIMIT = 300


def classify(
    spec: Spec, endpoint: Endpoint, account: str, response: Response, *, keyed: bool = False,
    hide: Callable[[str], str] = str,
) -> e.ProviderError | None:  # fmt: skip
    """Return the error that a response stands for, or None for a success.

    ``keyed``: the request carried an idempotency key, so it may be repeated. ``hide`` takes its
    secrets out of the vendor's words.
    """
    data = response.json(exact=endpoint.exact)
    code = _first(data, spec.error_code) or _word(endpoint, response)
    text = _first(data, spec.error_text)
    failed = not 200 <= response.status < 300 or _says_failed(spec, data)
    failed |= bool(endpoint.answer and (code or text)) and dig(data, endpoint.answer) is None
    rule = _rule(spec.rules, endpoint, response, code, text) if failed else None
    kind = rule.raises if rule else _default(endpoint, response, data, failed, keyed=keyed)
    if kind is None:
        return None
    if kind is e.OutcomeUnknown and (endpoint.safe_to_repeat or keyed):
        kind = e.Unavailable  # a rule knows the reply, not whether the call may be repeated
    where = e.Context(
        spec.name,
        account,
        endpoint.operation,
        response.status,
        hide(printable(code))[:80],
        hide(request_id(spec, response)),
    )
    told = _filled(rule.message, data) if rule else ""
    message = told or text or code or _describe(response, data)
    return kind(
        hide(printable(message)),
        where,
        hint=rule.hint if rule else "",
        retry_after=(rule.after if rule else None) or retry_after(spec, response),
    )


def _says_failed(spec: Spec, data: Any) -> bool:
    return spec.failed is not None and dig(data, spec.failed[0]) == spec.failed[1]


def _default(
    endpoint: Endpoint, response: Response, data: Any, failed: bool, *, keyed: bool
) -> type[e.ProviderError] | None:
    repeatable = endpoint.safe_to_repeat or keyed
    if response.status >= 500:
        return e.Unavailable if repeatable else e.OutcomeUnknown
    if response.status >= 400:
        return BY_STATUS.get(response.status, e.Rejected)
    if failed:  # a redirect, or an informational status: not the vendor's API
        return e.UnexpectedReply if response.status >= 300 or response.status < 200 else e.Rejected
    if data is None and not _text_is_fine(endpoint, response):
        return e.UnexpectedReply if repeatable else e.OutcomeUnknown
    return None


def _text_is_fine(endpoint: Endpoint, response: Response) -> bool:
    """Some endpoints answer in plain text or bytes; a web page is never an answer."""
    return endpoint.answers_text and not _is_page(response)


def _is_page(response: Response) -> bool:
    start = response.body.lstrip()[:200].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _rule(
    rules: Sequence[Rule], endpoint: Endpoint, response: Response, code: str, text: str
) -> Rule | None:
    status, text = response.status, text or plain(response)
    for rule in rules:
        if rule.status != status and (rule.status is not None or status >= 500):
            continue  # after a 5xx a write may have happened, whatever the text says
        if rule.operation is not None and not re.fullmatch(rule.operation, endpoint.operation):
            continue
        if rule.code is not None and not re.fullmatch(rule.code, code):
            continue
        if rule.text is not None and not re.search(rule.text, text, re.IGNORECASE):
            continue
        if rule.header is not None and response.headers.get(rule.header[0]) != rule.header[1]:
            continue
        return rule
    return None


def _first(data: Any, paths: Sequence[str]) -> str:
    for path in paths:
        value = dig(data, path)
        if value not in (None, "") and not isinstance(value, dict | list | bool):
            return str(value)
    return ""


def _word(endpoint: Endpoint, response: Response) -> str:
    """Where a success is plain text, a failure is often one word: the code."""
    word = plain(response) if endpoint.answers_text else ""
    return word if re.fullmatch(r"[a-z][a-z_]+", word) else ""


def _filled(message: str, data: Any) -> str:
    return re.sub(r"\{([\w.]+)\}", lambda path: str(dig(data, path[1]) or "?"), message)


def plain(response: Response) -> str:
    """A short text/plain body; some webhooks answer with a bare word."""
    if _is_page(response) or len(response.body) > TEXT_LIMIT:
        return ""
    return response.body.decode("utf-8", "replace")


def _describe(response: Response, data: Any) -> str:
    if _is_page(response):
        return "answered with a web page instead of data"
    if 300 <= response.status < 400:
        return "answered with a redirect, which is not followed"
    if data is None:
        return "answered with something that is not JSON"
    return "refused" if response.status < 500 else "failed inside"


def printable(text: str) -> str:
    """One line of printable characters: a reply must not steer the terminal."""
    line = " ".join(text.split())
    return "".join(c for c in line if c.isprintable())[:TEXT_LIMIT]


def request_id(spec: Spec, response: Response) -> str:
    found = (response.headers.get(name, "") for name in spec.request_id)
    return printable(next(filter(None, found), ""))[:100]


def retry_after(spec: Spec, response: Response, now: float | None = None) -> float | None:
    """Return seconds to wait, from ``Retry-After`` in either form (RFC 9110 section 10.2.3)
    or the vendor's reset header, measured against the server's own clock."""
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    if value and (at := http_date(value)) is not None:
        return max(0.0, at - _clock(response, now))
    return reset_in(spec, response, now) if response.status == 429 else None


def reset_in(spec: Spec, response: Response, now: float | None = None) -> float | None:
    """Return the seconds until the vendor's window starts anew, where a header says it."""
    if spec.throttle is None:
        return None
    value = response.headers.get(spec.throttle.reset, "")
    if not re.fullmatch(r"\d{1,12}(\.\d+)?", value):
        return None
    if spec.throttle.reset_is == "seconds":
        return float(value)
    return max(0.0, float(value) - _clock(response, now))


def _clock(response: Response, now: float | None) -> float:
    """The time as the server has it; ours, where it does not say."""
    return http_date(response.headers.get("date", "")) or now or time.time()


@lru_cache(maxsize=64)  # many replies come in one second
def http_date(value: str) -> float | None:
    """Return epoch seconds for an HTTP date in any of its three forms (RFC 9110 section 5.6.7)."""
    if not value:
        return None
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        at = parsedate_to_datetime(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
