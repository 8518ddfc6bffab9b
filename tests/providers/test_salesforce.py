"""What Salesforce is sent, what it answers, and what that means."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.client import DryRun
from mktool.http.reply import Cut
from mktool.http.target import Target
from mktool.message import Refusal
from mktool.model import Account, Login, Posted, Secret
from mktool.providers._salesforce_export import priority
from mktool.providers._salesforce_org import Column, literal, quoted
from mktool.providers.salesforce import Salesforce
from mktool.records import Found, Page, Record, Row, Wish, Written
from mktool.report import Action, Piece
from mktool.store.ledger import Ledger
from mktool.store.limits import usage
from tests import reports
from tests.contract import LEAK, NOW, Example, ProviderContract, Wire

HOME = "https://acme.my.salesforce.com"
API = "/services/data/v65.0"
CONTACTS = Salesforce.spec.records[0]
DESCRIBED = {"name": "Contact", "fields": [
    {"name": "Id", "type": "id"}, {"name": "Email", "type": "email"},
    {"name": "Score__c", "type": "double"}, {"name": "Vip__c", "type": "boolean"},
    {"name": "Ext__c", "type": "string", "externalId": True},
    {"name": "MailingAddress", "type": "address"},
    {"name": "SystemModstamp", "type": "datetime"}, {"name": "IsDeleted", "type": "boolean"},
]}  # fmt: skip
STAMP = "2026-09-21T14:00:00.000+0000"
AT = 1789999200.0
SELECT = "SELECT Id, SystemModstamp, IsDeleted, Email, Score__c FROM Contact"
WISH = Wish(("Email", "Score__c"))


def rows(*found: dict[str, Any], done: bool = True, **more: Any) -> dict[str, Any]:
    return {"totalSize": len(found), "done": done, "records": list(found), **more}


def query(soql: str, *found: dict[str, Any], path: str = "query", **more: Any) -> Wire:
    return Wire("GET", f"{API}/{path}", query={"q": soql}, reply=rows(*found, **more))


def contact(id: str, email: str | None, *, deleted: bool = False) -> dict[str, Any]:
    return {"attributes": {}, "Id": id, "SystemModstamp": STAMP, "IsDeleted": deleted,
            "Email": email, "Score__c": 1.10}  # fmt: skip


DESCRIBE = Wire("GET", f"{API}/sobjects/Contact/describe", reply=DESCRIBED)
PLAN = Piece("meeting", {
    "object": "Task", "fields": {"Subject": "Kick-off", "Description": "We start."}, "own": {},
    "people": ["ada@example.com", "o'neil@example.com"], "who": "", "what": "",
}, "tok-1")  # fmt: skip
PEOPLE = "Email IN ('ada@example.com', 'o\\'neil@example.com')"
TASKS = Piece("tasks", {"rows": [
    {"fields": {"Subject": "Plan", "Description": ""}, "email": "Ada@example.com"},
    {"fields": {"Subject": "Tea", "Description": "From: x"}, "email": ""},
], "own": {}}, "tok-2")  # fmt: skip
ROOT = Posted("00T1", "", {"WhoId": "0031"})
ROW = (Row(1, {"Email": "a@b.co", "Score__c": "1.10", "Vip__c": "TRUE"}), Row(2, {"Email": None}))
SENT = [
    {"attributes": {"type": "Contact"}, "Email": "a@b.co", "Score__c": 1.1, "Vip__c": True},
    {"attributes": {"type": "Contact"}, "Email": None},
]
LOADED = b'"sf__Id","sf__Created",Email\n0032,true,b@c.de\n0031,true,a@b.co\n'
NEW = [Row(1, {"Email": "a@b.co"}), Row(2, {"Email": "b@c.de"}), Row(3, {"Email": "x"})]


class TestSalesforce(ProviderContract):
    provider = "salesforce"
    secrets = ("access_token",)
    options = {"instance_url": HOME}  # noqa: RUF012
    examples = (
        Example(
            "check", lambda x: x.check(),
            (Wire("GET", "/services/oauth2/userinfo", header={"Authorization": f"Bearer {LEAK}"},
                  reply={"user_id": "0051", "organization_id": "00D1",
                         "preferred_username": "ada@acme"}),),
            Account("0051", "ada@acme", details={"org": "00D1"}),
        ),
        Example(
            "export", lambda x: x.write(PLAN, ()),
            (query(f"SELECT Id, Email FROM Contact WHERE {PEOPLE}",
                   {"Id": "0032", "Email": "O'Neil@example.com"},
                   {"Id": "0031", "Email": "ADA@example.com"}),
             Wire("POST", f"{API}/sobjects/Task", status=201,
                  sends={"WhoId": "0031", "Description": "We start.\n\n[mktool tok-1]"},
                  reply={"id": "00T1", "success": True, "errors": []})),
            Posted("00T1", f"{HOME}/lightning/r/Task/00T1/view", {"WhoId": "0031"}),
        ),
        Example(
            "locate", lambda x: x.locate(PLAN, (), NOW, frozenset()),
            (Wire("GET", "/userinfo", reply={"user_id": "0051", "organization_id": "00D1"}),
             query("SELECT Id, Description, WhoId, WhatId FROM Task WHERE CreatedById = '0051'"
                   " AND CreatedDate >= 2026-09-21T14:08:20Z ORDER BY CreatedDate",
                   {"Id": "00T0", "Description": "y [mktool tok-10 1]"},
                   {"Id": "00T1", "Description": "x [mktool tok-1]", "WhoId": "0031"})),
            Posted("00T1", f"{HOME}/lightning/r/Task/00T1/view", {"WhoId": "0031"}),
        ),
        Example(
            "find", lambda x: list(x.find("account", "50%_'s")),
            (query("SELECT Id, Name, Website, Type FROM Account WHERE Name LIKE"
                   " '%50\\%\\_\\'s%' ORDER BY LastModifiedDate DESC LIMIT 20",
                   {"Id": "0011", "Name": "50%_'s", "Website": None, "Type": "Customer"}),),
            [Found("account", "0011", "50%_'s", f"{HOME}/lightning/r/Account/0011/view",
                   {"Type": "Customer"})],
        ),
        Example(
            "pull", lambda x: list(x.pull(CONTACTS, WISH)),
            (DESCRIBE, query("SELECT COUNT() FROM Contact", totalSize=2),
             query(f"{SELECT} ORDER BY SystemModstamp, Id LIMIT 2000", contact("0031", "a@b.co"),
                   done=False, nextRecordsUrl=f"{API}/query/01g-2000"),
             Wire("GET", f"{API}/query/01g-2000", reply=rows(contact("0032", None)))),
            [Page([Record("0031", {"Email": "a@b.co", "Score__c": "1.1"}, AT),
                   Record("0032", {"Email": None, "Score__c": "1.1"}, AT)])],
        ),
        Example(
            "push", lambda x: x.push(CONTACTS, ROW, "Email"),
            (DESCRIBE, Wire("POST", f"{API}/composite/sobjects",
                            sends={"allOrNone": False, "records": SENT},
                            reply=[{"success": True, "id": "0031", "errors": []},
                                   {"success": False, "errors": [
                                       {"statusCode": "REQUIRED_FIELD_MISSING",
                                        "message": "Required: LastName"}]}])),
            [Written("0031", True),
             Written(refusal=Refusal("REQUIRED_FIELD_MISSING", "Required: LastName"))],
            planned=("GET", "POST"),
        ),
        Example(
            "load", lambda x: x.load(CONTACTS, "7501", NEW, "Email"),
            (Wire("GET", "/jobs/ingest/7501", reply={"state": "Open"}),
             Wire("PATCH", "/jobs/ingest/7501", sends={"state": "UploadComplete"},
                  reply={"state": "UploadComplete"}),
             Wire("GET", "/jobs/ingest/7501", reply={"state": "InProgress"}),
             Wire("GET", "/jobs/ingest/7501", reply={"state": "JobComplete"}),
             Wire("GET", "/jobs/ingest/7501/successfulResults", reply=LOADED),
             Wire("GET", "/jobs/ingest/7501/failedResults", reply=b"sf__Id,sf__Error,Email\n"
                  b",\"INVALID_EMAIL_ADDRESS:Email: no address:Email --\",x\n")),
            [Written("0031", True), Written("0032", True),
             Written(refusal=Refusal("INVALID_EMAIL_ADDRESS", "Email: no address:Email --"))],
            repeats=True, planned=("GET",) * 4,
        ),
        Example(
            "members", lambda x: list(x.members("campaign", "7011", ("Email",))),
            (query("SELECT Id, LeadOrContactId, Email FROM CampaignMember WHERE"
                   " CampaignId = '7011' ORDER BY Id LIMIT 2000",
                   {"Id": "00v1", "LeadOrContactId": "00Q1", "Email": "a@b.co"}),),
            [Record("00Q1", {"Email": "a@b.co"})],
        ),
    )  # fmt: skip
    failures = (
        (Wire("", "", status=403, reply=[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "x"}]),
         e.RateLimited),
        (Wire("", "", status=401, reply=[{"errorCode": "INVALID_SESSION_ID"}]), e.Unauthorized),
        (Wire("", "", status=403, reply=b"Bad_OAuth_Token"), e.Unauthorized),
        (Wire("", "", status=403, reply=[{"errorCode": "API_DISABLED_FOR_ORG"}]), e.Forbidden),
        (Wire("", "", status=400, reply=[{"errorCode": "DUPLICATES_DETECTED"}]), e.Duplicate),
        (Wire("", "", status=400, reply=[{"errorCode": "MALFORMED_QUERY"}]), e.Rejected),
    )  # fmt: skip

    def test_what_nobody_may_write_is_told(self, cls: Any, ledger: Ledger) -> None:
        may = {"Email": (True, True), "Ext__c": (True, False), "CreatedDate": (False, False)}
        told = [{"name": name, "type": "string", "createable": create, "updateable": update}
                for name, (create, update) in may.items()]  # fmt: skip
        described = replace(DESCRIBE, reply={"name": "Contact", "fields": told})
        x, _, _ = self.open(cls, ledger, [described])
        assert x.fields(CONTACTS) == {"Email": True, "Ext__c": True, "CreatedDate": False}

    def test_the_limit_of_the_org_is_shown(self, cls: Any, ledger: Ledger) -> None:
        wire = Wire("GET", "/userinfo", headers={"sforce-limit-info": "api-usage=18/5000"},
                    reply={"user_id": "u", "organization_id": "o"})  # fmt: skip
        self.open(cls, ledger, [wire])[0].check()
        (shown,) = usage(ledger.db, "salesforce", "default", cls.spec.limits, NOW)
        assert (shown.bucket, shown.quota, shown.used) == ("*", 5000, 18)

    def test_a_lead_is_taken_where_no_contact_is_and_stands_beside_no_account(
        self, cls: Any, ledger: Ledger
    ) -> None:
        piece = Piece("meeting", {**PLAN.body, "what": "Acme", "people": ["a@b.co"]}, "t")
        wire = (
            query("SELECT Id FROM Opportunity WHERE Name = 'Acme' ORDER BY Id LIMIT 2"),
            query("SELECT Id FROM Account WHERE Name = 'Acme' ORDER BY Id LIMIT 2", {"Id": "0011"}),
            query("SELECT Id, Email FROM Contact WHERE Email IN ('a@b.co')"),
            query("SELECT Id, Email FROM Lead WHERE IsConverted = false AND Email IN ('a@b.co')",
                  {"Id": "00Q1", "Email": "a@b.co"}),
            Wire("POST", "/sobjects/Task", sends={"WhatId": "0011"}, reply={"id": "00T1"}),
        )  # fmt: skip
        provider, vendor, _ = self.open(cls, ledger, wire)
        assert provider.write(piece, ()).ref == {"WhatId": "0011"}
        assert "WhoId" not in vendor.requests[-1].json

    def test_refused_action_items_lose_no_others_and_are_tried_once_more(
        self, cls: Any, ledger: Ledger
    ) -> None:
        soql = "SELECT Id, Email FROM User WHERE IsActive = true AND Email IN ('ada@example.com')"
        users = query(soql, {"Id": "0051", "Email": "ada@example.com"})
        bad = {"success": False, "errors": [{"statusCode": "BAD", "message": "no such owner"}]}
        sent = [
            {"attributes": {"type": "Task"}, "WhoId": "0031", "Subject": "Plan", "OwnerId": "0051",
             "Description": "[mktool tok-2 1]"},
            {"attributes": {"type": "Task"}, "WhoId": "0031", "Subject": "Tea",
             "Description": "From: x\n\n[mktool tok-2 2]"},
        ]  # fmt: skip
        first = Wire("POST", "/composite/sobjects", sends={"allOrNone": False, "records": sent},
                     reply=[bad, {"success": True, "id": "00T3"}])  # fmt: skip
        again = Wire("POST", "/composite/sobjects", sends={"allOrNone": True}, reply=[bad])
        provider, vendor, _ = self.open(cls, ledger, [users, first, users, again])
        done = provider.write(TASKS, (ROOT,))
        assert (done.id, done.ref) == ("00T3", {"refused": "[0]"})
        refused = Piece("refused", {**TASKS.body, "of": 1}, "tok-3")
        with pytest.raises(e.Rejected, match="“Plan”: no such owner"):
            provider.write(refused, (ROOT, done))
        assert [r["Subject"] for r in vendor.requests[-1].json["records"]] == ["Plan"]
        whole = Posted("00T3", "", {"refused": "[]"})
        assert provider.write(refused, (ROOT, whole)).id == "00T3"  # and nothing is sent

    @pytest.mark.parametrize(
        ("marks", "answer"),
        [((1, 2), Posted("00T1", f"{HOME}/lightning/r/Task/00T1/view", {"refused": "[]"})),
         ((1,), Posted("00T1", f"{HOME}/lightning/r/Task/00T1/view", {"refused": "[1]"})),
         ((), None)],
    )  # fmt: skip
    def test_a_lost_batch_of_action_items_is_found_by_its_marks(
        self, cls: Any, ledger: Ledger, marks: tuple[int, ...], answer: Posted | None
    ) -> None:
        found = [{"Id": f"00T{n}", "Description": f"[mktool tok-2 {n}]"} for n in marks]
        me = rows({"Id": "0051", "Email": "ada@example.com"})
        wire = [Wire("GET", "/query", reply=rows(*found)), Wire("GET", "/query", reply=me)]
        wire = wire[: 1 if 1 in marks else 2]  # nobody is looked up for what is there
        provider, _, _ = self.open(cls, ledger, wire, {**self.options, "account_id": "0051"})
        assert provider.locate(TASKS, (ROOT,), NOW, frozenset()) == answer

    def test_tasks_that_may_be_hidden_prove_nothing(self, cls: Any, ledger: Ledger) -> None:
        own = Piece("tasks", {**TASKS.body, "rows": TASKS.body["rows"][:1]}, "tok-2")
        user = rows({"Id": "0051", "Email": "ada@example.com"})
        wire = [Wire("GET", "/query", reply=rows()), Wire("GET", "/query", reply=user)]
        provider, _, _ = self.open(cls, ledger, wire, {**self.options, "account_id": "5"})
        with pytest.raises(e.Unsupported):
            provider.locate(own, (ROOT,), NOW, frozenset())

    def test_what_is_too_long_goes_on_in_a_file(self, cls: Any, ledger: Ledger) -> None:
        wire = Wire("POST", "/sobjects/ContentVersion", reply={"id": "0681"})
        provider, vendor, _ = self.open(cls, ledger, [wire])
        pieces = provider.pieces(reports.EXPORTS["huge"])
        assert [p.kind for p in pieces] == ["meeting", "file", "tasks", "refused"]
        text = pieces[0].body["fields"]["Description"]
        assert len(text) < 31_900
        assert f"attached file {pieces[1].body['name']}" in text
        provider.write(pieces[1], (ROOT,))
        sent = vendor.requests[0].json
        assert sent["FirstPublishLocationId"] == "00T1"
        assert len(b64decode(sent["VersionData"]).decode()) > 300_000

    def test_a_description_is_measured_as_java_does(self, cls: Any, ledger: Ledger) -> None:
        export = replace(reports.EXPORTS["usual"], body=(reports.text("🙂" * 20_000),))
        meeting, *_ = self.open(cls, ledger, [])[0].pieces(export)
        text = meeting.body["fields"]["Description"]
        assert 31_000 < len(text.encode("utf-16-le")) // 2 <= 31_800
        assert "goes on" in text

    def test_an_event_has_its_times(self, cls: Any, ledger: Ledger) -> None:
        provider, _, _ = self.open(cls, ledger, [])
        event = replace(reports.EXPORTS["usual"], extra={"object": "Event", "Location": "Oslo"})
        (meeting, *_) = provider.pieces(event)
        assert meeting.body["fields"]["StartDateTime"] == "2026-09-21T14:00:00Z"
        assert meeting.body["fields"]["EndDateTime"] == "2026-09-21T15:00:00Z"
        assert meeting.body["fields"]["Location"] == "Oslo"
        with pytest.raises(e.InvalidInput, match="start"):
            provider.pieces(replace(reports.EXPORTS["bare"], extra={"object": "Event"}))

    def test_changes_come_with_what_was_deleted(self, cls: Any, ledger: Ledger) -> None:
        where = " WHERE SystemModstamp >= 2026-09-21T14:13:20Z"
        gone = contact("0031", None, deleted=True)
        wire = (
            DESCRIBE,
            query(f"SELECT COUNT() FROM Contact{where}", path="queryAll", totalSize=1),
            query(f"{SELECT}{where} ORDER BY SystemModstamp, Id LIMIT 2000", gone, path="queryAll"),
        )
        provider, _, _ = self.open(cls, ledger, wire)
        (page,) = provider.pull(CONTACTS, Wish(WISH.fields, since=NOW))
        assert page == Page([Record("0031", {}, AT, deleted=True)])

    def test_many_records_are_read_by_a_job_that_another_process_goes_on_with(
        self, cls: Any, ledger: Ledger
    ) -> None:
        head = b'"Id","SystemModstamp","IsDeleted","Email","Score__c"\n'
        line = b'"0031","2026-09-21T14:00:00.000Z","false","a@b.co","1.1"\n'

        def page(locator: str, **more: Any) -> Wire:
            told = {"sforce-locator": locator, "sforce-numberofrecords": "1"}
            return Wire("GET", "/jobs/query/7501/results", reply=head + line, headers=told, **more)

        ended = Wire("GET", "/jobs/query/7501", reply={"state": "JobComplete"})
        wire = (
            DESCRIBE, query("SELECT COUNT() FROM Contact", totalSize=2001),
            Wire("POST", "/jobs/query", sends={"operation": "query", "query": SELECT},
                 reply={"id": "7501", "state": "UploadComplete"}),
            ended, page("MTA"), page("null", query={"locator": "MTA"}),
        )  # fmt: skip
        record = Record("0031", {"Email": "a@b.co", "Score__c": "1.1"}, AT)
        pages = list(self.open(cls, ledger, wire)[0].pull(CONTACTS, WISH))
        assert pages == [Page((), "job 7501"), Page([record], "job 7501 MTA"), Page([record])]
        rest = (DESCRIBE, ended, page("null", query={"locator": "MTA"}))
        provider, _, _ = self.open(cls, ledger, rest)
        assert list(provider.pull(CONTACTS, Wish(WISH.fields, cursor=pages[1].next))) == pages[2:]

    def test_rows_are_staged_as_csv(self, cls: Any, ledger: Ledger) -> None:
        wire = (
            DESCRIBE,
            Wire("POST", "/jobs/ingest", reply={"id": "7501"},
                 sends={"operation": "upsert", "externalIdFieldName": "Ext__c"}),
            Wire("PUT", "/jobs/ingest/7501/batches", status=201, reply=b""),
        )  # fmt: skip
        provider, vendor, _ = self.open(cls, ledger, wire)
        many = [Row(1, {"Ext__c": "1", "Email": None}), Row(2, {"Ext__c": 'a,"b"\n'})]
        assert provider.stage(CONTACTS, many, "Ext__c") == "7501"
        assert vendor.requests[-1].raw is not None
        assert vendor.requests[-1].raw.read() == b'Ext__c,Email\n1,#N/A\n"a,""b""\n",\n'
        assert vendor.requests[-1].content_type().startswith("text/csv")

    def test_rows_are_uploaded_once_as_a_job_with_two_uploads_never_starts(
        self, cls: Any, ledger: Ledger
    ) -> None:
        opened = Wire("POST", "/jobs/ingest", reply={"id": "7501"})
        lost: list[Wire | Exception] = [DESCRIBE, opened, Cut("no answer in time")]
        provider, vendor, _ = self.open(cls, ledger, lost)
        with pytest.raises(e.OutcomeUnknown):
            provider.stage(CONTACTS, NEW, "Email")
        assert vendor.script == []

    def test_a_start_whose_answer_was_lost_is_a_start(self, cls: Any, ledger: Ledger) -> None:
        state, start, *rest = next(x.wire for x in self.examples if x.capability == "load")
        again = replace(start, status=400, reply=[{"errorCode": "INVALIDJOBSTATE"}])
        wire: list[Wire | Exception] = [state, Cut("no answer in time"), again, *rest]
        provider, _, _ = self.open(cls, ledger, wire)
        assert [w.id for w in provider.load(CONTACTS, "7501", NEW, "Email")] == ["0031", "0032", ""]

    def test_a_job_that_cannot_start_holds_refused_rows(self, cls: Any, ledger: Ledger) -> None:
        state, start, *_ = next(x.wire for x in self.examples if x.capability == "load")
        said = [{"errorCode": "INVALIDJOB", "message": "Found multiple contents"}]
        wire = (state, replace(start, status=400, reply=said), state)
        provider, _, _ = self.open(cls, ledger, wire)
        why = Written(refusal=Refusal("INVALIDJOB", "Found multiple contents"))
        assert provider.load(CONTACTS, "7501", NEW, "Email") == [why] * 3

    def test_rows_are_known_by_id_or_upserted_by_an_external_id(
        self, cls: Any, ledger: Ledger
    ) -> None:
        wire = (
            DESCRIBE,
            Wire("PATCH", "/composite/sobjects", reply=[{"success": True, "id": "0031"}],
                 sends={"records": [{"attributes": {"type": "Contact"}, "id": "0031"}]}),
            Wire("PATCH", "/composite/sobjects/Contact/Ext__c",
                 reply=[{"success": True, "id": "0032", "created": True}]),
        )  # fmt: skip
        provider, _, _ = self.open(cls, ledger, wire)
        assert provider.push(CONTACTS, [Row(1, {}, "0031")], "") == [Written("0031", False)]
        row = Row(1, {"Ext__c": "7"})
        assert provider.push(CONTACTS, [row], "Ext__c") == [Written("0032", True)]

    def test_records_are_fetched_by_values_of_their_type(self, cls: Any, ledger: Ledger) -> None:
        soql = "SELECT Id, SystemModstamp, IsDeleted, Email FROM Contact WHERE "
        wire = (
            DESCRIBE,
            query(f"{soql}Email IN ('a\\'b')", contact("0031", "a'b")),
            query(f"{soql}Score__c IN (1.10)"),
        )
        provider, _, _ = self.open(cls, ledger, wire)
        (found,) = provider.fetch(CONTACTS, "Email", ["a'b"], ("Email",))
        assert found.values == {"Email": "a'b"}
        assert not list(provider.fetch(CONTACTS, "Score__c", ["1.10"], ("Email",)))
        for field, value in (("Score__c", "1 OR 1=1"), ("Email OR", "x")):
            with pytest.raises(e.InvalidInput):
                list(provider.fetch(CONTACTS, field, [value], ("Email",)))

    @pytest.mark.parametrize("address", ["https://evil.example", "http://acme.my.salesforce.com"])
    def test_a_token_goes_to_no_other_address(self, address: str) -> None:
        scheme = Salesforce.spec.auth[0]
        login = Login({"instance_url": address}, {"access_token": Secret(LEAK)})
        with pytest.raises(e.ConfigError):
            scheme.sign(login)

    def test_a_dry_run_without_an_account(self) -> None:
        dry = DryRun(Salesforce.spec, Target(Salesforce.spec.base_url), {}, frozenset())
        provider = Salesforce(dry)
        before: list[Posted] = []
        for piece in provider.pieces(reports.EXPORTS["usual"]):
            before.append(provider.write(piece, before))
        assert [r["operation"] for r in dry.requests] == ["query", "create", "query", "insert"]
        assert dry.requests[1]["json"]["WhoId"] == "‹Id›"
        json.dumps(dry.requests)


@pytest.mark.parametrize(
    ("action", "level"),
    [
        (Action("x", priority="urgent"), "High"), (Action("x", priority="low"), "Low"),
        (Action("Call ASAP"), "High"), (Action("nice to have: tea"), "Low"),
        (Action("x", due=date(2026, 9, 24)), "High"), (Action("asap", priority="low"), "Low"),
        (Action("x", due=date(2026, 9, 25)), "Normal"), (Action("x"), "Normal"),
    ],
)  # fmt: skip
def test_the_priority_of_an_action_item(action: Action, level: str) -> None:
    assert priority(action, date(2026, 9, 21)) == level


def test_soql_cannot_be_left() -> None:
    assert quoted("a' OR Name != '\\") == r"'a\' OR Name != \'\\'"
    assert quoted("a\nb") == r"'a\nb'"
    assert literal(Column("X", "boolean"), "true") == "true"
    with pytest.raises(e.InvalidInput):
        literal(Column("X", "date"), "2026-01-01 OR 1=1")
