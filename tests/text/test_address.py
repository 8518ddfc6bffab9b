"""Addresses: what is sent to, what is refused and why, and what counts as the same."""

from __future__ import annotations

import pytest

from mktool.text.address import email_address, identity, phone_number

LONG = "@" + ".".join(["b" * 61] * 3) + ".de"


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("anna@example.com", "anna@example.com"),
        (" Anna.Schmidt+news@Mail.EXAMPLE.com\n", "Anna.Schmidt+news@mail.example.com"),
        ("o'neil_!#$%&*/=?^`{|}~-@a-b.example", "o'neil_!#$%&*/=?^`{|}~-@a-b.example"),
        ("a@münchen.example", "a@xn--mnchen-3ya.example"),
        ("a@MÜNCHEN.example", "a@xn--mnchen-3ya.example"),
        ("a@mu\u0308nchen.example", "a@xn--mnchen-3ya.example"),
        ("a@xn--mnchen-3ya.example", "a@xn--mnchen-3ya.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),  # IDNA 2008, not 2003
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("jose\u0301@example.com", "josé@example.com"),
        ("a@例子。广告", "a@xn--fsqu00a.xn--4rr70v"),
        ("a@mail.local", "a@mail.local"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
        ("x" * 64 + LONG, "x" * 64 + LONG),
    ],
)
def test_addresses(raw: str, address: str) -> None:
    assert email_address(raw) == address
    assert email_address(address) == address


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"), (" ", "empty"), ("anna", "no @"), ("a@b@example.com", "two @"),
        ("@example.com", "nothing before the @"), ("a@", "nothing after the @"),
        ("a b@example.com", "a space inside"), ("a@exam\u00a0ple.com", "a space inside"),
        ("Anna <a@example.com>", "a name and an address in one cell"),
        ("a@example.com, b@example.com", "a comma or semicolon: two addresses"),
        ("a@example.com;b@example.com", "a comma or semicolon: two addresses"),
        ('"a b"@example.com', "a quotation mark"), ("mailto:a@example.com", "mailto:"),
        ("a@[127.0.0.1]", "an IP address"), ("a@127.0.0.1", "an IP address"),
        ("a@localhost", "the domain has no dot"), ("a..b@example.com", "two dots"),
        (".a@example.com", "a dot at the edge of the part before"), ("a@b.de.", "of the domain"),
        ("a@example.123", "ends in a number"), ("a@example.c", "ends in a single letter"),
        ("a\x00@example.com", "a control character"), ("a\ud800@example.com", "a control char"),
        ("\u200ba@example.com", "an invisible character"), ("a@-b.example", "hyphen"),
        ("a@b_c.example", "invalid characters"), ("a(b)@example.com", "invalid characters"),
        ("x" * 65 + "@example.com", "too long before the @"), ("x" * 62 + "üü" + LONG, "254 bytes"),
        ("a@" + "b" * 64 + ".example", "too many"), ("a@xn--zzzzzz99999.example", "IDNA"),
        ("a\uff20example.com", "full-width"), ("=cmd|'/c'!A1", "no @"),
    ],
)  # fmt: skip
def test_addresses_that_are_none(raw: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        email_address(raw)


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+15551234567", "+15551234567"),
        (" +1 (555) 123-4567 ", "+15551234567"),
        ("+1.555.123.4567", "+15551234567"),
        ("+44 20\u20117946\u00a00958", "+442079460958"),
        ("0049 170/1234567", "+491701234567"),
        ("+49 (0)170 1234567", "+491701234567"),
        ("+49-(0)-170-1234567", "+491701234567"),
        ("'+15551234567", "+15551234567"),
        ("\u202a+15551234567\u202c", "+15551234567"),  # as copied from an address book
        ("+2908123", "+2908123"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_numbers(raw: str, number: str) -> None:
    assert phone_number(raw) == number


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"), ("0170 1234567", "no country code: it starts"), ("15551234567", "country"),
        ("1.55512E+10", "shortened by a spreadsheet"), ("1,55512e+10", "shortened by a spread"),
        ("15551234567.0", "country code"), ("+1 555 123 x12", "not a digit"), ("N/A", "digit"),
        ("+1५५५1234567", "not a digit"), ("+0123456789", "starts with 0"), ("00", "too short"),
        ("+290812", "too short"), ("+1234567890123456", "too long"), ("++15551234567", r"a \+"),
        ("+15551234567; +15551234568", "two numbers"), ("+1555\x001234567", "not a digit"),
        ("=+15551234567", "not a digit"),
    ],
)  # fmt: skip
def test_numbers_that_are_none(raw: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        phone_number(raw)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna@example.com", "anna@EXAMPLE.com"),
        ("JOSÉ@example.com", "jose\u0301@example.com"),
        ("İ@example.com", "i\u0307@example.com"),
    ],
)
def test_spellings_of_one_address(one: str, other: str) -> None:
    assert identity(one) == identity(other)
    assert identity(identity(one)) == identity(one)


def test_different_people_stay_apart() -> None:
    people = ["a.b@example.com", "ab@example.com", "a+b@example.com", "straße@x.de", "strasse@x.de"]
    assert len({identity(address) for address in people}) == len(people)
