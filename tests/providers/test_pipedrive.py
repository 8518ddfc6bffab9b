from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.message import Refusal
from mktool.model import Account, Posted
from mktool.provider import Provider
from mktool.providers._pipedrive_note import MOST
from mktool.providers._pipedrive_values import typed
from mktool.providers.pipedrive import Pipedrive
from mktool.records import Found, Page, Record, Row, Wish, Written
from mktool.store.ledger import Ledger
from tests import reports
from tests.contract import NOW, Example, ProviderContract, Wire

STAMP = "2026-09-21T14:13:20Z"  # NOW
CONTACTS, _, DEALS, LEADS = Pipedrive.spec.records
USUAL = reports.EXPORTS["usual"]
CUSTOM = "d4de1c1518b4531717c676029a45911c340390a6"


def data(value: Any, cursor: str = "", **more: Any) -> dict[str, Any]:
    return {"success": True, "data": value,
            **({"additional_data": {"next_cursor": cursor}} if cursor else {}), **more}  # fmt: skip


def found(*ids: int) -> dict[str, Any]:
    return data({"items": [{"item": {"id": id, "name": "Ada"}} for id in ids]})


def email(text: str, *ids: int) -> Wire:
    query = {"term": text, "fields": "email", "exact_match": "true"}
    return Wire("GET", "/api/v2/persons/search", query=query, reply=found(*ids))


def fields(**types: str) -> Wire:
    rows = [{"field_code": name, "field_type": type, "is_custom_field": name == CUSTOM}
            for name, type in types.items()]  # fmt: skip
    return Wire("GET", "/api/v2/personFields", reply=data(rows))


def write(number: int, export: Any = USUAL, before: Any = ()) -> Any:
    return lambda x: x.write(replace(x.pieces(export)[number], token="t"), before)


TO = {"to": '{"person": "7"}'}
PAGE = "https://app.pipedrive.com/person/7"
BEFORE = (Posted("activity/70", PAGE, TO),)
THERE = (email("ada@example.com", 8), email("bob@acme.example", 7))
NOTE = Wire("POST", "/v1/notes", {"person_id": 7}, status=201, reply=data({"id": 77}))
USERS = Wire("GET", "/v1/users", reply=data([{"id": 3, "email": "Ada@Example.com"}]))
EXACT = (
    b'{"success": true, "data": [{"id": 1, "value": 1234567890123456.10, "update_time": "%s",'
    b' "is_deleted": false, "custom_fields": {"%s": {"value": 1.10, "currency": "EUR"}}}]}'
    % (STAMP.encode(), CUSTOM.encode())
)


class TestPipedrive(ProviderContract):
    provider = "pipedrive"
    secrets = ("api_token",)
    export_extra: ClassVar = {"deal": "9"}
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (Wire("GET", "/v1/users/me", header={"x-api-token": "s3cr3t-that-must-not-leak"},
                  reply=data({"id": 3, "name": "Ada", "company_domain": "acme"})),),
            Account("3", "Ada at acme", details={"company": "acme"}),
        ),
        Example("export", write(0), (email("ada@example.com", 7), NOTE),
                Posted("note/77", PAGE, TO)),
        Example(
            "locate",
            lambda x: x.locate(x.pieces(USUAL)[1], BEFORE, NOW, frozenset()),
            (Wire("GET", "/api/v2/activities", query={"person_id": "7", "sort_by": "add_time"},
                  reply=data([{"id": 70, "subject": "Write the plan", "add_time": STAMP}])),),
            None,
        ),
        Example(
            "find",
            lambda x: list(x.find("person", "Ada")),
            (Wire("GET", "/api/v2/persons/search", query={"term": "Ada"}, reply=data({"items": [
                {"item": {"id": 7, "name": "Ada", "emails": ["ada@b.c"],
                          "organization": {"name": "Acme"}}}]})),),
            [Found("person", "7", "Ada", PAGE, {"email": "ada@b.c", "organization": "Acme"})],
        ),
        Example(
            "pull",
            lambda x: list(x.pull(CONTACTS, Wish(("email", CUSTOM)))),
            (Wire("GET", "/api/v2/persons", query={"limit": "500", "sort_by": "id"}, reply=data(
                [{"id": 7, "update_time": STAMP, "custom_fields": {CUSTOM: 5}, "emails": [
                    {"value": "x@b.c"}, {"value": "ada@b.c", "primary": True}]}], "c1")),
             Wire("GET", "/api/v2/persons", query={"cursor": "c1"}, reply=data([]))),
            [Page([Record("7", {"email": "ada@b.c", CUSTOM: "5"}, NOW)], ":c1"), Page([])],
        ),
        Example(
            "push",
            lambda x: x.push(CONTACTS, [Row(1, {"org_id": "5", CUSTOM: "2", "name": None}, "7")],
                             "email"),
            (fields(org_id="org", **{CUSTOM: "enum"}),
             Wire("PATCH", "/api/v2/persons/7",
                  {"org_id": 5, "name": None, "custom_fields": {CUSTOM: 2}},
                  reply=data({"id": 7}))),
            [Written("7", False)],
            repeats=True,
        ),
    )  # fmt: skip
    failures = (
        (Wire("", "", status=401, reply={"success": False, "error": "no"}), e.Unauthorized),
        (Wire("", "", reply={"success": False, "error": "no"}), e.Rejected),
        (Wire("", "", status=404, reply={"success": False}), e.NotFound),
        (Wire("", "", status=429, headers={"x-ratelimit-limit": "20", "x-ratelimit-reset": "2",
                                           "x-ratelimit-remaining": "0"}), e.RateLimited),
    )  # fmt: skip

    def test_a_token_of_an_app_goes_to_its_company(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        for domain, host in (("https://acme.pipedrive.com", "acme.pipedrive.com"),
                             ("https://acme.example", "api.pipedrive.com")):  # fmt: skip
            options = {"api_domain": domain}
            x, vendor, _ = self.open(
                cls, ledger, self.examples[0].wire[:0], options, ("access_token",)
            )
            vendor.script = [Wire("GET", "/v1/users/me", reply=data({"id": 3, "name": "Ada"}))]
            x.check()
            assert vendor.requests[0].url == f"https://{host}/v1/users/me"
            assert vendor.requests[0].all_headers()["Authorization"].startswith("Bearer ")

    # -- reports -------------------------------------------------------------------------------

    def test_a_huge_report_fits_and_is_safe(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [])
        pieces = x.pieces(replace(reports.EXPORTS["huge"], extra={"deal": "9"}))
        notes = [p.body["html"] for p in pieces if p.kind == "note"]
        assert len(notes) > 10
        assert all(len(html.encode()) <= MOST for html in notes)
        assert not [html for html in notes if "<script" in html]
        assert [p.kind for p in pieces[len(notes) :]] == [*["activity"] * 200, "refused"]

    @pytest.mark.parametrize("extra", [{"deal": "x"}, {"person": "Ada"}, {"lead": "7"}])
    def test_what_it_is_put_on_is_checked_before(
        self, cls: type[Provider], ledger: Ledger, extra: dict[str, str]
    ) -> None:
        x, _, _ = self.open(cls, ledger, [])
        with pytest.raises(e.InvalidInput):
            x.pieces(replace(USUAL, extra=extra))

    def test_targets_and_fields_that_are_asked_for(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        lead = "adf21080-0e10-11eb-879b-05d71fb426ec"
        extra = {"person": "bob@b.c", "deal": "9", "lead": lead, "pinned_to_deal_flag": "1"}
        export = replace(USUAL, extra=extra, fields={"task": {"priority": "2"}})
        sends = {"person_id": 7, "deal_id": 9, "lead_id": lead, "pinned_to_deal_flag": 1}
        x, vendor, _ = self.open(cls, ledger, [email("bob@b.c", 7), replace(NOTE, sends=sends)])
        posted = write(0, export)(x)
        done = {"deal_id": 9, "lead_id": lead, "subject": "Order tea", "type": "task",
                "participants": [{"person_id": 7, "primary": True}], "done": True}  # fmt: skip
        x, vendor, _ = self.open(cls, ledger, [
            Wire("POST", "/api/v2/activities", done, reply=data({"id": 81}))])  # fmt: skip
        assert write(2, export, (posted,))(x).id == "activity/81"
        assert vendor.script == []

    def test_nobody_known_is_told(self, cls: type[Provider], ledger: Ledger) -> None:
        script = [email("ada@example.com"), email("bob@acme.example")]
        x, vendor, _ = self.open(cls, ledger, script)
        with pytest.raises(e.InvalidInput, match="nobody"):
            write(0)(x)
        assert vendor.script == []

    def test_a_refused_activity_loses_no_other(self, cls: type[Provider], ledger: Ledger) -> None:
        no = Wire("POST", "/api/v2/activities", {"owner_id": 3, "due_date": "2026-09-28"},
                  status=400, reply={"success": False, "error": "no", "code": "E1"})  # fmt: skip
        x, _, _ = self.open(cls, ledger, [*THERE, USERS, no])
        posted = write(1, before=BEFORE)(x)
        assert posted.id == "t"
        with pytest.raises(e.Rejected, match="Write the plan: no"):
            write(3, before=(*BEFORE, posted))(x)
        assert write(3, before=BEFORE)(x) == Posted("activity/70", PAGE)

    def test_without_the_right_to_see_users_nobody_owns(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        denied = replace(USERS, status=403, reply={"success": False, "error": "Scope"})
        done = Wire("POST", "/api/v2/activities", reply=data({"id": 81}))
        x, vendor, _ = self.open(cls, ledger, [*THERE, denied, done])
        assert write(1, before=BEFORE)(x).id == "activity/81"
        assert "owner_id" not in vendor.requests[-1].json

    def test_everybody_who_took_part_is_at_an_activity_and_looked_up_once(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        both = [{"person_id": 7, "primary": True}, {"person_id": 8, "primary": False}]
        done = Wire("POST", "/api/v2/activities", {"participants": both}, reply=data({"id": 81}))
        x, vendor, _ = self.open(cls, ledger, [*THERE, USERS, done, done])
        for number in (1, 2):
            assert write(number, before=BEFORE)(x).id == "activity/81"
        assert vendor.script == []

    def located(self, cls: type[Provider], ledger: Ledger, *items: Mapping[str, Any]) -> Any:
        query = {"person_id": "7", "sort": "add_time DESC"}
        x, _, _ = self.open(cls, ledger, [Wire("GET", "/v1/notes", query=query,
                                               reply=data(list(items)))])  # fmt: skip
        piece = x.pieces(USUAL)[0]
        return x.locate(piece, (Posted("note/70", "", TO),), NOW, frozenset({"note/71"}))

    def test_a_lost_note_is_found_with_whom_it_was_sent_to(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        x, _, _ = self.open(cls, ledger, [])
        piece = x.pieces(USUAL)[0]
        note = {"id": 77, "content": piece.body["html"], "add_time": "2026-09-21 14:13:22"}
        script = [
            email("ada@example.com", 8, 7),  # 8 is new
            Wire("GET", "/v1/notes", query={"person_id": "8"}, reply=data([])),
            Wire("GET", "/v1/notes", query={"person_id": "7"}, reply=data([note])),
            email("bob@acme.example"),
        ]
        x, _, _ = self.open(cls, ledger, script)
        posted = x.locate(piece, (), NOW, frozenset())
        assert (posted.id, posted.ref) == ("note/77", TO)

    def test_a_lost_note_is_found(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [])
        html = x.pieces(USUAL)[0].body["html"]
        note = {"id": 77, "content": f"<p>{html}</p>", "add_time": "2026-09-21 14:13:22"}
        assert self.located(cls, ledger, note).id == "note/77"
        assert self.located(cls, ledger, {**note, "id": 71}) is None
        assert self.located(cls, ledger, {**note, "add_time": "2026-09-20 00:00:00"}) is None
        with pytest.raises(e.Unsupported):
            self.located(cls, ledger, {**note, "content": "other"})

    # -- records -------------------------------------------------------------------------------

    def test_numbers_are_exact(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [Wire("GET", "/api/v2/deals", reply=EXACT)])
        ((record,),) = (page.records for page in x.pull(DEALS, Wish()))
        assert record.values["value"] == "1234567890123456.10"
        assert record.values[CUSTOM] == '{"currency":"EUR","value":1.10}'
        assert record.values["is_deleted"] == "false"

    def test_deleted_deals_come_last(self, cls: type[Provider], ledger: Ledger) -> None:
        gone = {"id": 5, "update_time": STAMP, "is_deleted": True, "status": "deleted"}
        since = {"updated_since": STAMP, "sort_by": "update_time"}
        script = [
            Wire("GET", "/api/v2/deals", query=since, reply=data([], "c1")),
            Wire("GET", "/api/v2/deals", query={**since, "cursor": "c1"}, reply=data([])),
            Wire("GET", "/api/v2/deals", query={**since, "status": "deleted"}, reply=data([gone])),
        ]
        x, _, _ = self.open(cls, ledger, script)
        pages = list(x.pull(DEALS, Wish(since=NOW)))
        assert [page.next for page in pages] == [":c1", "deleted:", ""]
        assert pages[2].records == [Record("5", {}, NOW, deleted=True)]
        x, _, _ = self.open(cls, ledger, script[2:])
        assert len(list(x.pull(DEALS, Wish(since=NOW, cursor="deleted:")))) == 1

    def test_leads_that_move_are_not_left_out(self, cls: type[Provider], ledger: Ledger) -> None:
        def leads(start: int, first: int, count: int) -> Wire:
            rows = [{"id": f"L{n}", "title": "x"} for n in range(first, first + count)]
            return Wire("GET", "/v1/leads", query={"start": str(start)}, reply=data(rows))

        script = [leads(0, 0, 500), leads(499, 502, 10), leads(0, 3, 500), leads(499, 502, 10)]
        x, vendor, _ = self.open(cls, ledger, script)
        pages = list(x.pull(LEADS, Wish(("title",))))
        assert vendor.script == []
        seen = {record.id for page in pages for record in page.records}
        assert seen == {f"L{n}" for n in range(512)}
        assert pages[0].next == "499:L499"

    def test_records_by_a_value(self, cls: type[Provider], ledger: Ledger) -> None:
        rows = [{"id": 7, "name": "Ada", "emails": [{"value": "ada@b.c", "primary": True}]}]
        script = [email("ada@b.c", 7),
                  Wire("GET", "/api/v2/persons", query={"ids": "7"}, reply=data(rows))]  # fmt: skip
        x, _, _ = self.open(cls, ledger, script)
        (record,) = x.fetch(CONTACTS, "email", ["ada@b.c"], ("email",))
        assert record.values == {"email": "ada@b.c"}

    def test_other_addresses_stay(self, cls: type[Provider], ledger: Ledger) -> None:
        old = [{"value": "old@b.c", "primary": True}, {"value": "too@b.c", "primary": False}]
        script = [
            Wire("GET", "/api/v2/persons/7", reply=data({"id": 7, "emails": old})),
            Wire("PATCH", "/api/v2/persons/7", {"emails": [
                {"value": "new@b.c", "primary": True, "label": "work"}, old[1]]},
                reply=data({"id": 7})),
        ]  # fmt: skip
        x, vendor, _ = self.open(cls, ledger, script)
        assert x.push(CONTACTS, [Row(1, {"email": "new@b.c"}, "7")], "email") == [
            Written("7", False)
        ]
        assert vendor.script == []

    @pytest.mark.parametrize("status", [400, 422])
    def test_a_refused_record_is_an_answer(
        self, cls: type[Provider], ledger: Ledger, status: int
    ) -> None:
        no = {"success": False, "error": "Validation failed", "error_info": "org_id"}
        refused = Wire("POST", "/api/v2/persons", {"name": "A"}, status=status, reply=no)
        x, _, _ = self.open(cls, ledger, [refused])
        (row,) = x.push(CONTACTS, [Row(1, {"name": "A", "org_id": None})], "email")
        assert row == Written(refusal=Refusal("refused", "Validation failed org_id"))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7", "int", 7), ("1.10", "double", 1.1), ("7", "varchar", "7"), ("", "enum", None),
        (None, "varchar", None), ("true", "", True), ("true", "varchar", "true"),
        ("1,2", "set", [1, 2]), ("[1,2]", "set", [1, 2]), ("", "varchar", ""),
        ('{"value":1.5,"currency":"EUR"}', "monetary", {"value": 1.5, "currency": "EUR"}),
        ("{broken", "", "{broken"), ("007", "int", 7),
        ("0.1234567890123456789", "double", "0.1234567890123456789"),  # as no float has it
        ("2026-09-21", "date", "2026-09-21"),
    ],
)  # fmt: skip
def test_types(text: str | None, kind: str, value: object) -> None:
    assert typed(text, kind) == value
