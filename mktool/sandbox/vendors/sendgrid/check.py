"""What a request to send must be: https://www.twilio.com/docs/sendgrid/api-reference/mail-send.

The errors are those of its page "Errors" (read 2026-11): each names its field, and all come at
once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...fate import ADDRESS
from ...vendor import text_of
from .desk import Problem

MOST = 1000  # personalizations, and recipients of all of them
SUBSTITUTIONS = 10_000  # bytes of one personalization
ARGUMENTS = 10_000  # bytes of the custom arguments
LATEST = 72 * 3600  # seconds that a mail can be scheduled ahead
CATEGORIES, CATEGORY = 10, 255
_ROLES = ("to", "cc", "bcc")


def problems(body: Mapping[str, Any], now: float) -> Iterator[Problem]:
    """Yield everything that is wrong."""
    yield from _address(body.get("from"), "from")
    if body.get("reply_to") is not None:
        yield from _address(body["reply_to"], "reply_to")
    yield from _personalizations(body, now)
    yield from _content(body)
    yield from _categories(body)
    yield from _moment(body, "send_at", now)
    yield from _arguments(body, "custom_args")


def rows(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def table(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _personalizations(body: Mapping[str, Any], now: float) -> Iterator[Problem]:
    found = rows(body.get("personalizations"))
    if not found:
        yield Problem("You must have at least one personalization.", "personalizations")
    if len(found) > MOST:
        yield Problem(
            f"The personalization block is limited to {MOST} personalizations per API request. "
            f"You have provided {len(found)} personalizations.",
            "personalizations",
        )
        return
    people = sum(len(rows(table(one).get(role))) for one in found for role in _ROLES)
    if people > MOST:
        yield Problem(f"There is a limit of {MOST} total recipients (to + cc + bcc) per request.",
                      "personalizations")  # fmt: skip
    for number, one in enumerate(found):
        yield from _personalization(body, table(one), f"personalizations.{number}", now)


def _personalization(
    body: Mapping[str, Any], one: dict[str, Any], where: str, now: float
) -> Iterator[Problem]:
    if not rows(one.get("to")):
        yield Problem("The to array is required for all personalization objects.", f"{where}.to")
    seen: set[str] = set()
    for role in _ROLES:
        for at, person in enumerate(rows(one.get(role))):
            yield from _address(person, f"{where}.{role}.{at}")
            email = text_of(table(person), "email").lower()
            if email in seen:
                yield Problem("Each email address in the personalization block should be unique "
                              f"between to, cc, and bcc. We found the first duplicate instance of "
                              f"[{email}] in the {where}.{role} field.", where)  # fmt: skip
            seen.add(email)
    template = text_of(body, "template_id")
    if not template.startswith("d-") and not text_of(one, "subject") and not _subject(body):
        yield Problem("The subject is required.", "subject")
    yield from _substitutions(one.get("substitutions"), f"{where}.substitutions", template)
    yield from _moment(one, "send_at", now, where)
    yield from _arguments(one, "custom_args", where)


def _substitutions(given: object, where: str, template: str) -> Iterator[Problem]:
    if given is None:
        return
    values = table(given)
    if not isinstance(given, dict) or not all(isinstance(v, str) for v in values.values()):
        yield Problem("Substitutions must be an object whose values are strings.", where)
    elif template.startswith("d-"):
        yield Problem("Substitutions may not be used with dynamic templating", where)
    elif sum(len(k.encode()) + len(v.encode()) for k, v in values.items()) > SUBSTITUTIONS:
        yield Problem(f"Substitutions are limited to {SUBSTITUTIONS} bytes per personalization.",
                      where)  # fmt: skip


def _content(body: Mapping[str, Any]) -> Iterator[Problem]:
    found = rows(body.get("content"))
    if not found and not body.get("template_id"):
        yield Problem("The content parameter is required without a template_id.", "content")
    kinds = [text_of(table(one), "type") for one in found]
    for number, one in enumerate(found):
        if not text_of(table(one), "value"):
            yield Problem("The content value must be a string at least one character in length.",
                          f"content.{number}.value")  # fmt: skip
        if "/" not in kinds[number]:
            yield Problem("The content type must be a valid mime type.", f"content.{number}.type")
    order = [kind for kind in kinds if kind in ("text/plain", "text/html")]
    if order != sorted(set(order), reverse=True) or "text/plain" in kinds[1:]:
        yield Problem("text/plain must be first, then text/html, each only once.", "content")


def _categories(body: Mapping[str, Any]) -> Iterator[Problem]:
    found = rows(body.get("categories"))
    if len(found) > CATEGORIES:
        yield Problem(f"There is a limit of {CATEGORIES} categories per request.", "categories")
    if len(set(map(str, found))) < len(found):
        yield Problem("You cannot have duplicate categories.", "categories")
    for number, one in enumerate(found):
        if not isinstance(one, str) or not 1 <= len(one) <= CATEGORY or not one.isascii():
            yield Problem(f"A category is a text of at most {CATEGORY} ASCII characters.",
                          f"categories.{number}")  # fmt: skip


def _moment(body: Mapping[str, Any], name: str, now: float, where: str = "") -> Iterator[Problem]:
    given = body.get(name)
    if given is None:
        return
    field = f"{where}.{name}".lstrip(".")
    if not isinstance(given, int) or isinstance(given, bool):
        yield Problem("The send_at parameter must be an integer.", field)
    elif given > now + LATEST:
        yield Problem("Scheduling more than 72 hours in advance is forbidden.", field)


def _arguments(body: Mapping[str, Any], name: str, where: str = "") -> Iterator[Problem]:
    given = body.get(name)
    if given is None:
        return
    field, values = f"{where}.{name}".lstrip("."), table(given)
    if not isinstance(given, dict) or not all(isinstance(v, str) for v in values.values()):
        yield Problem("Custom arguments must be an object whose values are strings.", field)
    elif sum(len(k.encode()) + len(v.encode()) for k, v in values.items()) > ARGUMENTS:
        yield Problem(f"Custom arguments are limited to {ARGUMENTS} bytes.", field)


def _address(person: object, where: str) -> Iterator[Problem]:
    if not isinstance(person, dict):
        yield Problem("An email object must have an email address.", where)
    elif not ADDRESS.fullmatch(text_of(person, "email")):
        yield Problem("Does not contain a valid address.", f"{where}.email")


def _subject(body: Mapping[str, Any]) -> str:
    return text_of(body, "subject") or text_of(body, "template_id")
