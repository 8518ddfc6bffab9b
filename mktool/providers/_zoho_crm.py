"""One Zoho CRM: its modules, what their records consist of, and how they are found.

https://www.zoho.com/crm/developer/docs/api/v8/ (read 2026-11). Part of the vendor file beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from .. import errors as e
from ..http.client import Calls
from ..http.reply import Reply
from ..spec import Endpoint
from ._zoho_values import Column

CRM = "/crm/v8"
LIST = Endpoint("list", "GET", f"{CRM}/{{}}", exact=True)
SEARCH = Endpoint("search", "GET", f"{CRM}/{{}}/search", exact=True)
FIELDS = Endpoint("fields", "GET", f"{CRM}/settings/fields")
USERS = Endpoint("users", "GET", f"{CRM}/users")
PAGE = 200
MOST = 50  # fields of one request
CRITERIA = 10  # conditions of one search
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
UNLISTED = frozenset({"subform", "multiselectlookup", "multiuserlookup"})  # only records alone


class Crm:
    """What the calls of one account share; fields and users are asked for once."""

    def __init__(self, client: Calls) -> None:
        self.client = client
        self._columns: dict[str, dict[str, Column]] = {}
        self._users: dict[str, str] | None = None

    @property
    def trigger(self) -> list[str]:
        """The automations that are to run on what is written."""
        return re.findall(r"\w+", self.client.options.get("trigger", ""))

    def columns(self, module: str) -> dict[str, Column]:
        if module not in self._columns:
            reply = self.client.call(FIELDS, query={"module": module})
            reply.need("fields.0.api_name")
            self._columns[module] = {
                row.need("api_name"): Column(
                    row.need("api_name"), row.need("data_type"), str(row.get("json_type") or ""),
                    bool(row.get("unique")), _writable(row),
                )
                for row in reply.each("fields")
            }  # fmt: skip
        return self._columns[module]

    def users(self) -> dict[str, str]:
        """Return the ids of the active users by their addresses in lower case."""
        if self._users is None:
            found = paged(self.client, USERS, "users", {"type": "ActiveUsers"})
            self._users = {
                str(row.get("email") or "").lower(): row.need("id")
                for page in found
                for row in page.each("users")
            }
        return self._users

    def search(self, module: str, query: Mapping[str, str]) -> Iterator[Reply]:
        for page in paged(self.client, SEARCH, "data", query, module):
            yield from page.each("data")

    def matching(
        self, module: str, field: str, values: Iterable[str], fields: Sequence[str]
    ) -> Iterator[Reply]:
        """Yield records whose text field, one of ``fields``, is one of ``values`` in any case.

        To Zoho "equals" is often "contains" (…/docs/api/v8/search-records.html, 2026-11).
        """
        wanted = list(dict.fromkeys(filter(None, values)))
        same = {value.casefold() for value in wanted}
        for start in range(0, len(wanted), CRITERIA):
            some = [
                f"({named(field)}:equals:{escaped(value)})" for value in wanted[start:][:CRITERIA]
            ]
            criteria = some[0] if len(some) == 1 else f"({'or'.join(some)})"
            query = {"criteria": criteria, "fields": ",".join(fields)}
            yield from (row for row in self.search(module, query) if row.among(field, same))

    def page(self, module: str, id: str) -> str:
        """Return where a person looks at a record."""
        home = self.client.options.get("api_domain", "")
        region = re.fullmatch(r"https://www\.zohoapis\.([a-z.]+)/?", home)
        return f"https://crm.zoho.{region[1]}/crm/tab/{module}/{id}" if region else ""


def _writable(field: Reply) -> bool:
    acts = ("operation_type.api_create", "operation_type.api_update")
    return any(field.get(act) is not False for act in acts)


def paged(
    client: Calls, endpoint: Endpoint, rows: str, query: Mapping[str, str], *path: str
) -> Iterator[Reply]:
    """Yield page after numbered page, for lists that have no other."""
    for number in range(1, 2000 // PAGE + 1):
        asked = {**query, "per_page": str(PAGE), "page": str(number)}
        reply = client.call(endpoint, *path, query=asked)
        if reply.nothing:
            return
        reply.need(f"{rows}.0.id")  # silence is not an empty list
        yield reply
        if reply.get("info.more_records") is not True:
            return
    raise e.Unsupported(f"Zoho shows 2,000 of what {endpoint.operation} finds, and there is more")


def named(name: str) -> str:
    """Return the name of a field, which stands in a request as it is."""
    if not NAME.fullmatch(name):
        raise e.InvalidInput(f"{name[:60]!r} is no name of a Zoho field")
    return name


def escaped(value: str) -> str:
    """Return a value so that it stays one within criteria."""
    return re.sub(r"([\\(),])", r"\\\1", value)


def instant(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S+00:00}"
