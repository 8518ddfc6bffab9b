"""People and channels of a Slack workspace, by what is known of them. Part of the vendor file
beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..http.client import Calls
from ..http.pages import by_token
from ..http.reply import Reply
from ..records import Found
from ..spec import Endpoint
from ._slack_find import CHANNELS, LARGE_PAGES

# Nobody there, or a token that may not look: both are answers (see the rules).
OWNER = Endpoint("owner", "GET", "/users.lookupByEmail", bucket="tier 3")
USERS = Endpoint("users", "GET", "/users.list", bucket="tier 2")
NAMES = ("name", "real_name", "profile.real_name", "profile.display_name", "profile.email")


def id_of(client: Calls, email: str) -> str:
    """Return the id of who has this address, or ""."""
    return str(client.call(OWNER, query={"email": email}).get("user.id") or "")


def find(client: Calls, kind: str, term: str) -> Iterator[Found]:
    """Yield the channels, or the people, that are called so."""
    home = client.options.get("workspace", "").rstrip("/")
    if kind == "channel":
        yield from _channels(client, term.removeprefix("#").lower(), home)
    elif "@" in term.lstrip("@"):
        reply = client.call(OWNER, query={"email": term})
        if reply.get("user.id"):
            yield _person(reply, "user.", home)
    else:
        yield from _people(client, term.removeprefix("@").lower(), home)


def _channels(client: Calls, term: str, home: str) -> Iterator[Found]:
    query = {"types": "public_channel,private_channel", "limit": "999"}
    for row in _rows(client, CHANNELS, "channels", query):
        if _matches(row, term, ("name",)):
            id, archived = row.need("id"), "yes" if row.get("is_archived") else ""
            told = {"purpose": row.get("purpose.value"), "members": row.get("num_members"),
                    "archived": archived}  # fmt: skip
            url = f"{home}/archives/{id}" if home else ""
            yield Found("channel", id, f"#{row.need('name')}", url, _told(told))


def _people(client: Calls, term: str, home: str) -> Iterator[Found]:
    for row in _rows(client, USERS, "members", {"limit": "200"}):
        if not row.get("deleted") and _matches(row, term, NAMES):
            yield _person(row, "", home)


def _person(reply: Reply, at: str, home: str) -> Found:
    id, profile = reply.need(f"{at}id"), f"{at}profile."
    name = reply.get(f"{profile}real_name") or reply.get(f"{at}real_name") or reply.get(f"{at}name")
    told = {"email": reply.get(f"{profile}email"), "user": reply.get(f"{at}name"),
            "title": reply.get(f"{profile}title")}  # fmt: skip
    return Found("user", id, str(name or id), f"{home}/team/{id}" if home else "", _told(told))


def _rows(
    client: Calls, endpoint: Endpoint, rows: str, query: Mapping[str, str]
) -> Iterator[Reply]:
    for page in by_token(
        client, endpoint, query=query,
        found="response_metadata.next_cursor", param="cursor", most=LARGE_PAGES,
    ):  # fmt: skip
        page.need("ok")  # silence is not an empty list
        yield from page.each(rows)


def _matches(row: Reply, term: str, names: tuple[str, ...]) -> bool:
    known = (str(row.get(name) or "").lower() for name in names)
    return term == str(row.get("id")).lower() or any(term in name for name in known)


def _told(details: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in details.items() if value not in (None, "")}
