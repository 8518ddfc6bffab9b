"""
Where a message goes, checked for its form and written in one way.

E-mail addresses by RFC 5321 and 6531, without quoted local parts and IP literals, which mailing
lists do not have; phone numbers by ITU-T E.164. Every ValueError is a short reason for a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
# No two hyphens in a row, as punycode has them; possessive characters, but no groups: in those
# Python 3.11.2 (Debian 12) goes wrong.
_LABEL = "[a-z0-9]++(?:-[a-z0-9]++)*"
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z]{{2,}}").fullmatch
_SHORT = 64  # in so many characters no part of an address can be too long
_LONGEST = 254  # bytes, RFC 3696 erratum 1690

_EMAIL_FAULTS = (
    (r"^$", "empty"),
    (r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "a control character inside"),
    (r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]", "an invisible character inside"),
    (r"[<>]", "a name and an address in one cell"),
    (r'"', "a quotation mark inside"),
    (r"[,;]", "a comma or semicolon: two addresses in one cell?"),
    (r"\s", "a space inside"),
    (r"^[^@\uff20]*$", "no @"),
    (r"@.*@", "two @"),
    (r"^@", "nothing before the @"),
    (r"@$", "nothing after the @"),
    (r"^mailto:", "mailto: before the address"),
    (r"@\[|@[0-9.]+$", "an IP address instead of a domain"),
    (r"@[^.\u3002\uff0e\uff61]*$", "the domain has no dot"),
    (r"\.\.", "two dots in a row"),
    (r"^\.|\.@", "a dot at the edge of the part before the @"),
    (r"@\.|\.$", "a dot at the edge of the domain"),
    (r"\.[0-9]+$", "the domain ends in a number"),
    (r"\.[A-Za-z]$", "the domain ends in a single letter"),
)

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_TRUNK = re.compile(r"(?<=[0-9])[\s.-]*\(0\)")  # +49 (0)30: a zero that is dialled at home only
_SPACING = re.compile(r"[\s().\u00ad\u200b\u202a-\u202e\u2010-\u2015/-]+")

_NUMBER_FAULTS = (
    (r"^$", "empty"),
    (r"^[+0-9.,]+E\+?[0-9]+$", "shortened by a spreadsheet: format the column as text"),
    (r"[,;]", "a comma or semicolon: two numbers in one cell?"),
    (r"[^+0-9]", "something that is not a digit"),
    (r"^[0-9]+$", "no country code: it starts with + (as in +44…)"),
    (r".\+", "a + inside"),
    (r"^\+0", "no country code starts with 0"),
    (r"^.{0,7}$", "too short: with the country code it has 7 to 15 digits"),
    (r"", "too long: with the country code it has 7 to 15 digits"),
)


def email_address(raw: str) -> str:
    """Return the address to send to: NFC, the local part as given, the domain in A-labels.

    ValueError gives the reason if it is not one.
    """
    if len(raw) <= _SHORT and _PLAIN(raw):
        return raw
    address = unicodedata.normalize("NFC", raw.strip())
    local, at, domain = address.rpartition("@")
    plain = f"{local}@{domain.lower()}"
    if at and domain.isascii() and len(plain) <= _SHORT and _PLAIN(plain):
        return plain
    if reason := _first(_EMAIL_FAULTS, address):
        raise ValueError(reason)
    return _judged(address)


def are_plain(addresses: Sequence[str]) -> bool:
    """Tell whether all are e-mail addresses that `email_address` returns as they are."""
    return all(map(_PLAIN, addresses)) and max(map(len, addresses)) <= _SHORT


def phone_number(raw: str) -> str:
    """Return the number as E.164, a + and 7 to 15 digits; ValueError gives the reason if not."""
    if _NUMBER(raw):
        return raw
    number = raw.strip().removeprefix("'")  # an apostrophe keeps a spreadsheet from calculating
    compact = _SPACING.sub("", _TRUNK.sub("", number))
    if compact.startswith("00"):
        compact = f"+{compact[2:]}"
    if _NUMBER(compact):
        return compact
    shortened = _first(_NUMBER_FAULTS[:2], number.upper())  # before its dot was taken for spacing
    raise ValueError(shortened or _first(_NUMBER_FAULTS, compact))


def either(raw: str) -> str:
    """Return an e-mail address or a phone number, as the one or the other function above does."""
    return email_address(raw) if "@" in raw else phone_number(raw)


def identity(address: str) -> str:
    """Return what all spellings of one address, as the functions above return it, share."""
    if address.isascii():
        return address.lower()
    return unicodedata.normalize("NFC", address.lower())


def _judged(address: str) -> str:
    """Return the verdict on what is not plain ASCII, or long."""
    from email_validator import EmailNotValidError, validate_email

    if len(address.encode()) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} bytes")
    try:
        # A mail server at home may well be called mail.local: that is not about the form.
        found = validate_email(
            address, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return f"{found.local_part}@{found.ascii_domain}"


def _first(faults: tuple[tuple[str, str], ...], text: str) -> str:
    return next((reason for pattern, reason in faults if _compiled(pattern).search(text)), "")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
