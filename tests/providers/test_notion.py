from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.model import Account, Posted
from mktool.providers._notion_place import id_in
from mktool.providers.notion import Notion
from mktool.records import Found
from mktool.report import Block, Export, Piece, Report, Span
from mktool.store.ledger import Ledger
from mktool.text.runs import utf16
from tests import reports
from tests.contract import NOW, Example, ProviderContract, Wire

HOME = "59833787-2cf9-4fdf-8782-e53db20768a5"
PAGE = "be633bf1-dfa0-436d-b259-571129a590e5"
SOURCE = "c174b72c-d782-432f-8dc0-b647e1c96df6"
BLOCK = "0c940186-ab70-4351-bb34-2d16f0635d49"
ADA = "d40e767c-d7af-4b18-a86d-55c61f1e39a4"
URL = f"https://www.notion.so/Kick-off-{PAGE.replace('-', '')}"
NONE = {"object": "error", "status": 404, "code": "object_not_found", "message": "no"}
WRONG = {"object": "error", "status": 400, "code": "validation_error", "message": "a database"}
VERSION = {"Notion-Version": "2025-09-03"}
USUAL = reports.EXPORTS["usual"]


def listed(*rows: Any, cursor: str | None = None) -> dict[str, Any]:
    return {
        "object": "list",
        "results": list(rows),
        "next_cursor": cursor,
        "has_more": bool(cursor),
    }


def run(text: str, **marks: bool) -> dict[str, Any]:
    return {"type": "text", "text": {"content": text}, **({"annotations": marks} if marks else {})}


def block(kind: str, *runs: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, kind: {"rich_text": list(runs), **more}}


def people(*rows: tuple[str, str], status: int = 200) -> Wire:
    found = [{"id": id, "name": "x", "type": "person", "person": {"email": m}} for m, id in rows]
    reply = listed({"id": "b", "type": "bot"}, *found) if status == 200 else NO_USERS
    return Wire("GET", "/v1/users", query={"page_size": "100"}, reply=reply, status=status)


NO_USERS = {"object": "error", "status": 403, "code": "restricted_resource", "message": "no"}
IS_PAGE = Wire("GET", f"/v1/pages/{HOME}", header=VERSION, reply={"object": "page", "id": HOME})
MADE = {"object": "page", "id": PAGE, "url": URL}
CHILDREN = [
    block("paragraph", run("Mon 2026-09-21 14:00–15:00 UTC", italic=True)),
    block("paragraph", run("Ada Lovelace, Bob", italic=True)),
    block("paragraph", {"type": "text", "text": {
        "content": "Report", "link": {"url": "https://notes.example/m-1"}}}),
    block("heading_2", run("Summary")),
    block("paragraph", run("We **start** on Monday.")),
    block("heading_2", run("Decisions")),
    block("bulleted_list_item", run("Ship it")),
    block("heading_2", run("Action items")),
    block("to_do", run("Write the plan", bold=True), run(" – "),
          {"type": "mention", "mention": {"type": "user", "user": {"id": ADA}}}, checked=False),
    block("to_do", run("Order tea", bold=True), run(" – "), run("Carl"), checked=True),
]  # fmt: skip


def created(parent: Mapping[str, str], **sends: Any) -> Wire:
    return Wire("POST", "/v1/pages", {"parent": parent, **sends}, reply=MADE, header=VERSION)


def whole(notion: Any, export: Export = USUAL) -> list[Posted]:
    done: list[Posted] = []
    for number, piece in enumerate(notion.pieces(export), start=1):
        done.append(notion.write(replace(piece, token=f"t-{number}"), done))
    return done


def source(**columns: str) -> Wire:
    known = {name.replace("_", " "): {"id": "x", "type": kind} for name, kind in columns.items()}
    reply = {"object": "data_source", "id": SOURCE, "properties": known}
    return Wire("GET", f"/v1/data_sources/{SOURCE}", reply=reply)


def a_database(*sources: Mapping[str, str]) -> tuple[Wire, ...]:
    return (
        Wire("GET", f"/v1/pages/{HOME}", status=400, reply=WRONG),
        Wire("GET", f"/v1/databases/{HOME}",
             reply={"object": "database", "id": HOME, "data_sources": list(sources)}),
    )  # fmt: skip


class TestNotion(ProviderContract):
    provider = "notion"
    secrets = ("token",)
    options: ClassVar = {"parent": f"https://www.notion.so/acme/Home-{HOME.replace('-', '')}?pvs=4"}
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (
                Wire(
                    "GET", "/v1/users/me", header=VERSION,
                    reply={"object": "user", "id": "b1", "name": "mktool", "type": "bot",
                           "bot": {"workspace_name": "Acme"}},
                ),
            ),
            Account("b1", "mktool in Acme", details={"workspace": "Acme"}),
        ),
        Example(
            "export",
            whole,
            (
                people(("ADA@example.com", ADA)),
                IS_PAGE,
                created({"type": "page_id", "page_id": HOME}, children=CHILDREN,
                        properties={"title": {"title": [run("Kick-off")]}}),
            ),
            [Posted(PAGE, URL, {"count": "10"})],
        ),
        Example(
            "locate",
            lambda x: x.locate(
                Piece("append", {"children": [block("paragraph", run("b")),
                                              block("divider")]}, "t"),
                [Posted(PAGE, URL, {"count": "1"})], NOW, frozenset(),
            ),
            (
                Wire("GET", f"/v1/blocks/{PAGE}/children", query={"page_size": "100"},
                     reply=listed({"id": "1", **block("paragraph", run("a"))},
                                  {"id": BLOCK, **block("paragraph", run("b"))}, cursor="c2")),
                Wire("GET", f"/v1/blocks/{PAGE}/children", query={"start_cursor": "c2"},
                     reply=listed({"id": "3", "type": "divider", "divider": {}})),
            ),
            Posted(BLOCK, f"{URL}#{BLOCK.replace('-', '')}", {"count": "3"}),
        ),
        Example(
            "find",
            lambda x: list(x.find("page", "kick")),
            (
                Wire(
                    "POST", "/v1/search",
                    {"query": "kick", "filter": {"property": "object", "value": "page"}},
                    reply=listed({
                        **MADE, "last_edited_time": "2026-09-21T10:00:00.000Z", "properties": {
                            "When": {"type": "date"},
                            "Name": {"type": "title", "title": [{"plain_text": "Kick-off"}]}},
                    }),
                ),
            ),
            [Found("page", PAGE, "Kick-off", URL, {"edited": "2026-09-21T10:00:00.000Z"})],
        ),
    )  # fmt: skip
    failures = (
        (Wire("", "", status=401, reply={"code": "unauthorized"}), e.Unauthorized),
        (Wire("", "", status=403, reply={"code": "restricted_resource"}), e.Forbidden),
        (Wire("", "", status=404, reply={"code": "object_not_found"}), e.NotFound),
        (Wire("", "", status=400, reply={"code": "validation_error"}), e.Rejected),
        (Wire("", "", status=429, reply={"code": "rate_limited"}), e.RateLimited),
        (Wire("", "", status=529, reply={"code": "service_overload"}), e.RateLimited),
        (Wire("", "", status=409, reply={"code": "conflict_error"}), e.Unavailable),
    )

    def notion(self, ledger: Ledger, *script: Wire | Exception, **options: str) -> Any:
        notion, self.vendor, self.naps = self.open(
            Notion, ledger, script, {**self.options, **options}
        )
        return notion

    # -- what is written -----------------------------------------------------------------------

    @pytest.mark.parametrize("name", reports.EXPORTS)
    def test_no_limit_is_broken_and_nothing_is_left_out(self, ledger: Ledger, name: str) -> None:
        export = reports.EXPORTS[name]
        pieces = self.notion(ledger).pieces(export)
        assert [p.kind for p in pieces] == ["page"] + ["append"] * (len(pieces) - 1)
        said = ""
        for piece in pieces:
            children = piece.body["children"]
            assert len(children) <= 100
            assert len(json.dumps(children, ensure_ascii=False).encode()) < 450_000
            for runs in _all_runs(children):
                assert len(runs) <= 100
                assert all(utf16(one["text"]["content"]) <= 2000 for one in runs)
                said += "".join(one["text"]["content"] for one in runs) + "\n"
        for one in (*export.body, *export.transcript):
            assert one.plain in said
        assert len(pieces) < 30

    def test_a_long_paragraph_is_cut_and_nothing_of_it_lost(self, ledger: Ledger) -> None:
        words = "мир 👩\u200d👩\u200d👧 " * 60_000
        export = Export(
            Report("T"), (), (Block("text", (Span(words, link="https://a.b/" + "c" * 3000),)),)
        )
        pieces = self.notion(ledger).pieces(export)
        runs = [one for p in pieces for runs in _all_runs(p.body["children"]) for one in runs]
        said = [one["text"]["content"] for one in runs]
        assert "".join(said) == "Transcript" + words
        assert max(map(utf16, said)) <= 2000
        assert not any(text.startswith("\u200d") for text in said)
        assert not any("link" in one["text"] for one in runs)

    def test_lists_are_nested_two_levels_deep(self, ledger: Ledger) -> None:
        levels = (0, 1, 2, 3, 1, 0)
        body = tuple(Block("bullet", (Span(str(n)),), level) for n, level in enumerate(levels))
        (piece,) = self.notion(ledger).pieces(Export(Report("T"), body))

        def tree(nodes: list[Any]) -> list[Any]:
            kind = "bulleted_list_item"
            return [
                [
                    node[kind]["rich_text"][0]["text"]["content"],
                    *tree(node[kind].get("children", [])),
                ]
                for node in nodes
            ]

        assert tree(piece.body["children"]) == [["0", ["1", ["2"], ["3"]], ["4"]], ["5"]]

    def test_what_does_not_fit_below_an_item_stands_beside_it(self, ledger: Ledger) -> None:
        body = (Block("todo", (Span("a"),)), *(Block("todo", (Span("b"),), 1) for _ in range(150)))
        (piece,) = self.notion(ledger).pieces(Export(Report("T"), body))
        first, second = piece.body["children"]
        assert [len(one["to_do"]["children"]) for one in (first, second)] == [100, 49]

    def test_it_goes_on_below(self, ledger: Ledger) -> None:
        body = tuple(reports.text(f"{n}") for n in range(150))
        appended = {**listed({"id": BLOCK, "type": "paragraph"}), "type": "block"}
        script = (IS_PAGE, created({"type": "page_id", "page_id": HOME}),
                  Wire("PATCH", f"/v1/blocks/{PAGE}/children", reply=appended))  # fmt: skip
        done = whole(self.notion(ledger, *script), Export(Report("T"), body))
        assert [one.ref["count"] for one in done] == ["100", "150"]
        assert done[1].url == f"{URL}#{BLOCK.replace('-', '')}"
        assert list(self.vendor.requests[-1].json) == ["children"]

    def test_who_is_not_known_is_called_by_name(self, ledger: Ledger) -> None:
        export = Export(Report("T"), (Block("todo", (Span("Eve", email="eve@x.example"),)),))
        for answer in (people(), people(status=403)):
            todo = block("to_do", run("Eve"), checked=False)
            page = created({"type": "page_id", "page_id": HOME}, children=[todo])
            assert whole(self.notion(ledger, answer, IS_PAGE, page), export)

    # -- where it is written -------------------------------------------------------------------

    def test_a_row_of_a_database(self, ledger: Ledger) -> None:
        columns = source(
            Name="title", Date="date", Attendees="people", Link="url", Topic="select",
            Tags="multi_select", Score="number", Done="checkbox", Sum="formula", People="rich_text",
        )  # fmt: skip
        fields = {"Topic": "Launch", "Tags": "a, b", "Score": "1.5", "Done": "yes"}
        filled = {
            "title": {"title": [run("Kick-off")]},
            "Date": {"date": {"start": "2026-09-21T14:00:00+00:00",
                              "end": "2026-09-21T15:00:00+00:00"}},
            "Attendees": {"people": [{"id": ADA}]},
            "People": {"rich_text": [run("Ada Lovelace, Bob")]},
            "Link": {"url": "https://notes.example/m-1"},
            "Topic": {"select": {"name": "Launch"}},
            "Tags": {"multi_select": [{"name": "a"}, {"name": "b"}]},
            "Score": {"number": 1.5},
            "Done": {"checkbox": True},
        }  # fmt: skip
        parent = {"type": "data_source_id", "data_source_id": SOURCE}
        notion = self.notion(
            ledger, people(("ada@example.com", ADA)), *a_database({"id": SOURCE, "name": "x"}),
            columns, created(parent, properties=filled, icon={"type": "emoji", "emoji": "📝"}),
        )  # fmt: skip
        extra = {"icon": '{"type": "emoji", "emoji": "📝"}'}
        assert whole(notion, replace(USUAL, fields={"page": fields}, extra=extra))

    @pytest.mark.parametrize(
        ("fields", "told"),
        [({"Nope": "x"}, "is not there"), ({"Sum": "x"}, "of type formula"),
         ({"Score": "many"}, "not a number")],
    )  # fmt: skip
    def test_a_column_that_cannot_be_filled_is_told_before_anything_is_written(
        self, ledger: Ledger, fields: dict[str, str], told: str
    ) -> None:
        columns = source(Name="title", Sum="formula", Score="number")
        script = (*a_database({"id": SOURCE}), columns)
        with pytest.raises(e.InvalidInput, match=told):
            whole(self.notion(ledger, *script), Export(Report("T"), (), fields={"page": fields}))

    def test_a_page_has_no_columns(self, ledger: Ledger) -> None:
        with pytest.raises(e.InvalidInput, match="row of a database"):
            whole(
                self.notion(ledger, IS_PAGE), Export(Report("T"), (), fields={"page": {"a": "b"}})
            )

    def test_a_database_of_two_sources_needs_a_choice(self, ledger: Ledger) -> None:
        two = a_database({"id": SOURCE, "name": "Now"}, {"id": ADA, "name": "Old"})
        with pytest.raises(e.InvalidInput) as caught:
            whole(self.notion(ledger, *two), Export(Report("T"), ()))
        assert f"{SOURCE} (Now)" in caught.value.hint

    def test_what_is_not_shared_is_not_found(self, ledger: Ledger) -> None:
        script = [Wire("GET", HOME, status=404, reply=NONE)] * 3
        with pytest.raises(e.NotFound) as caught:
            whole(self.notion(ledger, *script), Export(Report("T"), ()))
        assert "Connections" in caught.value.hint

    @pytest.mark.parametrize("wanted", ["", "Home", "https://www.notion.so/acme"])
    def test_without_a_place_nothing_is_tried(self, ledger: Ledger, wanted: str) -> None:
        with pytest.raises(e.InvalidInput) as caught:
            self.notion(ledger, parent=wanted).pieces(USUAL)
        assert "--set parent=URL" in caught.value.hint

    # -- what was lost -------------------------------------------------------------------------

    def append(self, ledger: Ledger, *rows: Any) -> Posted | None:
        found = [{"id": str(n), **row} for n, row in enumerate(rows)]
        notion = self.notion(ledger, Wire("GET", "/children", reply=listed(*found)))
        piece = Piece("append", {"children": [block("paragraph", run("b"))]})
        located: Posted | None = notion.locate(
            piece, [Posted(PAGE, "", {"count": "1"})], NOW, frozenset()
        )
        return located

    def test_an_append_is_found_where_it_must_be(self, ledger: Ledger) -> None:
        ours, other = block("paragraph", run("b")), block("paragraph", run("else"))
        assert self.append(ledger, ours) is None  # that was there before
        assert self.append(ledger, other, other, ours) == Posted("2", "", {"count": "2"})
        for rows in ((other, other), ()):
            with pytest.raises(e.Unsupported):
                self.append(ledger, *rows)

    def locate(self, ledger: Ledger, *script: Wire, known: Iterable[str] = ()) -> Posted | None:
        notion = self.notion(ledger, *script)
        (piece,) = notion.pieces(USUAL)
        located: Posted | None = notion.locate(piece, [], NOW, frozenset(known))
        return located

    def test_a_page_is_found_below_its_parent(self, ledger: Ledger) -> None:
        def child(id: str, title: str, at: str = "2026-09-21T14:12:00.000Z") -> dict[str, Any]:
            return {
                "id": id,
                "type": "child_page",
                "created_time": at,
                "child_page": {"title": title},
            }

        old = child("1", "Kick-off", "2026-09-20T10:00:00.000Z")
        rows = listed({"id": "0", "type": "paragraph"}, old, child("2", "Else"),
                      child(PAGE, "Kick-off"))  # fmt: skip
        below = Wire("GET", f"/v1/blocks/{HOME}/children", reply=rows)
        page = Wire("GET", f"/v1/pages/{PAGE}", reply=MADE)
        assert self.locate(ledger, IS_PAGE, below, page) == Posted(PAGE, URL, {"count": "10"})
        assert self.locate(ledger, IS_PAGE, below, page, known=[PAGE]) is None
        assert self.locate(ledger, IS_PAGE, replace(below, reply=listed(old))) is None

    def test_a_page_of_somebody_else_is_not_ours(self, ledger: Ledger) -> None:
        made = {"id": PAGE, "type": "child_page", "created_time": "2026-09-21T14:12:00.000Z",
                "child_page": {"title": "Kick-off"}, "created_by": {"id": ADA}}  # fmt: skip
        below = Wire("GET", f"/v1/blocks/{HOME}/children", reply=listed(made))
        me = Wire("GET", "/v1/users/me", reply={"id": "b1"})
        assert self.locate(ledger, IS_PAGE, below, me) is None
        found = self.locate(ledger, IS_PAGE, below, replace(me, reply={"id": ADA}),
                            Wire("GET", f"/v1/pages/{PAGE}", reply=MADE))  # fmt: skip
        assert found is not None

    def test_a_page_that_is_not_shared_is_not_found(self, ledger: Ledger) -> None:
        reply = {"object": "error", "status": 404, "code": "object_not_found"}
        none = Wire("GET", f"/v1/pages/{HOME}", status=404, reply=reply)
        assert list(self.notion(ledger, none).find("page", HOME)) == []

    def test_a_row_is_found_in_its_data_source(self, ledger: Ledger) -> None:
        title = {"N": {"type": "title", "title": [{"plain_text": "Kick-off"}]}}
        row = {**MADE, "created_time": "2026-09-21T14:12:00.000Z", "properties": title}
        at = "2026-09-21T14:10:20Z"
        new = {"timestamp": "created_time", "created_time": {"on_or_after": at}}
        query = Wire("POST", f"/v1/data_sources/{SOURCE}/query", {"filter": new}, reply=listed(row))
        page = Wire("GET", f"/v1/pages/{PAGE}", reply=MADE)
        script = (*a_database({"id": SOURCE}), source(Name="title"), query, page)
        assert self.locate(ledger, *script) == Posted(PAGE, URL, {"count": "10"})

    # -- what is found -------------------------------------------------------------------------

    def test_people_and_databases(self, ledger: Ledger) -> None:
        notion = self.notion(ledger, people(("ada@x.example", ADA), ("bob@x.example", "2")))
        (ada,) = notion.find("user", "Ada@")
        assert (ada.id, ada.details) == (ADA, {"email": "ada@x.example", "type": "person"})
        row = {"object": "data_source", "id": SOURCE, "title": [{"plain_text": "Meetings"}],
               "properties": {"Name": {"type": "title", "title": {}}},
               "parent": {"type": "database_id", "database_id": HOME}}  # fmt: skip
        search = Wire("POST", "/v1/search", reply=listed(row))
        assert list(self.notion(ledger, search).find("database", HOME)) == [
            Found("database", SOURCE, "Meetings", "", {"database": HOME})
        ]

    def test_a_newer_version_is_a_setting(self, ledger: Ledger) -> None:
        newer = Wire("GET", "/v1/users/me", header={"Notion-Version": "2026-03-11"},
                     reply={"id": "b1"})  # fmt: skip
        assert self.notion(ledger, newer, api_version="2026-03-11").check().id == "b1"


def _all_runs(nodes: list[Any]) -> Iterable[list[Any]]:
    for node in nodes:
        held = node[node["type"]]
        yield held.get("rich_text", [])
        yield from _all_runs(held.get("children", []))


@pytest.mark.parametrize(
    "text",
    [
        HOME,
        HOME.replace("-", "").upper(),
        f"https://www.notion.so/acme/A-b-{HOME.replace('-', '')}?v={'1' * 32}",
        f"https://acme.notion.site/{HOME.replace('-', '')}/",
        f"https://www.notion.so/{'0' * 32}?v={'1' * 32}&p={HOME.replace('-', '')}&pm=s",
    ],
)
def test_ids(text: str) -> None:
    assert id_in(text) == HOME
