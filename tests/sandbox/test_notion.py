"""Notion: pages, rows and blocks within all limits, in each version of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mktool.sandbox.server import Sandbox
from mktool.sandbox.vendors.notion.pages import DATABASE, HOME, SOURCE

from .conftest import Clock

ON_PAGE, IN_SOURCE = {"page_id": HOME}, {"type": "data_source_id", "data_source_id": SOURCE}


def words(text: str, **more: Any) -> list[Any]:
    return [{"text": {"content": text, **more}}]


def block(text: str = "a", kind: str = "paragraph", **more: Any) -> dict[str, Any]:
    return {"type": kind, kind: {"rich_text": words(text), **more}}


def nested(levels: int) -> dict[str, Any]:
    return block("x", "toggle", **({"children": [nested(levels - 1)]} if levels else {}))


class Space:
    """A workspace as one integration sees it."""

    def __init__(self, sandbox: Sandbox, version: str = "2025-09-03", token: str = "ntn_sandbox"):
        self.url = f"{sandbox.url}/api.notion.com"
        headers = {"authorization": f"Bearer {token}"} | (
            {"notion-version": version} if version else {}
        )
        self.http = httpx.Client(headers=headers, trust_env=False)

    def ask(self, call: str, body: Any = None, status: int = 200) -> Any:
        method, _, path = call.partition(" ")
        reply = self.http.request(method, f"{self.url}{path}", json=body)
        assert reply.status_code == status, reply.text
        found = reply.json()
        if status >= 400:
            assert (found["object"], found["status"]) == ("error", status)
            assert found["request_id"]
        return found

    def page(self, *children: Any, status: int = 200, **properties: Any) -> Any:
        title = {"title": words("Weekly")}
        body = {"parent": ON_PAGE, "properties": {"title": title, **properties},
                "children": list(children)}  # fmt: skip
        return self.ask("POST /v1/pages", body, status)

    def texts(self, id: str) -> list[str]:
        found = self.ask(f"GET /v1/blocks/{id}/children")["results"]
        return ["".join(run["plain_text"] for run in b[b["type"]]["rich_text"]) for b in found]


@pytest.fixture
def enter(sandbox: Sandbox) -> Iterator[Callable[..., Space]]:
    made: list[Space] = []

    def space(**options: str) -> Space:
        made.append(Space(sandbox, **options))
        return made[-1]

    yield space
    for one in made:
        one.http.close()


@pytest.fixture
def notion(enter: Callable[..., Space]) -> Space:
    return enter()


def test_a_page_is_written_in_order_and_read_back(sandbox: Sandbox, notion: Space) -> None:
    todo = block("do", "to_do", checked=True, children=[block("inside")])
    page = notion.page(block("one", "heading_1"), block("two"), todo)
    assert page["parent"] == {"type": "page_id", "page_id": HOME}
    assert notion.texts(page["id"]) == ["one", "two", "do"]
    third = notion.ask(f"GET /v1/blocks/{page['id']}/children")["results"][2]
    assert (third["has_children"], third["to_do"]["checked"]) == (True, True)
    assert notion.texts(third["id"]) == ["inside"]
    first = notion.ask(f"GET /v1/blocks/{page['id'].replace('-', '')}/children?page_size=2")
    rest = f"/v1/blocks/{page['id']}/children?start_cursor={first['next_cursor']}"
    assert [b["id"] for b in notion.ask(f"GET {rest}")["results"]] == [third["id"]]
    notion.ask(f"DELETE /v1/blocks/{third['id']}")
    assert notion.texts(page["id"]) == ["one", "two"]
    (item,) = sandbox.world.inbox.items
    assert (item.subject, item.text, item.extra) == ("Weekly", "one\ntwo", {"blocks": "2"})


def test_each_version_has_its_words(enter: Callable[..., Space]) -> None:
    old, new = enter(), enter(version="2026-03-11")
    page = old.page(block("one"), block("two"))
    one = old.ask(f"GET /v1/blocks/{page['id']}/children")["results"][0]["id"]
    path = f"PATCH /v1/blocks/{page['id']}/children"
    old.ask(path, {"children": [block("1.5")], "after": one})
    after = {"type": "after_block", "after_block": {"id": one}}
    new.ask(path, {"children": [block("1.2")], "position": after})
    new.ask(path, {"children": [block("0")], "position": {"type": "start"}})
    new.ask(path, {"children": [block("end")]})
    assert new.texts(page["id"]) == ["0", "one", "1.2", "1.5", "two", "end"]
    old.ask(path, {"children": [block()], "position": after}, 400)
    new.ask(path, {"children": [block()], "after": one}, 400)
    assert "archived" in old.ask(f"GET /v1/pages/{page['id']}")
    assert "archived" not in new.ask(f"GET /v1/pages/{page['id']}")
    new.ask(f"PATCH /v1/pages/{page['id']}", {"archived": True}, 400)
    assert new.ask(f"PATCH /v1/pages/{page['id']}", {"in_trash": True})["in_trash"] is True
    new.ask(path, {"children": [block()]}, 400)
    before = enter(version="2022-06-28")
    before.ask("GET /v1/users/me")
    refused = before.ask(f"POST /v1/data_sources/{SOURCE}/query", {}, 400)
    assert refused["code"] == "invalid_request_url"
    assert enter(version="").ask("GET /v1/users/me", None, 400)["code"] == "missing_version"
    assert enter(version="2020-01-01").ask("GET /v1/users/me", None, 400)


LIMITS: list[tuple[str, Any]] = [
    ("rich text", block("x" * 2001)),
    ("emoji count twice", block("😀" * 1001)),
    ("runs", {"type": "paragraph", "paragraph": {"rich_text": words("a") * 101}}),
    ("address", {"type": "paragraph",
                 "paragraph": {"rich_text": words("a", link={"url": "https://a/" + "x" * 2000})}}),
    ("bad address", {"type": "paragraph",
                     "paragraph": {"rich_text": words("a", link={"url": "nowhere"})}}),
    ("nesting", nested(3)),
    ("type", block("a", "poem")),
    ("children of code", block("a", "code", language="python", children=[block()])),
    ("language", block("a", "code")),
    ("no text", {"type": "paragraph", "paragraph": {}}),
    ("strange", block("a", "to_do", done=True)),
    ("equation", {"type": "equation", "equation": {"expression": "x" * 1001}}),
]  # fmt: skip


@pytest.mark.parametrize("wrong", [w for _, w in LIMITS], ids=[name for name, _ in LIMITS])
def test_a_block_over_a_limit_is_refused(notion: Space, wrong: Any) -> None:
    assert notion.page(wrong, status=400)["code"] == "validation_error"


def test_what_just_fits(notion: Space) -> None:
    notion.page(block("x" * 2000), nested(2), *[block()] * 98)
    notion.page(*[block()] * 101, status=400)
    many = [block("p", "toggle", children=[block()] * 11)] * 84
    notion.page(*many, status=400)
    huge = [block("x" * 2000)] * 100
    fits = {"rich_text": words("x" * 1900) * 3}
    assert notion.page(*huge)["id"]
    notion.page(*[{"type": "paragraph", "paragraph": fits}] * 100, status=413)


def test_rows_are_held_against_the_schema(notion: Space) -> None:
    shown = notion.ask(f"GET /v1/databases/{DATABASE}")["data_sources"]
    assert shown == [{"id": SOURCE, "name": "Meetings"}]
    schema = notion.ask(f"GET /v1/data_sources/{SOURCE}")["properties"]
    assert schema["Name"]["type"] == "title"
    good = {"Name": {"title": words("Weekly")}, "Date": {"date": {"start": "2026-11-21"}},
            "Tags": {"multi_select": [{"name": "a"}, {"name": "b"}]}, "Count": {"number": 3},
            "Status": {"status": {"name": "Done"}}, "Link": {"url": "https://a.b"}}  # fmt: skip
    row = notion.ask("POST /v1/pages", {"parent": IN_SOURCE, "properties": good})
    assert [tag["name"] for tag in row["properties"]["Tags"]["multi_select"]] == ["a", "b"]
    wrong: list[Any] = [
        {"Title": {"title": []}}, {"Count": {"number": "3"}}, {"Tags": {"select": {"name": "a"}}},
        {"Type": {"select": {"name": "a,b"}}}, {"Status": {"status": {"name": "New"}}},
        {"Date": {"date": {"start": "soon"}}}, {"Contact": {"email": "x" * 201}},
        {"Tags": {"multi_select": [{"name": str(n)} for n in range(101)]}},
        {"Owner": {"people": [{"id": "ann"}]}}, {"Created": {"created_time": "2026-11-21"}},
    ]  # fmt: skip
    for properties in wrong:
        notion.ask("POST /v1/pages", {"parent": IN_SOURCE, "properties": properties}, 400)
    changed = {"properties": {"Done": {"checkbox": True}}}
    assert notion.ask(f"PATCH /v1/pages/{row['id']}", changed)["properties"]["Done"]["checkbox"]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({"property": "Count", "number": {"greater_than": 1}}, ["c", "b"]),
        ({"property": "Name", "title": {"equals": "A"}}, ["a"]),
        ({"property": "Tags", "multi_select": {"contains": "odd"}}, ["b"]),
        ({"property": "Tags", "multi_select": {"is_empty": True}}, ["c", "a"]),
        ({"property": "Date", "date": {"on_or_after": "2026-01-02"}}, ["c", "b"]),
        ({"or": [{"property": "Name", "title": {"does_not_contain": "b"}},
                 {"property": "Count", "number": {"equals": 2}}]}, ["c", "b", "a"]),
        ({"timestamp": "created_time", "created_time": {"before": "2020-01-01"}}, []),
    ],
)  # fmt: skip
def test_queries(notion: Space, condition: Any, names: list[str]) -> None:
    for number, name in enumerate("abc", 1):
        properties: dict[str, Any] = {
            "Name": {"title": words(name)}, "Count": {"number": number},
            "Date": {"date": {"start": f"2026-01-0{number}"}},
            "Tags": {"multi_select": [{"name": "odd"}] if number == 2 else []},
        }  # fmt: skip
        notion.ask("POST /v1/pages", {"parent": IN_SOURCE, "properties": properties})
    sorts = [{"property": "Count", "direction": "descending"}]
    asked: dict[str, Any] = {"filter": condition, "page_size": 2, "sorts": sorts}
    found: list[str] = []
    while True:
        page = notion.ask(f"POST /v1/data_sources/{SOURCE}/query", asked)
        titles = (row["properties"]["Name"]["title"][0] for row in page["results"])
        found += [title["plain_text"] for title in titles]
        if not page["has_more"]:
            break
        asked["start_cursor"] = page["next_cursor"]
    assert found == names


def test_search_hears_of_a_page_some_seconds_later(notion: Space, clock: Clock) -> None:
    page = notion.page()
    asked = {"query": "week", "filter": {"property": "object", "value": "page"}}
    assert notion.ask("POST /v1/search", asked)["results"] == []
    clock.sleep(6)
    assert [one["id"] for one in notion.ask("POST /v1/search", asked)["results"]] == [page["id"]]
    sources = {"filter": {"property": "object", "value": "data_source"}}
    assert notion.ask("POST /v1/search", sources)["results"][0]["id"] == SOURCE
    notion.ask("POST /v1/search", {"filter": {"property": "object", "value": "database"}}, 400)


def test_what_is_not_shared_is_not_found(notion: Space) -> None:
    for call in ("GET /v1/pages/", "GET /v1/blocks/", "PATCH /v1/pages/"):
        refused = notion.ask(f"{call}{'0' * 32}", {} if "PATCH" in call else None, 404)
        assert refused["code"] == "object_not_found"
    other = {"parent": {"page_id": "0" * 32}, "properties": {}}
    notion.ask("POST /v1/pages", other, 404)
    notion.ask("GET /v1/pages/nothing", None, 400)


def test_comments_are_threads(sandbox: Sandbox, notion: Space) -> None:
    page = notion.page()["id"]
    first = notion.ask("POST /v1/comments", {"parent": {"page_id": page}, "rich_text": words("?")})
    reply = {"discussion_id": first["discussion_id"], "rich_text": words("!")}
    notion.ask("POST /v1/comments", reply)
    found = notion.ask(f"GET /v1/comments?block_id={page}")["results"]
    assert [c["rich_text"][0]["plain_text"] for c in found] == ["?", "!"]
    assert [item.kind for item in sandbox.world.inbox.items] == ["page", "comment", "comment"]


def test_too_many_calls_are_told_how_long_to_wait(
    serve: Callable[..., Sandbox], clock: Clock
) -> None:
    space = Space(serve(limits={"notion": 2}))
    with space.http as http:
        space.ask("GET /v1/users/me")
        space.ask("GET /v1/users/me")
        clock.sleep(15)
        busy = http.get(f"{space.url}/v1/users/me")
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "45")
        assert busy.json()["code"] == "rate_limited"
        clock.sleep(45)
        space.ask("GET /v1/users/me")


def test_logging_in(sandbox: Sandbox, enter: Callable[..., Space]) -> None:
    query = {"client_id": "app", "redirect_uri": "https://a.example/cb", "owner": "user",
             "response_type": "code"}  # fmt: skip
    url = f"{sandbox.url}/api.notion.com/v1/oauth"
    back = httpx.get(f"{url}/authorize", params=query, trust_env=False).headers["location"]
    body = {"grant_type": "authorization_code", "redirect_uri": "https://a.example/cb",
            "code": parse_qs(urlsplit(back).query)["code"][0]}  # fmt: skip
    assert httpx.post(f"{url}/token", json=body, trust_env=False).status_code == 401
    with httpx.Client(auth=("app", "secret"), trust_env=False) as app:
        assert app.post(f"{url}/token", data=body).status_code == 400
        first = app.post(f"{url}/token", json=body).json()
        enter(token=first["access_token"]).ask("GET /v1/users/me")
        again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = app.post(f"{url}/token", json=again).json()
        assert second["refresh_token"] != first["refresh_token"]
        token = {"token": second["access_token"]}
        assert app.post(f"{url}/introspect", json=token).json()["active"] is True
        app.post(f"{url}/revoke", json=token)
        assert app.post(f"{url}/introspect", json=token).json()["active"] is False
    enter(token=second["access_token"]).ask("GET /v1/users/me", None, 401)


def test_a_real_credential_is_refused(enter: Callable[..., Space]) -> None:
    assert enter(token="ntn_real").ask("GET /v1/users/me", None, 401)["code"] == "unauthorized"
