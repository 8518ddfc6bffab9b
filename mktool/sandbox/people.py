"""Made-up people and companies: number N is always the same, and nobody's address is real."""

from __future__ import annotations

from typing import NamedTuple

_FIRST = ("Ada", "Bruno", "Chidi", "Dana", "Elif", "Farid", "Grace", "Hana", "Ivan", "Jun", "Kofi",
          "Lena", "Mateo", "Nina", "Omar", "Priya", "Quinn", "Rosa", "Sven", "Tara", "Uma", "Vera",
          "Wei", "Yusuf", "Zoë")  # fmt: skip
_LAST = ("Abel", "Braun", "Costa", "Diaz", "Eriksen", "Fischer", "García", "Haddad", "Ito",
         "Jansen", "Kaya", "Lopez", "Müller", "Nowak", "Okafor", "Park", "Rossi", "Silva", "Tanaka",
         "Vogel", "Weber", "Yilmaz", "Zhang")  # fmt: skip
_TRADE = ("Bakery", "Labs", "Logistics", "Optics", "Paper", "Robotics", "Studios", "Tools", "Wind")
_PER_COMPANY = 20  # people


class Person(NamedTuple):
    """Somebody who does not exist."""

    first: str
    last: str
    email: str
    company: str
    phone: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


def person(number: int) -> Person:
    """Return invented person number N."""
    first = _FIRST[number % len(_FIRST)]
    last = _LAST[number // len(_FIRST) % len(_LAST)]
    phone = f"+1 555 {number // 10_000 % 1000:03d} {number % 10_000:04d}"
    return Person(first, last, email(number), company(number // _PER_COMPANY), phone)


def email(number: int) -> str:
    """Return the address of invented person number N."""
    return f"person{number}@company{number // _PER_COMPANY}.example"


def company(number: int) -> str:
    """Return the name of invented company number N."""
    return f"{_LAST[number % len(_LAST)]} {_TRADE[number % len(_TRADE)]} {number}"
