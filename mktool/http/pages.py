"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ..errors import Unsupported
from ..spec import Endpoint
from .client import Calls
from .reply import Reply


def by_token(
    client: Calls,
    endpoint: Endpoint,
    *path: str,
    query: Mapping[str, str],
    found: str,
    param: str,
    most: int,
) -> Iterator[Reply]:
    """Yield page after page: the token at ``found`` asks for the next one as ``param``.

    Raises `Unsupported` if there are more than ``most``: a search cut short proves nothing.
    """
    asked = dict(query)
    for _ in range(most):
        page = client.call(endpoint, *path, query=asked)
        yield page
        if not (token := page.get(found)):
            return
        asked[param] = str(token)
    raise Unsupported(f"more than {most} pages of {endpoint.operation}: not looked through")


def by_last_id(
    client: Calls,
    endpoint: Endpoint,
    *path: str,
    query: Mapping[str, str] | None = None,
    size: int = 100,
    rows: str = "data",
) -> Iterator[Reply]:
    """Yield the items of a list, each page asked for ``after`` the id of the last one before."""
    for page in pages_by_last_id(client, endpoint, *path, query=query, size=size, rows=rows):
        yield from page.each(rows)


def pages_by_last_id(
    client: Calls,
    endpoint: Endpoint,
    *path: str,
    query: Mapping[str, str] | None = None,
    size: int = 100,
    rows: str = "data",
) -> Iterator[Reply]:
    """Yield page after page of such a list."""
    asked = {**(query or {}), "limit": str(size)}
    while True:
        page = client.call(endpoint, *path, query=asked)
        yield page
        items = page.each(rows)
        if not (items and page.get("has_more")):
            return
        asked["after"] = items[-1].need("id")


def by_offset(
    client: Calls,
    endpoint: Endpoint,
    *path: str,
    query: Mapping[str, str],
    size: int,
    rows: str = "",
    count: str = "limit",
) -> Iterator[Reply]:
    """Yield the items of a list, each page asked for by how many came before; a short one ends
    it. ``count`` names the parameter for how many are wanted."""
    offset = 0
    while True:
        asked = {**query, count: str(size), "offset": str(offset)}
        page = client.call(endpoint, *path, query=asked)
        if page.get(rows) is None:
            page.need(rows)  # silence is not an empty list
        items = page.each(rows)
        yield from items
        if len(items) < size:
            return
        offset += size


def by_link(
    client: Calls, endpoint: Endpoint, *path: str, query: Mapping[str, str], found: str
) -> Iterator[Reply]:
    """Yield page after page: ``found`` holds the address of the next one.

    Only its query is used, so that no reply can send a credential elsewhere.
    """
    asked: Mapping[str, str] | str = query
    while True:
        page = client.call(endpoint, *path, query=asked)
        yield page
        if not (link := page.get(found)):
            return
        asked = urlsplit(str(link)).query
