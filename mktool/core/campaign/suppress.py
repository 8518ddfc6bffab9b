"""Who must not be written to any more: said by people, read from files, told by vendors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from ... import errors as e
from ... import providers
from ...capability import CanSuppress
from ...message import Reason, Suppressed
from ...spec import DAY
from ...store import accounts
from ...store.ledger import Ledger
from ...store.suppressions import EVERYWHERE, Suppressions
from ...text.address import either
from ..lists.recipients import Rows, address_column
from ..lists.tables import told as listed
from ..settings import DEFAULT, Settings, environment_accounts
from .plan import SHOWN, Problem

if TYPE_CHECKING:
    from ..session import Session

# Digests arrive in no order, so that a transaction touches about as many pages of the index as it
# has rows: few large ones write less than many small ones.
CHUNK = 50_000
OVERLAP = DAY  # before the last reading: vendors list some things late, and clocks differ


@dataclass(slots=True)
class Imported:
    """What a file came to; ``added`` were not suppressed before."""

    rows: int = 0
    added: int = 0
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def known(self) -> int:
        return self.rows - self.bad - self.added


@dataclass(slots=True)
class Synced:
    """What an account told; a failure is in it, not raised."""

    provider: str
    account: str
    read: int = 0
    added: int = 0
    error: e.MktoolError | None = None


def add(
    settings: Settings, ledger: Ledger, addresses: Sequence[str], *, list: str = EVERYWHERE,
    reason: Reason = "manual",
) -> int:  # fmt: skip
    """Suppress addresses and numbers, and return how many were not yet.

    `InvalidInput` names the first that is neither; then none is.
    """
    found = [Suppressed(_checked(address), reason) for address in addresses]
    return _book(ledger).add(found, source="manual", list=list, hashed=hashed(settings))


def remove(ledger: Ledger, addresses: Sequence[str], list: str | None = None) -> int:
    """Let addresses and numbers be written to again; return how many suppressions that ended.

    ``list`` None is all lists. `InvalidInput` names what is neither.
    """
    wanted = [_checked(address) for address in addresses]
    return sum(_book(ledger).remove(address, list) for address in wanted)


def read(
    settings: Settings, ledger: Ledger, rows: Rows, *, list: str = EVERYWHERE,
    reason: Reason = "manual",
) -> Imported:  # fmt: skip
    """Suppress whoever is in a list, read as a stream; rows that hold no address are counted.

    `InvalidInput` if no column is known to hold addresses.
    """
    place, found = rows.columns.index(_column(rows.columns)), Imported()
    book, source = _book(ledger), f"import {rows.source}"
    for chunk in _chunks(_people(rows, place, reason, found)):
        settings.breathe()
        found.added += book.add(chunk, source=source, list=list, hashed=hashed(settings))
    return found


def connected(settings: Settings, wanted: Sequence[str]) -> list[tuple[str, str]]:
    """Return (provider, account) of what can tell whom not to write to, "" the environment's.

    ``wanted`` are providers, none of them is all. `Unsupported` for one that cannot tell,
    `NeedsLogin` for one that is not connected.
    """
    names = [providers.load(name).spec.name for name in wanted]
    for name in names:
        if not issubclass(cls := providers.load(name), CanSuppress):
            raise e.Unsupported(f"{cls.spec.title} does not tell whom it has suppressed")
    supplied = environment_accounts(settings)
    every = [(name, "") for name in supplied]
    every += [
        (one.provider, one.account)
        for one in accounts.read_all()
        if one.account != DEFAULT or one.provider not in supplied
    ]
    able = [one for one in every if issubclass(providers.load(one[0]), CanSuppress)]
    for name in names:
        if name not in dict(able):
            raise e.NeedsLogin(f"{name} is not connected", hint=e.login_command(name))
    found = [one for one in able if one[0] in names] if names else able
    if not found:
        raise e.NeedsLogin(
            "no account is connected that tells whom it has suppressed", hint="mktool providers"
        )
    return found


def sync(settings: Settings, provider: str, account: str) -> Synced:
    """Suppress whomever an account has suppressed since it was asked last."""
    from ..session import open_session

    found = Synced(provider, account or DEFAULT)
    try:
        session = open_session(settings, provider, account)
    except e.MktoolError as error:
        found.error = error
        return found
    try:
        _read_vendor(session, found)
    except e.MktoolError as error:
        found.error = error
    finally:
        session.close()
    return found


def told(
    session: Session, people: Iterable[Suppressed], source: str
) -> Iterator[tuple[Sequence[Suppressed], int]]:
    """Suppress what a vendor tells, chunk by chunk; yield each with how many were not yet.

    Addresses come out in the form they are sent to; one that has none is never sent to.
    """
    book, as_hash = _book(session.ledger), hashed(session.settings)
    for chunk in _chunks(people):
        session.breathe()
        good = [one for one in map(_normal, chunk) if one is not None]
        yield good, book.add(good, source=source, hashed=as_hash)


def hashed(settings: Settings) -> bool:
    """Whether addresses are to be kept as hashes only."""
    return bool(settings.config.get("campaign", "suppress_hashed"))


def _read_vendor(session: Session, found: Synced) -> None:
    assert isinstance(session.provider, CanSuppress)
    book, began = _book(session.ledger), session.ledger.clock()
    since = max(0.0, book.synced(session.name) - OVERLAP)
    for chunk, added in told(session, session.provider.suppressed(since), session.name):
        found.read += len(chunk)
        found.added += added
    book.note_sync(session.name, began)  # only now: vendors tell the newest first


def _people(rows: Rows, place: int, reason: Reason, found: Imported) -> Iterator[Suppressed]:
    for line, values, problem in rows:
        found.rows += 1
        raw, why = values[place], problem
        if not problem:
            try:
                yield Suppressed(either(raw), reason)
            except ValueError as error:
                why = str(error)
        if why:
            found.bad += 1
            if len(found.problems) < SHOWN:
                found.problems.append(Problem(line, raw[:100], why))


def _column(columns: Sequence[str]) -> str:
    """Return the column of e-mail addresses, else that of numbers, else the only one."""
    if len(columns) == 1:
        return columns[0]
    try:
        return address_column(columns, "email")
    except e.InvalidInput:
        try:
            return address_column(columns, "sms")
        except e.InvalidInput:
            raise e.InvalidInput(
                f"which column holds the addresses is not clear; there are {listed(columns)}",
                hint="name it email, or phone",
            ) from None


def _checked(raw: str) -> str:
    try:
        return either(raw)
    except ValueError as reason:
        raise e.InvalidInput(
            f"{raw!r} is no address and no number: {reason}",
            hint="ada@acme.example, or +15550100200",
        ) from None


def _normal(one: Suppressed) -> Suppressed | None:
    try:
        return one._replace(address=either(one.address))
    except ValueError:
        return None


def _chunks(people: Iterable[Suppressed]) -> Iterator[list[Suppressed]]:
    waiting = iter(people)
    while chunk := [*islice(waiting, CHUNK)]:
        yield chunk


def _book(ledger: Ledger) -> Suppressions:
    return Suppressions(ledger)
