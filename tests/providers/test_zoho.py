"""What Zoho CRM is sent, what it answers, and what that means."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.client import DryRun
from mktool.http.target import Target
from mktool.message import Refusal
from mktool.model import Account, Login, Posted, Secret
from mktool.providers._zoho_crm import escaped
from mktool.providers.zoho import Zoho
from mktool.records import Found, Page, Record, Row, Wish, Written
from mktool.report import Piece
from mktool.store.ledger import Ledger
from tests import reports
from tests.contract import LEAK, NOW, Example, ProviderContract, Wire

API = "https://www.zohoapis.eu"
CRM = "https://crm.zoho.eu/crm/tab"
LEADS = Zoho.spec.records[0]
STAMP = "2026-09-21T16:00:00+02:00"
AT = 1789999200.0
FIELDS = Wire("GET", "/crm/v8/settings/fields", query={"module": "Leads"}, reply={"fields": [
    {"api_name": "Email", "data_type": "email", "json_type": "string", "unique": {}},
    {"api_name": "Score", "data_type": "double", "json_type": "double"},
    {"api_name": "Vip", "data_type": "boolean", "json_type": "boolean"},
    {"api_name": "Owner", "data_type": "ownerlookup", "json_type": "jsonobject"},
    {"api_name": "Code", "data_type": "text", "json_type": "string", "unique": {"x": ""}},
    {"api_name": "Rows", "data_type": "subform", "json_type": "jsonarray"},
]})  # fmt: skip
ROWS = (
    Row(1, {"Email": "a@b.co", "Score": "1.10", "Vip": "true", "Owner": "77"}),
    Row(2, {"Email": None}),
)
SENT = [{"Email": "a@b.co", "Score": 1.1, "Vip": True, "Owner": {"id": "77"}}, {"Email": None}]
DONE = [
    {"code": "SUCCESS", "status": "success", "action": "insert", "details": {"id": "11"}},
    {"code": "MANDATORY_NOT_FOUND", "status": "error", "message": "required field not found",
     "details": {"api_name": "Last_Name"}},
]  # fmt: skip
WHY = Refusal("MANDATORY_NOT_FOUND", "required field not found (Last_Name)")
WROTE = [Written("11", True), Written(refusal=WHY)]
NOTE = Piece("note", {
    "note": {"Note_Title": "Kick-off", "Note_Content": "We start."}, "own": {},
    "module": "", "id": "", "people": ["ada@example.com", "o(neil)@example.com"],
}, "tok-1")  # fmt: skip
TASKS = Piece("tasks", {"rows": [
    {"fields": {"Subject": "Plan", "Description": ""}, "email": "Ada@example.com"},
    {"fields": {"Subject": "Tea", "Description": "x"}, "email": ""},
], "own": {}}, "tok-2")  # fmt: skip
ROOT = Posted("91", "", {"parents": '[["Leads", "12"]]'})


def listing(*rows: dict[str, Any], **info: Any) -> dict[str, Any]:
    return {"data": list(rows), "info": {"more_records": False, **info}}


def found(module: str, email: str, *rows: dict[str, Any]) -> Wire:
    reply = listing(*rows) if rows else b""
    return Wire("GET", f"/crm/v8/{module}/search", query={"criteria": email}, reply=reply,
                status=200 if rows else 204)  # fmt: skip


class TestZoho(ProviderContract):
    provider = "zoho"
    secrets = ("access_token",)
    options = {"api_domain": API}  # noqa: RUF012
    examples = (
        Example(
            "check", lambda x: x.check(),
            (Wire("GET", "/crm/v8/users", query={"type": "CurrentUser"},
                  header={"Authorization": f"Zoho-oauthtoken {LEAK}"},
                  reply={"users": [{"id": "77", "email": "ada@acme.example"}]}),),
            Account("77", "ada@acme.example"),
        ),
        Example(
            "export", lambda x: x.write(NOTE, ()),
            (found("Contacts", "((Email:equals:ada@example.com)or"
                   "(Email:equals:o\\(neil\\)@example.com))",
                   {"id": "21", "Email": "O(Neil)@example.com"}),
             found("Leads", "(Email:equals:ada@example.com)",
                   {"id": "66", "Email": "hada@example.com"}, {"id": "67", "Email": None},
                   {"id": "12", "Email": "ada@example.com"}),
             Wire("POST", "/crm/v8/Notes", status=201, sends={"trigger": [], "data": [
                 {"Note_Title": "Kick-off", "Note_Content": "We start.\n\n[mktool tok-1 1]",
                  "Parent_Id": {"module": {"api_name": "Leads"}, "id": "12"}},
                 {"Note_Title": "Kick-off", "Note_Content": "We start.\n\n[mktool tok-1 2]",
                  "Parent_Id": {"module": {"api_name": "Contacts"}, "id": "21"}}]},
                  reply={"data": [DONE[0], {**DONE[0], "details": {"id": "13"}}]})),
            Posted("11", f"{CRM}/Leads/12",
                   {"parents": '[["Leads", "12"], ["Contacts", "21"]]', "refused": "{}"}),
        ),
        Example(
            "locate", lambda x: x.locate(NOTE, (), NOW, frozenset()),
            (Wire("GET", "/crm/v8/Notes", query={"sort_by": "Created_Time", "sort_order": "desc"},
                  reply=listing(
                      {"id": "92", "Created_Time": "2026-09-21T16:20:00+02:00"},
                      {"id": "91", "Created_Time": "2026-09-21T16:14:00+02:00",
                       "Note_Content": "We start.\n\n[mktool tok-1 1]",
                       "Parent_Id": {"id": "12", "module": {"api_name": "Leads"}}})),),
            ROOT,
        ),
        Example(
            "find", lambda x: list(x.find("lead", "ada@example.com")),
            (Wire("GET", "/crm/v8/Leads/search", query={"email": "ada@example.com"},
                  reply=listing({"id": "12", "Full_Name": "Ada", "Company": "Acme"})),),
            [Found("lead", "12", "Ada", f"{CRM}/Leads/12", {"Company": "Acme"})],
        ),
        Example(
            "pull", lambda x: list(x.pull(LEADS, Wish())),
            (FIELDS,
             Wire("GET", "/crm/v8/Leads",
                  query={"fields": "id,Modified_Time,Email,Score,Vip,Owner,Code",
                         "sort_by": "id", "per_page": "200"},
                  reply=b'{"data":[{"id":"12","Modified_Time":"2026-09-21T16:00:00+02:00",'
                        b'"Email":null,"Score":1.10,"Vip":false,"Owner":{"id":"77","name":"A"},'
                        b'"Code":"7"}],"info":{"more_records":true,"next_page_token":"t2"}}'),
             Wire("GET", "/crm/v8/Leads", query={"page_token": "t2"}, status=204, reply=b"")),
            [Page([Record("12", {"Email": None, "Score": "1.10", "Vip": "false", "Code": "7",
                                 "Owner": '{"id":"77","name":"A"}'}, AT)], "1 t2"), Page([])],
        ),
        Example(
            "push", lambda x: x.push(LEADS, ROWS, "Email"),
            (FIELDS, Wire("POST", "/crm/v8/Leads/upsert", status=207, reply={"data": DONE},
                          sends={"data": SENT, "duplicate_check_fields": ["Email"],
                                 "trigger": []})),
            WROTE, repeats=True,
        ),
    )  # fmt: skip
    failures = (
        (Wire("", "", status=401, reply={"code": "INVALID_TOKEN"}), e.Unauthorized),
        (Wire("", "", status=401, reply={"code": "OAUTH_SCOPE_MISMATCH"}), e.Forbidden),
        (Wire("", "", status=403, reply={"code": "NO_PERMISSION"}), e.Forbidden),
        (Wire("", "", status=400, reply={"code": "TOO_MANY_REQUESTS"}), e.RateLimited),
        (Wire("", "", status=404, reply={"code": "INVALID_URL_PATTERN"}), e.NotFound),
        (Wire("", "", status=400, reply={"code": "INVALID_DATA"}), e.Rejected),
    )

    def test_what_calls_do_not_write_is_told(self, cls: Any, ledger: Ledger) -> None:
        acts = {"Email": {"api_create": True, "api_update": True},
                "Code": {"api_create": True, "api_update": False},
                "Full_Name": {"api_create": False, "api_update": False}}  # fmt: skip
        told = [{"api_name": name, "data_type": "text", "operation_type": act}
                for name, act in acts.items()]  # fmt: skip
        x, _, _ = self.open(cls, ledger, [replace(FIELDS, reply={"fields": told})])
        assert x.fields(LEADS) == {"Email": True, "Code": True, "Full_Name": False}

    def test_changes_come_with_what_was_deleted(self, cls: Any, ledger: Ledger) -> None:
        since = {"If-Modified-Since": "2026-09-21T14:13:20+00:00"}
        wish = Wish(("Email",), since=NOW)
        wire = (
            Wire("GET", "/crm/v8/Leads", header=since, status=304, reply=b""),
            Wire("GET", "/crm/v8/Leads/deleted", header=since, query={"type": "all", "page": "1"},
                 reply=listing({"id": "14", "deleted_time": STAMP}, more_records=True)),
            Wire("GET", "/crm/v8/Leads/deleted", query={"page": "2"}, status=204, reply=b""),
        )  # fmt: skip
        pages = list(self.open(cls, ledger, wire)[0].pull(LEADS, wish))
        gone = Page([Record("14", {}, AT, deleted=True)], "deleted 2")
        assert pages == [Page([], "deleted 1"), gone, Page([])]
        provider, _, _ = self.open(cls, ledger, wire[2:])
        rest = Wish(("Email",), since=NOW, cursor="deleted 2")
        assert list(provider.pull(LEADS, rest)) == [Page([])]

    def test_more_than_fifty_fields_are_asked_for_by_the_ids(
        self, cls: Any, ledger: Ledger
    ) -> None:
        names = tuple(f"F{n}" for n in range(60))
        one = {"id": "12", "Modified_Time": STAMP}
        wire = (
            Wire("GET", "/crm/v8/Leads", reply=listing({**one, "F0": "a"})),
            Wire("GET", "/crm/v8/Leads", reply=listing({**one, "F59": "z"}),
                 query={"ids": "12", "fields": ",".join(("id", "Modified_Time", *names[48:]))}),
        )  # fmt: skip
        provider, vendor, _ = self.open(cls, ledger, wire)
        (page,) = provider.pull(LEADS, Wish(names))
        assert (page.records[0].values["F0"], page.records[0].values["F59"]) == ("a", "z")
        assert len(page.records[0].values) == 60
        assert vendor.requests[0].query.count("%2C") == 49
        stranger = replace(wire[1], reply=listing({**one, "id": "13"}))
        provider, _, _ = self.open(cls, ledger, (wire[0], stranger))
        with pytest.raises(e.UnexpectedReply, match="13"):
            list(provider.pull(LEADS, Wish(names)))

    @pytest.mark.parametrize(
        ("since", "where"),
        [(None, "id > 12"), (NOW, "(id > 12 and Modified_Time >= '2026-09-21T14:13:20+00:00')")],
    )
    def test_beyond_what_tokens_lead_to_the_ids_are_asked_for(
        self, cls: Any, ledger: Ledger, since: float | None, where: str
    ) -> None:
        row = {"id": "12", "Modified_Time": STAMP, "Email": "a@b.co"}
        query = f"select id from Leads where {where} order by id asc limit 200"
        last = listing({**row, "id": "14"})
        wire = (
            Wire("GET", "/crm/v8/Leads", query={"page_token": "t500"},
                 reply=listing(row, more_records=True, next_page_token="t501")),
            Wire("POST", "/crm/v8/coql", sends={"select_query": query},
                 reply=listing({"id": "13"}, {"id": "14"}, more_records=True)),
            Wire("GET", "/crm/v8/Leads", query={"ids": "13,14"}, reply=last),
        )  # fmt: skip
        provider, _, _ = self.open(cls, ledger, wire)
        pages = provider.pull(LEADS, Wish(("Email",), since, cursor="99999 t500"))
        assert [next(pages).next, next(pages)] == [
            "beyond 12", Page([Record("14", {"Email": "a@b.co"}, AT)], "beyond 14")]  # fmt: skip

    def test_records_are_fetched_by_what_is_equal_and_not_only_like_it(
        self, cls: Any, ledger: Ledger
    ) -> None:
        wire = (
            found("Leads", "(Company:equals:Acme)", {"id": "12", "Company": "ACME"},
                  {"id": "13", "Company": "Acme Inc"}),
            Wire("GET", "/crm/v8/Leads", query={"ids": "12"},
                 reply=listing({"id": "12", "Modified_Time": STAMP, "Company": "ACME"})),
        )  # fmt: skip
        provider, _, _ = self.open(cls, ledger, wire)
        (record,) = provider.fetch(LEADS, "Company", ["Acme"], ("Company",))
        assert record == Record("12", {"Company": "ACME"}, AT)
        with pytest.raises(e.InvalidInput):
            list(provider.fetch(LEADS, "Company:equals:x)or(Email", ["a"], ("Email",)))

    @pytest.mark.parametrize(
        ("row", "key", "method", "path", "operation"),
        [(Row(1, {}, "12"), "", "PUT", "/crm/v8/Leads", {"data": [{"id": "12"}]}),
         (Row(1, {"Code": "7"}), "Code", "POST", "/crm/v8/Leads/upsert",
          {"duplicate_check_fields": ["Code"]}),
         (Row(1, {"Vip": "true"}), "Vip", "POST", "/crm/v8/Leads", {"data": [{"Vip": True}]})],
    )  # fmt: skip
    def test_how_rows_are_written(
        self, cls: Any, ledger: Ledger, row: Row, key: str, method: str, path: str,
        operation: dict[str, Any],
    ) -> None:  # fmt: skip
        done = {"code": "SUCCESS", "status": "success", "details": {"id": "12"}}
        wire = (FIELDS, Wire(method, path, sends=operation, reply={"data": [done]}))
        provider, _, _ = self.open(cls, ledger, wire, {**self.options, "trigger": "workflow"})
        (written,) = provider.push(LEADS, [row], key)
        assert written.id == "12"

    def test_a_request_whose_every_row_is_refused_is_read_row_by_row(
        self, cls: Any, ledger: Ledger
    ) -> None:
        wire = (FIELDS, Wire("POST", "/crm/v8/Leads/upsert", status=400, reply={"data": DONE[1:]}))
        provider, _, _ = self.open(cls, ledger, wire)
        assert provider.push(LEADS, ROWS[:1], "Email") == WROTE[1:]

    def test_action_items_are_written_and_what_is_refused_is_said_at_the_end(
        self, cls: Any, ledger: Ledger
    ) -> None:
        task = {"What_Id": {"id": "12"}, "$se_module": "Leads"}
        users = {"users": [{"id": "77", "email": "ADA@example.com"}], "info": {}}
        wire = (
            Wire("GET", "/crm/v8/users", query={"type": "ActiveUsers"}, reply=users),
            Wire("POST", "/crm/v8/Tasks", reply={"data": DONE}, sends={"data": [
                {**task, "Subject": "Plan", "Owner": {"id": "77"},
                 "Description": "[mktool tok-2 1]"},
                {**task, "Subject": "Tea", "Description": "x\n\n[mktool tok-2 2]"}]}),
        )  # fmt: skip
        provider, _, _ = self.open(cls, ledger, wire)
        done = provider.write(TASKS, (ROOT,))
        assert done.id == "11"
        with pytest.raises(e.Rejected, match="“Tea”: required field not found"):
            provider.write(Piece("refused", {}), (ROOT, done))
        assert provider.write(Piece("refused", {}), (ROOT,)).id == "91"

    def test_lost_action_items_are_found_by_their_marks(self, cls: Any, ledger: Ledger) -> None:
        one = {"id": "31", "Created_Time": STAMP.replace("16:00", "16:14"),
               "Description": "x\n\n[mktool tok-2 2]"}  # fmt: skip
        for rows, id in (((one,), "31"), ((), None)):
            wire = Wire("GET", "/crm/v8/Tasks", reply=listing(*rows) if rows else b"",
                        status=200 if rows else 204)  # fmt: skip
            posted = self.open(cls, ledger, [wire])[0].locate(TASKS, (ROOT,), NOW, frozenset())
            assert (posted and posted.id) == id
        refused = Posted("31", "", {"refused": '{"“Plan”": "it is not there"}'})
        wire = Wire("GET", "/crm/v8/Tasks", reply=listing(one))
        located = self.open(cls, ledger, [wire])[0].locate(TASKS, (ROOT,), NOW, frozenset())
        assert json.loads(located.ref["refused"]) == json.loads(refused.ref["refused"])

    def test_a_note_holds_half_as_many_emoji(self, cls: Any, ledger: Ledger) -> None:
        export = replace(reports.EXPORTS["usual"], body=(reports.text("🙂" * 20_000),))
        first, second, *_ = self.open(cls, ledger, [])[0].pieces(export)
        assert len(first.body["note"]["Note_Content"]) <= 15_100
        assert second.kind == "note"

    def test_a_record_is_named_by_module_and_id(self, cls: Any, ledger: Ledger) -> None:
        usual = reports.EXPORTS["usual"]
        provider, vendor, _ = self.open(
            cls, ledger, [Wire("POST", "/crm/v8/Notes", reply={"data": DONE[:1]})]
        )
        named = replace(usual, extra={"module": "Deals", "id": "55"})
        provider.write(provider.pieces(named)[0], ())
        assert vendor.requests[0].json["data"][0]["Parent_Id"] == {
            "module": {"api_name": "Deals"}, "id": "55"}  # fmt: skip
        with pytest.raises(e.InvalidInput, match="together"):
            provider.pieces(replace(usual, extra={"id": "55"}))

    def test_nobody_known_is_said(self, cls: Any, ledger: Ledger) -> None:
        wire = [Wire("GET", f"/crm/v8/{m}/search", status=204, reply=b"")
                for m in ("Contacts", "Leads")]  # fmt: skip
        with pytest.raises(e.InvalidInput, match="nobody"):
            self.open(cls, ledger, wire)[0].write(NOTE, ())

    def test_a_dry_run_without_an_account(self) -> None:
        dry = DryRun(Zoho.spec, Target(Zoho.spec.base_url), {}, frozenset())
        provider, before = Zoho(dry), list[Posted]()
        for piece in provider.pieces(reports.EXPORTS["usual"]):
            before.append(provider.write(piece, before))
        assert [r["operation"] for r in dry.requests] == [
            "search", "search", "insert", "users", "insert"]  # fmt: skip
        json.dumps(dry.requests)

    def test_a_token_goes_to_no_other_address(self) -> None:
        login = Login({"api_domain": "https://zohoapis.evil"}, {"access_token": Secret(LEAK)})
        with pytest.raises(e.ConfigError):
            Zoho.spec.auth[0].sign(login)


def test_criteria_cannot_be_left() -> None:
    assert escaped("a),(b\\") == "a\\)\\,\\(b\\\\"
