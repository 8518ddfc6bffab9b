"""
Recipients from a vendor's list: ``PROVIDER[:ACCOUNT]:GROUP/ID``.

They are read page by page, when the campaign reads its list, and never written down elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice

from ... import providers
from ...capability import CanListMembers
from ...errors import InvalidInput, Unsupported
from ...records import Record
from ..session import open_session
from ..settings import Settings
from .recipients import Rows
from .tables import Row, Table, checked, named

PEEK = 1000  # records whose fields become the columns
_PLACE = re.compile(
    r"(?P<provider>[a-z][a-z0-9-]+)(:(?P<account>[^:/]+))?:(?P<group>[a-z_]+)/(?P<id>[^/\s]\S*)"
)


def is_members(source: str) -> bool:
    """Whether a source of recipients is a vendor's list, and no file or database."""
    return _PLACE.fullmatch(source) is not None


def open_members(settings: Settings, source: str) -> Rows:
    """Open a vendor's list; `Unsupported` where that vendor has none."""
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
        return Rows(source, _table(provider, found["group"], found["id"], source),
                    closing.pop_all(), None)  # fmt: skip


def _table(provider: CanListMembers, group: str, id: str, source: str) -> Table:
    records = provider.members(group, id, ())
    first = list(islice(records, PEEK))
    if not first:
        raise InvalidInput(f"{source}: nobody is in it", hint="check its id at the vendor")
    columns = list(dict.fromkeys(name for record in first for name in record.values))
    known = [] if "id" in columns else ["id"]
    return Table(named(known + columns, source), _rows(chain(first, records), columns, bool(known)))


def _rows(records: Iterator[Record], columns: list[str], with_id: bool) -> Iterator[Row]:
    for line, record in enumerate(records, start=1):
        values = [record.values.get(name) or "" for name in columns]
        yield checked(line, [record.id, *values] if with_id else values)
