"""
Recipients from a vendor's list: ``PROVIDER[:ACCOUNT]:GROUP/ID``.

They are read page by page, when the campaign reads its list, and never written down elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, islice

from ... import providers
from ...capability import CanListMembers
from ...errors import InvalidInput, Unsupported
from ...message import Channel
from ...records import Record
from ..lists.recipients import Rows
from ..lists.tables import Row, Table, checked, named
from ..session import open_session
from ..settings import Settings
from .plan import ENABLED

ID, MAY = "id", "subscription"  # columns of ours
PEEK = 1000  # records whose fields become the columns
_PLACE = re.compile(
    r"(?P<provider>[a-z][a-z0-9-]+)(:(?P<account>[^:/]+))?:(?P<group>[a-z_]+)/(?P<id>[^/\s]\S*)"
)


def is_members(source: str) -> bool:
    """Whether a source of recipients is a vendor's list, and no file or database."""
    return _PLACE.fullmatch(source) is not None


def open_members(settings: Settings, source: str, channel: Channel) -> Rows:
    """Open a vendor's list; `Unsupported` where that vendor has none.

    Who has told the vendor to want no mail is not to be written to.
    """
    found = _PLACE.fullmatch(source)
    if found is None:
        raise InvalidInput(f"{source}: is no list", hint="PROVIDER:list/ID")
    cls = providers.load(found["provider"])
    if not issubclass(cls, CanListMembers):
        raise Unsupported(f"{cls.spec.title} has no lists to send to", hint="mktool providers")
    with ExitStack() as closing:
        session = open_session(settings, cls.spec.name, found["account"] or "")
        closing.callback(session.close)
        provider = session.provider
        assert isinstance(provider, CanListMembers)
        records = provider.members(found["group"], found["id"], ())
        optout = session.spec.optout if channel == "email" else ()
        return Rows(source, _table(records, optout, source), closing.pop_all(), None)


def _table(records: Iterator[Record], optout: Sequence[str], source: str) -> Table:
    first = list(islice(records, PEEK))
    if not first:
        raise InvalidInput(f"{source}: nobody is in it", hint="check its id at the vendor")
    fields = dict.fromkeys(name for record in first for name in record.values)
    columns = [name for name in fields if name not in (ID, MAY)]
    rows = _rows(chain(first, records), columns, optout)
    return Table(named([ID, MAY, *columns], source), rows, status=MAY)


def _rows(records: Iterator[Record], columns: list[str], optout: Sequence[str]) -> Iterator[Row]:
    for line, record in enumerate(records, start=1):
        out = any(record.values.get(name) == "true" for name in optout)
        values = [record.values.get(name) or "" for name in columns]
        yield checked(line, [record.id, "opted out" if out else ENABLED, *values])
