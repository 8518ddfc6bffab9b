"""Finding things in Notion: pages, databases and people by name, what was written after its
answer was lost. Part of the vendor file beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .. import errors as e
from ..http.client import Calls
from ..http.pages import by_token
from ..http.reply import Reply
from ..records import Found
from ..spec import Endpoint
from ._notion_blocks import looks
from ._notion_place import PAGE, Parent, id_in

ME = Endpoint("me", "GET", "/v1/users/me")
USERS = Endpoint("users", "GET", "/v1/users")
# An integration without "read user information" gets no list: people are called by name then.
OWNERS = Endpoint("owners", "GET", "/v1/users")
SEARCH = Endpoint("search", "POST", "/v1/search", repeatable=True)
QUERY = Endpoint("query", "POST", "/v1/data_sources/{}/query", repeatable=True)
CHILDREN = Endpoint("children", "GET", "/v1/blocks/{}/children")
SKEW = 180.0  # seconds: Notion tells minutes, and its clock and ours may differ
MOST = 500  # pages of a hundred


def people(client: Calls) -> dict[str, str]:
    """Return the ids of the workspace's people by address, in lower case."""
    known = ((row.get("person.email"), row.get("id")) for row in _listed(client, OWNERS))
    return {str(email).lower(): str(id) for email, id in known if email and id}


def children(client: Calls, id: str) -> list[Reply]:
    """Return all blocks of a page, in order."""
    return list(_listed(client, CHILDREN, id))


def page_since(client: Calls, where: Parent, title: str, since: float) -> Iterator[Reply]:
    """Yield the pages of this title that we put there after ``since`` (epoch seconds)."""
    since -= SKEW
    found = _rows_since(client, where.id, since) if where.rows else _below(client, where.id)
    for page in found:
        fresh = page.moment("created_time") >= since
        if fresh and _plain(title) == _plain(_title(page)) and _is_ours(client, page):
            yield client.call(PAGE, page.need("id"))


def _is_ours(client: Calls, page: Reply) -> bool:
    maker = page.get("created_by.id")
    return not maker or maker == (client.options.get("account_id") or client.call(ME).need("id"))


def position(rows: Sequence[Reply], blocks: Sequence[Mapping[str, Any]], start: int) -> int | None:
    """Return where among ``rows``, of which ``start`` were there, the blocks are; None: nowhere.

    Raises `Unsupported` where somebody changed the page, so that it cannot be told.
    """
    wanted = [looks(block) for block in blocks]
    there = [looks(row.data) for row in rows]
    for at in range(start, len(there) - len(wanted) + 1):
        if all(map(_same, wanted, there[at:])):
            return at
    if len(rows) != start:
        raise e.Unsupported("somebody changed the page meanwhile, so that it cannot be told")
    return None


def _same(ours: tuple[str, str | None], theirs: tuple[str, str | None]) -> bool:
    (kind, text), (other, words) = ours, theirs
    return kind == other and (text is None or words is None or _plain(text) == _plain(words))


def find(client: Calls, kind: str, term: str) -> Iterator[Found]:
    """Yield pages and databases by title or id, people by name or address."""
    id = id_in(term)
    if kind == "user":
        yield from _people(client, term.lower())
    elif id and kind == "page":
        if (page := client.call(PAGE, id)).get("object") != "error":
            yield _found(kind, page)
    else:
        value = "page" if kind == "page" else "data_source"
        asked = {"query": "" if id else term, "filter": {"property": "object", "value": value}}
        for row in _posted(client, SEARCH, asked):
            if not id or id in (row.get("id"), row.get("parent.database_id")):
                yield _found(kind, row)


def _people(client: Calls, term: str) -> Iterator[Found]:
    for row in _listed(client, USERS):
        name, email = str(row.get("name") or ""), str(row.get("person.email") or "")
        if term in name.lower() or term in email.lower() or term == row.get("id"):
            told = {"email": email, "type": str(row.get("type") or "")}
            details = {name: value for name, value in told.items() if value}
            yield Found("user", row.need("id"), name or email, "", details)


def _found(kind: str, row: Reply) -> Found:
    told = {"edited": row.get("last_edited_time"), "database": row.get("parent.database_id")}
    details = {name: str(value) for name, value in told.items() if value}
    url = str(row.get("url") or "")
    return Found(kind, row.need("id"), _title(row) or "Untitled", url, details)


def _title(row: Reply) -> str:
    """A page has its title in one of its properties, a data source and a block of their own."""
    runs = row.get("title")
    for value in row.object("properties").values():
        if isinstance(value, dict) and value.get("type") == "title" and value.get("title"):
            runs = value["title"]
    found = runs if isinstance(runs, list) else []
    words = [str(run.get("plain_text", "")) for run in found if isinstance(run, dict)]
    return "".join(words) or str(row.get("child_page.title") or "")


def _plain(text: str) -> str:
    return " ".join(text.split())


def _below(client: Calls, id: str) -> Iterator[Reply]:
    return (row for row in children(client, id) if row.get("type") == "child_page")


def _rows_since(client: Calls, id: str, since: float) -> Iterator[Reply]:
    at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    new = {"timestamp": "created_time", "created_time": {"on_or_after": at}}
    return _posted(client, QUERY, {"filter": new}, id)


def _listed(client: Calls, endpoint: Endpoint, *path: str) -> Iterator[Reply]:
    for page in by_token(
        client, endpoint, *path, query={"page_size": "100"},
        found="next_cursor", param="start_cursor", most=MOST,
    ):  # fmt: skip
        yield from page.each("results")


def _posted(
    client: Calls, endpoint: Endpoint, body: Mapping[str, Any], *path: str
) -> Iterator[Reply]:
    asked = {**body, "page_size": 100}
    while True:
        page = client.call(endpoint, *path, json=asked)
        yield from page.each("results")
        if not (cursor := page.get("next_cursor")):
            return
        asked["start_cursor"] = cursor
