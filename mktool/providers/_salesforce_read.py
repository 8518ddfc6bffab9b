"""Records of a Salesforce org, read by SOQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import Unsupported
from ..http.reply import Reply
from ..records import Page, Record, Wish, text_of
from ..spec import RecordKind
from . import _salesforce_bulk as bulk
from ._salesforce_org import ADDRESS, Column, Org, instant, literal, named, quoted, select

OWN = ("Id", "SystemModstamp", "IsDeleted")  # what a record is known, dated and missed by
# Made of fields that stand beside them, or files; a query in bulk refuses them.
COMPOUND = frozenset({"address", "location", "base64", "complexvalue"})
PAGE = 2000
MEMBERS = ("ContactId", "LeadId", "Email", "MobilePhone", "FirstName", "LastName",
           "CompanyOrAccount", "Status", "HasOptedOutOfEmail")  # fmt: skip


def pull(org: Org, kind: RecordKind, wish: Wish) -> Iterator[Page]:
    """Yield the records in the order of their changes; more than `PAGE` by a job in bulk.

    A record that changes meanwhile goes to the end and is read once more: none is left out.
    """
    columns = chosen(org, kind.object, wish.fields)
    deleted = wish.since is not None
    where = f" WHERE SystemModstamp >= {instant(wish.since)}" if wish.since is not None else ""
    soql = select(_selected(columns), kind.object)
    cursor = wish.cursor
    if not cursor:
        found = org.count(f"{kind.object}{where}", deleted=deleted)
        if found > PAGE or len(soql) > ADDRESS:
            cursor = bulk.begin(org, soql + where, deleted=deleted)
            yield Page((), cursor)
    if bulk.is_job(cursor):
        for table, rest in bulk.pages(org, cursor):
            yield Page([record(row, columns) for row in table], rest)
        return
    while True:
        after = _after(cursor) or where
        order = f" ORDER BY SystemModstamp, Id LIMIT {PAGE}"
        rows = list(org.rows(soql + after + order, deleted=deleted))
        last = rows[-1] if rows else None
        whole = last is None or len(rows) < PAGE
        cursor = f"{_utc(last.need('SystemModstamp'))} {last.need('Id')}" if last else ""
        yield Page([record(row, columns) for row in rows], "" if whole else cursor)
        if whole:
            return


def fetch(
    org: Org, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...]
) -> Iterator[Record]:
    """Yield the records in which a field is one of ``values``, compared as its type is."""
    columns = chosen(org, kind.object, fields)
    wanted = named("Id" if field == "id" else field)
    by = org.columns(kind.object).get(wanted.lower(), Column(wanted, "string"))
    query = select(_selected(columns), f"{kind.object} WHERE {by.name}")
    for row in org.among(query, [literal(by, value) for value in values]):
        yield record(row, columns)


def members(org: Org, group: str, id: str, fields: tuple[str, ...]) -> Iterator[Record]:
    """Yield the contacts and leads of a campaign, by their ids."""
    if group != "campaign":
        raise Unsupported(f"Salesforce has no {group} to list", hint="use campaign/ID")
    names = [named(name) for name in fields or MEMBERS]
    columns = [Column(name, "string") for name in names]
    wanted = dict.fromkeys(["Id", "LeadOrContactId", *names])
    after = ""
    while True:
        where = f"CampaignMember WHERE CampaignId = {quoted(id)}{after} ORDER BY Id LIMIT {PAGE}"
        rows = list(org.rows(select(wanted, where)))
        for row in rows:
            if row.get("LeadOrContactId"):
                yield Record(row.need("LeadOrContactId"), _values(row, columns))
        if len(rows) < PAGE:
            return
        after = f" AND Id > {quoted(rows[-1].need('Id'))}"


def chosen(org: Org, object: str, fields: tuple[str, ...]) -> list[Column]:
    """Return the fields to read: those asked for, else all that a query can give."""
    known = org.columns(object)
    if not fields:
        return [column for column in known.values() if column.type not in COMPOUND]
    return [known.get(named(name).lower(), Column(name, "string")) for name in fields]


def _selected(columns: Sequence[Column]) -> list[str]:
    return list(dict.fromkeys([*OWN, *(column.name for column in columns)]))


def _after(cursor: str) -> str:
    """Return the condition for what comes after the last record that was read."""
    at, _, id = cursor.partition(" ")
    if not cursor:
        return ""
    at = literal(Column("cursor", "datetime"), at)
    return f" WHERE (SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > {quoted(id)}))"


def record(row: Reply, columns: Sequence[Column]) -> Record:
    """Return a record as it was read, from JSON or from a table."""
    at = row.moment("SystemModstamp")
    if row.need("IsDeleted").lower() == "true":
        return Record(row.need("Id"), {}, at, deleted=True)
    return Record(row.need("Id"), _values(row, columns), at)


def _values(row: Reply, columns: Sequence[Column]) -> dict[str, str | None]:
    return {column.name: _text(row, column) for column in columns}


def _text(row: Reply, column: Column) -> str | None:
    """Return a value as both ways of reading give it: a table has no null, and writes UTC as Z."""
    told = row.data[column.name] if column.name in row.data else row.get(column.name)
    text = text_of(told) or None
    return _utc(text) if text and column.type == "datetime" else text


def _utc(text: str) -> str:
    return text.removesuffix("+0000") + "Z" if text.endswith("+0000") else text
