from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.message import Refusal
from mktool.model import Account, Posted
from mktool.provider import Provider
from mktool.providers._hubspot_note import MOST
from mktool.providers.hubspot import HubSpot
from mktool.records import Found, Page, Record, Row, Wish, Written
from mktool.report import Action, Person, Piece, Report
from mktool.store.ledger import Ledger
from mktool.text.runs import utf16
from tests import reports
from tests.contract import NOW, Example, ProviderContract, Wire

STAMP = "2026-09-21T14:13:20.250Z"  # NOW + 250 ms
KINDS = {kind.name: kind for kind in HubSpot.spec.records}
CONTACTS, COMPANIES = KINDS["contacts"], KINDS["companies"]
USUAL = replace(reports.EXPORTS["usual"], extra={"deals": "9"})
LIMITED = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING",
           "message": "Too fast"}  # fmt: skip


def item(id: str, **values: str | None) -> dict[str, Any]:
    held = {"lastmodifieddate": STAMP, "hs_lastmodifieddate": STAMP, **values}
    return {"id": id, "properties": held, "createdAt": STAMP, "updatedAt": STAMP}


def answer(*items: Mapping[str, Any], after: str = "", **more: Any) -> dict[str, Any]:
    return {"results": list(items), **({"paging": {"next": {"after": after}}} if after else {}),
            **more}  # fmt: skip


def people(*items: Mapping[str, Any], **more: Any) -> Wire:
    sends = {"idProperty": "email", "properties": ["email"], "propertiesWithHistory": []}
    reply = answer(*items, **more)
    return Wire("POST", "/crm/v3/objects/contacts/batch/read", sends, reply=reply)


def linked(id: str, type: int) -> dict[str, Any]:
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type}
    return {"to": {"id": id}, "types": [kind]}


def write(number: int, export: Any = USUAL, before: Any = ()) -> Any:
    return lambda x: x.write(replace(x.pieces(export)[number], token="t"), before)


PROPERTIES = Wire("GET", "/crm/v3/properties/contacts", reply=answer({"name": "email"}))
NOTE = Wire(
    "POST", "/crm/v3/objects/notes",
    {"associations": [linked("1", 202), linked("9", 214)]}, status=201, reply={"id": "77"},
)  # fmt: skip
TO = {"to": '[["contacts", "1"], ["deals", "9"]]'}
OWNER = Wire("GET", "/crm/v3/owners", query={"email": "ada@example.com"}, reply=answer({"id": "5"}))
TASKS = Wire("POST", "/crm/v3/objects/tasks/batch/create", status=201, reply=answer(
    {"id": "81", "objectWriteTraceId": "1"}, {"id": "82", "objectWriteTraceId": "2"}))  # fmt: skip
UPSERTED = answer({**item("1", email="ada@example.com"), "objectWriteTraceId": "4", "new": True})


class TestHubSpot(ProviderContract):
    provider = "hubspot"
    secrets = ("access_token",)
    export_extra: ClassVar = {"deals": "9"}
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (Wire("GET", "/account-info/v3/details", reply={"portalId": 62, "timeZone": "UTC"}),),
            Account("62", "account 62", details={"time zone": "UTC"}),
        ),
        Example("export", write(0), (people(item("1")), NOTE), Posted("77", "", TO)),
        Example(
            "locate",
            lambda x: x.locate(x.pieces(USUAL)[0], (Posted("", "", TO),), NOW, frozenset()),
            (
                Wire(
                    "GET",
                    "/crm/v4/objects/contacts/1/associations/notes",
                    query={"limit": "500"},
                    reply=answer(),
                ),
            ),
            None,
        ),
        Example(
            "find",
            lambda x: list(x.find("contact", "Ada@example.com")),
            (
                Wire(
                    "POST",
                    "/crm/v3/objects/contacts/search",
                    {
                        "filterGroups": [
                            {
                                "filters": [
                                    {
                                        "propertyName": "email",
                                        "operator": "EQ",
                                        "value": "ada@example.com",
                                    }
                                ]
                            }
                        ],
                        "sorts": [],
                        "after": "0",
                        "limit": 20,
                    },
                    reply=answer(
                        item("1", firstname="Ada", lastname=None, email="ada@example.com")
                    ),
                ),
            ),
            [Found("contact", "1", "Ada", "", {"email": "ada@example.com"})],
        ),
        Example(
            "pull",
            lambda x: list(x.pull(CONTACTS, Wish())),
            (
                PROPERTIES,
                Wire(
                    "GET",
                    "/crm/v3/objects/contacts",
                    query={"limit": "100", "archived": "false", "properties": "email"},
                    reply=answer(item("1", email="a@b.c"), after="1"),
                ),
                Wire(
                    "GET",
                    "/crm/v3/objects/contacts",
                    query={"after": "1"},
                    reply=answer(item("2", email=None)),
                ),
            ),
            [
                Page([Record("1", {"email": "a@b.c"}, NOW + 0.25)], "list:1"),
                Page([Record("2", {"email": None}, NOW + 0.25)]),
            ],
        ),
        Example(
            "push",
            lambda x: x.push(
                CONTACTS, [Row(4, {"email": "Ada@example.com", "city": None})], "email"
            ),
            (
                Wire(
                    "POST",
                    "/crm/v3/objects/contacts/batch/upsert",
                    {
                        "inputs": [
                            {
                                "id": "Ada@example.com",
                                "idProperty": "email",
                                "objectWriteTraceId": "4",
                                "properties": {"email": "Ada@example.com", "city": ""},
                            }
                        ]
                    },
                    reply=UPSERTED,
                ),
            ),
            [Written("1", True)],
            repeats=True,
        ),
        Example(
            "members",
            lambda x: list(x.members("list", "12", ("email",))),
            (
                Wire("GET", "/crm/v3/lists/12", reply={"list": {"objectTypeId": "0-1"}}),
                Wire("GET", "/crm/v3/lists/12/memberships", reply=answer({"recordId": "1"})),
                Wire(
                    "POST",
                    "/crm/v3/objects/contacts/batch/read",
                    {"inputs": [{"id": "1"}]},
                    reply=answer(item("1", email="a@b.c")),
                ),
            ),
            [Record("1", {"email": "a@b.c"}, NOW + 0.25)],
        ),
    )
    failures = (
        (Wire("", "", status=429, reply=LIMITED), e.RateLimited),
        (Wire("", "", status=423, reply={"status": "error", "message": "locked"}), e.RateLimited),
        (Wire("", "", status=401, reply={"category": "EXPIRED_AUTHENTICATION"}), e.Unauthorized),
        (Wire("", "", status=403, reply={"category": "MISSING_SCOPES"}), e.Forbidden),
        (Wire("", "", status=404, reply={"category": "OBJECT_NOT_FOUND"}), e.NotFound),
        (Wire("", "", status=400, reply={"category": "VALIDATION_ERROR"}), e.Rejected),
    )

    # -- reports -------------------------------------------------------------------------------

    def test_what_only_hubspot_writes_is_told(self, cls: Any, ledger: Ledger) -> None:
        own = {"name": "createdate", "modificationMetadata": {"readOnlyValue": True}}
        told = replace(PROPERTIES, reply=answer({"name": "email"}, own))
        x, _, _ = self.open(cls, ledger, [told])
        assert x.fields(CONTACTS) == {"email": True, "createdate": False}
        assert x.fields(KINDS["lists"]) == {}

    def test_a_huge_report_fits_and_is_safe(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [])
        pieces = x.pieces(replace(reports.EXPORTS["huge"], extra={"contacts": "7"}))
        notes = [p.body["properties"]["hs_note_body"] for p in pieces if p.kind == "note"]
        assert len(notes) > 10
        assert all(utf16(html) <= MOST for html in notes)
        assert not [html for html in notes if "<script" in html or 'href="javascript' in html]
        assert [len(p.body["tasks"]) for p in pieces if p.kind == "tasks"] == [100, 100]
        assert pieces[-1].kind == "refused"

    def test_the_note_carries_what_the_user_maps(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [])
        fields = {"note": {"origin": "mktool"}, "task": {"squad": "red"}}
        note, tasks, _ = x.pieces(replace(
            USUAL, fields=fields, extra={"contacts": "ada@example.com", "hubspot_owner_id": "5"}
        ))  # fmt: skip
        held = note.body["properties"]
        assert held.items() >= {"origin": "mktool", "hubspot_owner_id": "5",
                                "hs_timestamp": "2026-09-21T14:00:00Z"}.items()  # fmt: skip
        assert note.body["to"] == {"contacts": ["ada@example.com"]}
        first, second = (task["properties"] for task in tasks.body["tasks"])
        assert first.items() >= {
            "hs_task_subject": "Write the plan", "hs_task_priority": "HIGH", "squad": "red",
            "hs_task_status": "NOT_STARTED", "hs_timestamp": "2026-09-28T12:00:00Z",
        }.items()  # fmt: skip
        assert second["hs_task_status"] == "COMPLETED"

    @pytest.mark.parametrize(
        ("extra", "report"),
        [({"deals": "big"}, USUAL.report), ({"contacts": "Ada"}, USUAL.report), ({}, Report("x"))],
    )
    def test_what_it_is_put_on_is_checked_before(
        self, cls: type[Provider], ledger: Ledger, extra: dict[str, str], report: Report
    ) -> None:
        x, _, _ = self.open(cls, ledger, [])
        with pytest.raises(e.InvalidInput):
            x.pieces(replace(USUAL, report=report, extra=extra))

    def test_nothing_is_written_on_nobody(self, cls: type[Provider], ledger: Ledger) -> None:
        lost = {"errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["a"]}}]}
        x, vendor, _ = self.open(cls, ledger, [replace(people(**lost), status=207)])
        with pytest.raises(e.InvalidInput, match="nobody"):
            write(0, replace(USUAL, extra={}))(x)
        assert vendor.script == []

    def test_targets_that_are_asked_for(self, cls: type[Provider], ledger: Ledger) -> None:
        extra = {"contacts": "ada@example.com,7", "companies": "Acme.example", "deals": "9"}
        script = [
            Wire("GET", "/contacts/ada@example.com", query={"idProperty": "email"},
                 reply={"id": "1"}),
            Wire("GET", "/contacts/7", reply={"id": "7"}),
            Wire("POST", "/companies/search", {"limit": 10}, reply=answer(item("3"))),
            replace(NOTE, sends={"associations": [linked("1", 202), linked("7", 202),
                                                  linked("3", 190), linked("9", 214)]}),
        ]  # fmt: skip
        x, vendor, _ = self.open(cls, ledger, script, {"account_id": "62"})
        posted = write(0, replace(USUAL, extra=extra))(x)
        assert posted.url == "https://app.hubspot.com/contacts/62/record/0-1/1?engagement=77"
        assert vendor.script == []

    def test_an_unknown_domain_is_told(self, cls: type[Provider], ledger: Ledger) -> None:
        contact = Wire("GET", "/contacts/ada@b.c", reply={"id": "1"})
        search = Wire("POST", "/companies/search", reply=answer())
        x, _, _ = self.open(cls, ledger, [contact, search])
        with pytest.raises(e.NotFound):
            write(0, replace(USUAL, extra={"companies": "a.example", "contacts": "ada@b.c"}))(x)

    def test_a_refused_task_loses_no_other(self, cls: type[Provider], ledger: Ledger) -> None:
        error = {"category": "VALIDATION_ERROR", "message": "no such owner",
                 "context": {"objectWriteTraceId": ["2"]}}  # fmt: skip
        done = replace(TASKS, status=207, reply=answer(
            {"id": "81", "objectWriteTraceId": "1"}, errors=[error], numErrors=1))  # fmt: skip
        x, vendor, _ = self.open(cls, ledger, [OWNER, done])
        note = Posted("77", "", TO)
        posted = write(1, before=(note,))(x)
        assert posted.id == "81"
        first, second = vendor.requests[-1].json["inputs"]
        assert first["properties"]["hubspot_owner_id"] == "5"
        assert first["associations"] == [linked("1", 204), linked("9", 216)]
        assert "hubspot_owner_id" not in second["properties"]
        with pytest.raises(e.Rejected, match="Order tea: no such owner"):
            write(2, before=(note, posted))(x)

    def test_all_tasks_taken(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [OWNER, TASKS])
        posted = write(1, before=(Posted("77", "", TO),))(x)
        assert posted.id == "81,82"
        assert write(2, before=(Posted("77", "", TO), posted))(x) == Posted("81,82")

    # -- lost writes ---------------------------------------------------------------------------

    def located(
        self, cls: type[Provider], ledger: Ledger, number: int, *found: Mapping[str, Any],
        known: frozenset[str] = frozenset(),
    ) -> Any:  # fmt: skip
        kind = "notes" if number == 0 else "tasks"
        ids = answer(*({"toObjectId": int(i["id"])} for i in found))
        script = [Wire("GET", f"/associations/{kind}", reply=ids)]
        if found:
            script.append(Wire("POST", f"/{kind}/batch/read", reply=answer(*found)))
        x, _, _ = self.open(cls, ledger, script)
        piece: Piece = x.pieces(USUAL)[number]
        return x.locate(piece, (Posted("70", "", TO),), NOW, known)

    def body(self) -> str:
        x = HubSpot(None)  # type: ignore[arg-type]  # offline
        return str(x.pieces(USUAL)[0].body["properties"]["hs_note_body"])

    def test_a_note_is_found_though_its_html_was_rewritten(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        html = f"<div>{self.body()}</div>".replace("<h2>", '<h2 style="x">\n')
        assert self.located(cls, ledger, 0, item("77", hs_note_body=html)).id == "77"

    def test_a_note_is_found_beside_somebody_who_was_no_contact_yet(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        script = [
            people(item("8"), item("1")),
            Wire("GET", "/contacts/8/associations/notes", reply=answer()),
            Wire("GET", "/contacts/1/associations/notes", reply=answer({"toObjectId": 77})),
            Wire("GET", "/deals/9/associations/notes", reply=answer({"toObjectId": 77})),
            Wire("POST", "/notes/batch/read", {"inputs": [{"id": "77"}]},
                 reply=answer(item("77", hs_note_body=self.body()))),
        ]  # fmt: skip
        x, _, _ = self.open(cls, ledger, script)
        assert x.locate(x.pieces(USUAL)[0], (), NOW, frozenset()).id == "77"

    def test_another_new_note_proves_nothing(self, cls: type[Provider], ledger: Ledger) -> None:
        with pytest.raises(e.Unsupported):
            self.located(cls, ledger, 0, item("76", hs_note_body="<p>Hi</p>"))

    def test_others_notes_are_not_ours(self, cls: type[Provider], ledger: Ledger) -> None:
        old = item("76", hs_note_body=self.body()) | {"createdAt": "2026-09-20T00:00:00Z"}
        ours = item("75", hs_note_body=self.body())
        known = frozenset({"74,75"})
        assert self.located(cls, ledger, 0, old, ours, known=known) is None

    def test_half_of_a_batch_is_told(self, cls: type[Provider], ledger: Ledger) -> None:
        posted = self.located(cls, ledger, 1, item("81", hs_task_subject="Write the plan"))
        assert posted.id == "81"
        assert json.loads(posted.ref["refused"]) == ["Order tea: not found after it was sent"]

    # -- records -------------------------------------------------------------------------------

    @pytest.mark.parametrize("version", ["2026-03", "2026-09"])
    def test_dated_versions(self, cls: type[Provider], ledger: Ledger, version: str) -> None:
        script = [
            Wire("GET", f"/crm/properties/{version}/contacts", reply=answer({"name": "email"})),
            Wire("GET", f"/crm/objects/{version}/contacts", reply=answer()),
            Wire("GET", f"/account-info/{version}/details", reply={"portalId": 1}),
            Wire("GET", f"/marketing/campaigns/{version}", reply=answer()),
            Wire("GET", f"/crm/owners/{version}", reply=answer()),
            Wire("POST", f"/crm/lists/{version}/search", reply={"lists": []}),
        ]
        x, vendor, _ = self.open(cls, ledger, script, {"api_version": version})
        list(x.pull(CONTACTS, Wish()))
        x.check()
        list(x.pull(KINDS["campaigns"], Wish()))
        list(x.find("owner", "Ada"))
        list(x.find("list", "Fans"))
        assert vendor.script == []

    def test_what_changed_is_read_by_keyset(self, cls: type[Provider], ledger: Ledger) -> None:
        ms = int(NOW * 1000)
        late = "2026-09-21T14:13:21.000Z"
        first = [item(str(n), email="x") for n in range(199)]
        first.append(item("199", email="x", lastmodifieddate=late))
        same = [item(str(n), email="x", lastmodifieddate=late) for n in range(200)]

        def search(found: list[dict[str, Any]], sort: str, *filters: tuple[str, str, str]) -> Wire:
            told = [{"propertyName": p, "operator": o, "value": v} for p, o, v in filters]
            sends = {"filterGroups": [{"filters": told}], "sorts": [sort], "limit": 200}
            return Wire("POST", "/contacts/search", sends, reply=answer(*found))

        modified, end = "lastmodifieddate", str(ms + 1000)
        gone = {"id": "5", "archivedAt": STAMP, "archived": True}
        old = {"id": "6", "archivedAt": "2026-09-01T00:00:00Z", "archived": True}
        script = [
            search(first, modified, (modified, "GTE", str(ms))),
            search(same, modified, (modified, "GTE", end)),
            search(same, "hs_object_id", (modified, "EQ", end), ("hs_object_id", "GT", "0")),
            search([], "hs_object_id", (modified, "EQ", end), ("hs_object_id", "GT", "199")),
            search([], modified, (modified, "GTE", str(ms + 1001))),
            Wire("GET", "/contacts", query={"archived": "true"}, reply=answer(gone, after="7")),
            Wire("GET", "/contacts", query={"after": "7"}, reply=answer(old)),
        ]
        x, vendor, _ = self.open(cls, ledger, script)
        pages = list(x.pull(CONTACTS, Wish(("email",), NOW)))
        assert vendor.script == []
        assert [len(page.records) for page in pages] == [200, 200, 200, 0, 0, 1, 0]
        assert pages[5].records == [Record("5", {}, NOW + 0.25, deleted=True)]
        x, vendor, _ = self.open(cls, ledger, script[3:])
        list(x.pull(CONTACTS, Wish(("email",), NOW, pages[2].next)))
        assert vendor.script == []

    def test_very_many_properties_go_into_a_body(self, cls: type[Provider], ledger: Ledger) -> None:
        names = [f"a_property_of_some_length_{n}" for n in range(600)]
        script = [
            replace(PROPERTIES, reply=answer(*({"name": name} for name in names))),
            Wire("GET", "/contacts", query={"limit": "100"}, reply=answer(item("1"))),
            Wire("POST", "/contacts/batch/read", {"properties": names}, reply=answer(item("1"))),
        ]
        x, vendor, _ = self.open(cls, ledger, script)
        assert [len(page.records[0].values) for page in x.pull(CONTACTS, Wish())] == [600]
        assert vendor.script == []

    def test_rows_that_spoil_a_batch_stay_out(self, cls: type[Provider], ledger: Ledger) -> None:
        rows = [Row(4, {"email": "ada@example.com"}), Row(5, {"email": " "}),
                Row(6, {"email": "ADA@example.com"})]  # fmt: skip
        upsert = Wire("POST", "/contacts/batch/upsert", reply=UPSERTED)
        x, vendor, _ = self.open(cls, ledger, [upsert])
        one, two, three = x.push(CONTACTS, rows, "email")
        assert one == Written("1", True)
        assert (two.refusal.code, three.refusal.code) == ("no_key", "twice")
        assert len(vendor.requests[0].json["inputs"]) == 1

    def test_each_row_has_its_own_answer(self, cls: type[Provider], ledger: Ledger) -> None:
        errors = [{"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": ["2"]}},
                  {"category": "VALIDATION_ERROR", "message": "no", "context": {
                      "objectWriteTraceId": ["3"]}}]  # fmt: skip
        update = Wire("POST", "/companies/batch/update", status=207,
                      reply=answer(item("1"), errors=errors, numErrors=2))  # fmt: skip
        x, _, _ = self.open(cls, ledger, [update])
        rows = [Row(seq, {"name": "A"}, str(seq)) for seq in (1, 2, 3)]
        assert x.push(COMPANIES, rows, "domain") == [
            Written("1"), Written(refusal=Refusal("OBJECT_NOT_FOUND", "gone")),
            Written(refusal=Refusal("VALIDATION_ERROR", "no")),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("key", "path"), [("domain", "create"), ("", "create"), ("erp_id", "upsert")]
    )
    def test_companies_are_made_unless_a_key_is_unique(
        self, cls: type[Provider], ledger: Ledger, key: str, path: str
    ) -> None:
        made = answer({**item("3"), "objectWriteTraceId": "1"})
        x, vendor, _ = self.open(cls, ledger, [Wire("POST", f"/batch/{path}", reply=made)])
        row = Row(1, {"domain": "a.b", "erp_id": "7"})
        assert x.push(COMPANIES, [row], key) == [Written("3")]
        assert ("associations" in vendor.requests[0].json["inputs"][0]) == (path == "create")

    def test_an_answer_that_names_no_row_is_in_doubt(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        made = Wire("POST", "/batch/create", reply=answer(item("3")))
        x, _, _ = self.open(cls, ledger, [made])
        with pytest.raises(e.OutcomeUnknown):
            x.push(COMPANIES, [Row(1, {"name": "A"})], "")

    def test_records_by_a_value(self, cls: type[Provider], ledger: Ledger) -> None:
        filters = [{"propertyName": "domain", "operator": "IN", "values": ["a.b"]},
                   {"propertyName": "hs_object_id", "operator": "GT", "value": "0"}]  # fmt: skip
        script = [Wire("POST", "/companies/search", {"filterGroups": [{"filters": filters}]},
                       reply=answer(item("3", domain="a.b")))]  # fmt: skip
        x, _, _ = self.open(cls, ledger, script)
        found = list(x.fetch(COMPANIES, "domain", ["A.b"], ("domain",)))
        assert found == [Record("3", {"domain": "a.b"}, NOW + 0.25)]

    def test_lists_and_campaigns(self, cls: type[Provider], ledger: Ledger) -> None:
        group = {"listId": "12", "name": "Fans", "updatedAt": STAMP, "additionalProperties":
                 {"hs_list_size": "3"}}  # fmt: skip
        script = [Wire("POST", "/lists/search", {"offset": 0}, reply={"lists": [group],
                                                                      "hasMore": True}),
                  Wire("POST", "/lists/search", {"offset": 1}, reply={"lists": []}),
                  Wire("GET", "/marketing/v3/campaigns", query={"properties": "hs_name"},
                       reply=answer(item("c1", hs_name="Spring")))]  # fmt: skip
        x, _, _ = self.open(cls, ledger, script)
        first, _ = x.pull(KINDS["lists"], Wish(("name", "hs_list_size")))
        assert first.records[0].values == {"name": "Fans", "hs_list_size": "3"}
        (page,) = x.pull(KINDS["campaigns"], Wish(("hs_name",), NOW + 60))
        assert page.records == []

    def test_a_list_of_companies_holds_nobody(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [Wire("GET", "/lists/3", reply={
            "list": {"objectTypeId": "0-2"}})])  # fmt: skip
        with pytest.raises(e.Unsupported):
            list(x.members("list", "3", ()))


def test_who_owns_a_task_is_looked_up_once() -> None:
    actions = tuple(Action(str(n), Person("Ada", "ada@example.com")) for n in range(3))
    export = reports.exported(Report("x", actions=actions), extra={"deals": "1"})
    tasks = HubSpot(None).pieces(export)[1]  # type: ignore[arg-type]  # offline
    assert {task["owner"] for task in tasks.body["tasks"]} == {"ada@example.com"}


def test_what_is_looked_up_by_a_search_is_given_time_to_be_found() -> None:
    made = [kind for kind in HubSpot.spec.records if kind.batch and not kind.upserts]
    assert len(made) == 3
    assert all(kind.lags for kind in made)
