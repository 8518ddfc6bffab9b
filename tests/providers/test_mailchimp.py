from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.http.auth import Basic
from mktool.http.client import DryRun
from mktool.http.target import Target
from mktool.message import Broadcast, Event, Mailbox, Message, Receipt, Refusal, Sent, Suppressed
from mktool.model import Account, Login, Secret
from mktool.provider import Provider
from mktool.providers._mailchimp_audience import tag_of
from mktool.providers.mailchimp import Mailchimp
from mktool.store.ledger import Ledger
from tests.contract import NOW, Example, ProviderContract, Wire

LAUNCH = Broadcast(
    "launch", "mk-1", Mailbox("news@acme.example", "Acme"), "It is here", "<p>Hi *|FNAME|*</p>",
    text="Hi *|FNAME|*", preheader="At last", fields=("first_name", "email"),
)  # fmt: skip
ADA = Message(1, "Ada@acme.example", values=("Ada", "Ada@acme.example"))
BOB = Message(2, "bob@acme.example", values=("Bob", "bob@acme.example"))
AT = "2026-09-21T14:13:22+00:00"  # NOW + 2
FIELDS = Wire(
    "GET",
    "/lists/L1/merge-fields",
    query={"count": "1000"},
    reply={"merge_fields": [{"tag": "FNAME"}, {"tag": "LNAME"}], "total_items": 2},
)
STORED = Wire("GET", "/campaigns/c1", query={"fields": "status"}, reply={"status": "schedule"})


def member(one: Message, **more: object) -> dict[str, object]:
    values = {"FNAME": one.values[0]}
    return {"email_address": one.to, "tags": ["mk-1"], "merge_fields": values, **more}


def put(
    *members: Mapping[str, object], update: bool = False, new: Mapping[str, str] | None = None,
    updated: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None,
) -> Wire:  # fmt: skip
    def rows(given: Mapping[str, str] | None, key: str) -> list[dict[str, str]]:
        return [{"email_address": who, key: value} for who, value in (given or {}).items()]

    reply = {"new_members": rows(new, "status"), "updated_members": rows(updated, "status"),
             "errors": [{**row, "error": "Looks fake"} for row in rows(errors, "error_code")],
             "error_count": len(errors or {})}  # fmt: skip
    return Wire(
        "POST", "/lists/L1", {"members": list(members), "update_existing": update},
        {"skip_merge_validation": "true"}, reply=reply,
    )  # fmt: skip


def campaigns(*items: Mapping[str, Any]) -> Wire:
    query = {"list_id": "L1", "count": "1000", "offset": "0", "sort_dir": "DESC"}
    return Wire("GET", "/campaigns", query=query, reply={"campaigns": list(items)})


TAGGED = Wire(
    "GET",
    "/lists/L1/tag-search",
    query={"name": "mk-1"},
    reply={"tags": [{"id": 7, "name": "mk-10"}, {"id": 8, "name": "mk-1"}], "total_items": 2},
)
SETTINGS = {
    "title": "launch (mk-1)",
    "subject_line": "It is here",
    "preview_text": "At last",
    "from_name": "Acme",
    "reply_to": "news@acme.example",
}
CREATED = Wire(
    "POST",
    "/campaigns",
    {
        "type": "regular",
        "recipients": {
            "list_id": "L1",
            "segment_opts": {"saved_segment_id": 8, "match": "all"},
        },
        "settings": SETTINGS,
    },
    reply={"id": "c1", "status": "save"},
)
CONTENT = Wire(
    "PUT",
    "/campaigns/c1/content",
    {"html": "<p>Hi *|FNAME|*</p>", "plain_text": "Hi *|FNAME|*"},
    reply={"html": "…"},
)
READY = Wire("GET", "/campaigns/c1/send-checklist", reply={"is_ready": True, "items": []})
SENT = Wire("POST", "/campaigns/c1/actions/send", status=204, reply=b"")


class TestMailchimp(ProviderContract):
    provider = "mailchimp"
    options: ClassVar = {"list_id": "L1"}
    secrets = ("api_key",)
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (Wire("GET", "/3.0/", reply={"account_id": "a1", "account_name": "Acme"}),),
            Account("a1", "Acme"),
        ),
        Example("broadcast", lambda x: x.launch("c1", None), (SENT,), None),
        Example(
            "broadcast",
            lambda x: x.enlist(LAUNCH, [ADA, BOB]),
            (
                FIELDS,
                put(
                    member(ADA, status="subscribed"),
                    member(BOB, status="subscribed"),
                    new={"ada@acme.example": "subscribed", "bob@acme.example": "subscribed"},
                ),
            ),
            Receipt(),
        ),
        Example(
            "broadcast",
            lambda x: x.draft(LAUNCH),
            (campaigns({"id": "c0"}), TAGGED, CREATED, CONTENT, READY),
            "c1",
        ),
        Example("broadcast", lambda x: x.launched("c1"), (STORED,), True),
        Example(
            "broadcast",
            lambda x: x.recall("c1"),
            (STORED, Wire("POST", "/campaigns/c1/actions/unschedule", status=204, reply=b"")),
            None,
        ),
        Example(
            "track",
            lambda x: list(x.track(Sent("launch", NOW, ref="c1"))),
            (
                Wire(
                    "GET",
                    "/reports/c1/email-activity",
                    query={"since": "2026-09-21T14:13:20+00:00", "count": "1000", "offset": "0"},
                    reply={
                        "emails": [
                            {"email_address": "bob@acme.example", "activity": []},
                            {
                                "email_address": "ada@acme.example",
                                "activity": [
                                    {"action": "open", "timestamp": AT},
                                    {"action": "click", "timestamp": AT, "url": "https://a.b/"},
                                    {"action": "bounce", "timestamp": AT, "type": "soft"},
                                    {"action": "sneeze", "timestamp": AT},
                                ],
                            },
                        ]
                    },
                ),
            ),
            [
                Event("opened", "", "ada@acme.example", NOW + 2),
                Event("clicked", "", "ada@acme.example", NOW + 2, "https://a.b/"),
                Event("bounced", "", "ada@acme.example", NOW + 2, "soft"),
            ],
        ),
        Example(
            "summarize",
            lambda x: x.summarize(Sent("launch", NOW, ref="c1")),
            (
                Wire(
                    "GET",
                    "/reports/c1",
                    reply={
                        "emails_sent": 100,
                        "bounces": {"hard_bounces": 2, "soft_bounces": 1, "syntax_errors": 0},
                        "opens": {"opens_total": 60, "unique_opens": 40},
                        "clicks": {"clicks_total": 9, "unique_subscriber_clicks": 7},
                        "unsubscribed": 1,
                        "abuse_reports": 0,
                        "ecommerce": None,
                    },
                ),
            ),
            {
                "sent": 100, "bounced": 3, "delivered": 97, "opened": 60, "unique_opens": 40,
                "clicked": 9, "unique_clicks": 7, "unsubscribed": 1, "complained": 0,
            },
        ),
        Example(
            "receive",
            lambda x: list(x.receive({"type": "unsubscribe", "fired_at": "2026-09-21 14:13:22",
                                      "data": {"email": "a@b.example", "reason": "manual"}})),
            (),
            [Event("unsubscribed", "", "a@b.example", detail="manual")],
        ),
        Example(
            "suppress",
            lambda x: list(x.suppressed(NOW)),
            tuple(
                Wire(
                    "GET",
                    "/lists/L1/members",
                    query={"status": status, "since_last_changed": "2026-09-21T14:13:20+00:00"},
                    reply={"members": [{"email_address": who, "last_changed": AT}]},
                )
                for status, who in (("unsubscribed", "ada@a.b"), ("cleaned", "bob@a.b"))
            ),
            [
                Suppressed("ada@a.b", "unsubscribed", NOW + 2),
                Suppressed("bob@a.b", "bounced", NOW + 2),
            ],
        ),
        Example(
            "templates",
            lambda x: (list(x.templates()), x.add_template("More", "<p></p>")),
            (
                Wire(
                    "GET",
                    "/templates",
                    query={"count": "1000"},
                    reply={"templates": [{"id": 1001, "name": "Launch"}]},
                ),
                Wire("POST", "/templates", {"name": "More", "html": "<p></p>"}, reply={"id": 1002}),
            ),
            ([("1001", "Launch")], "1002"),
        ),
    )  # fmt: skip
    failures = (
        (
            Wire("", "", status=401, reply={"title": "API Key Invalid", "detail": "…"}),
            e.Unauthorized,
        ),
        (Wire("", "", status=403, reply={"title": "Forbidden", "detail": "…"}), e.Forbidden),
        (Wire("", "", status=403, reply=b""), e.RateLimited),
        (Wire("", "", status=403, reply=b"<html>Access Denied</html>"), e.RateLimited),
        (Wire("", "", status=429, reply={"title": "Too Many Requests"}), e.RateLimited),
        (Wire("", "", status=400, reply={"title": "Bad Request", "detail": "No."}), e.Rejected),
    )

    def test_the_key_says_where_to_ask(self, cls: type[Provider], ledger: Ledger) -> None:
        x, vendor, _ = self.open(cls, ledger, self.examples[0].wire)
        x.check()
        assert vendor.requests[0].url == "https://leak.api.mailchimp.com/3.0/"

    @pytest.mark.parametrize("key", ["abc", "abc-", "abc-us1.evil.example/", "abc-us1@evil"])
    def test_a_key_leads_to_no_other_host(self, key: str) -> None:
        (scheme,) = Mailchimp.spec.auth
        assert isinstance(scheme, Basic)
        with pytest.raises(e.NeedsLogin, match="data centre"):
            scheme.sign(Login({}, {"api_key": Secret(key)}))

    def test_a_dry_run_needs_no_key(self) -> None:
        dry = DryRun(Mailchimp.spec, Target(Mailchimp.spec.base_url), {}, frozenset({"api_key"}))
        Mailchimp(dry).launch("c1", None)
        (shown,) = dry.requests
        assert shown["url"] == "https://***.api.mailchimp.com/3.0/campaigns/c1/actions/send"
        assert shown["headers"] == {"Authorization": "Basic ***"}

    # -- the audience --------------------------------------------------------------------------

    def test_who_is_known_keeps_his_status(self, cls: type[Provider], ledger: Ledger) -> None:
        """Bob has unsubscribed: he is not subscribed again, and is reported."""
        exists = "ERROR_CONTACT_EXISTS"
        script = (
            FIELDS,
            put(
                member(ADA, status="subscribed"),
                member(BOB, status="subscribed"),
                errors={"ada@acme.example": exists, "bob@acme.example": exists},
            ),
            put(
                member(ADA, status_if_new="subscribed"),
                member(BOB, status_if_new="subscribed"),
                update=True,
                updated={"ada@acme.example": "subscribed", "bob@acme.example": "unsubscribed"},
            ),
        )
        x, _, _ = self.open(cls, ledger, script)
        why = Refusal("unsubscribed", "gets no campaigns, says the audience")
        assert x.enlist(LAUNCH, [ADA, BOB]) == Receipt(refused={1: why})

    def test_one_bad_address_does_not_stop_the_others(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        answer = put(
            new={"bob@acme.example": "pending"}, errors={"Ada@acme.example": "ERROR_GENERIC"}
        )
        wire = Wire("POST", "/lists/L1", {"update_existing": False}, reply=answer.reply)
        options = {"list_id": "L1", "status": "pending"}
        x, vendor, _ = self.open(cls, ledger, [FIELDS, wire], options)
        assert x.enlist(LAUNCH, [ADA, BOB]).refused == {
            0: Refusal("ERROR_GENERIC", "Looks fake"),
            1: Refusal("pending", "gets no campaigns, says the audience"),
        }
        assert vendor.requests[-1].json["members"][1]["status"] == "pending"

    def test_fields_that_are_missing_are_added_once(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        plan = Broadcast("launch", "mk-1", LAUNCH.sender, "s", "h", fields=("plan", "city"))
        body = {"tag": "PLAN", "name": "plan", "type": "text", "public": False}
        exists = {"title": "Invalid Resource", "detail": "A merge field PLAN already exists."}
        script = (
            FIELDS,
            Wire("POST", "/lists/L1/merge-fields", body, status=400, reply=exists),
            Wire("POST", "/lists/L1/merge-fields", {"tag": "CITY"}, reply={"tag": "CITY"}),
            *[put(member(ADA, status="subscribed") | {"merge_fields": {"PLAN": "a", "CITY": "b"}})]
            * 2,
        )
        x, vendor, _ = self.open(cls, ledger, script)
        for _ in range(2):
            x.enlist(plan, [Message(1, ADA.to, values=("a", "b"))])
        assert vendor.script == []

    @pytest.mark.parametrize("reply", [{}, {"new_members": []}, b"<html>wait</html>"])
    def test_an_odd_answer_is_not_taken_for_success(
        self, cls: type[Provider], ledger: Ledger, reply: object
    ) -> None:
        odd = Wire("POST", "/lists/L1", reply=reply)
        x, _, _ = self.open(cls, ledger, [FIELDS, odd])
        with pytest.raises(e.UnexpectedReply):
            x.enlist(LAUNCH, [ADA])

    @pytest.mark.parametrize(
        ("total", "kind"), [(1, None), (0, e.InvalidInput), (2, e.InvalidInput)]
    )
    def test_the_only_audience_need_not_be_named(
        self, cls: type[Provider], ledger: Ledger, total: int, kind: type[Exception] | None
    ) -> None:
        lists = [{"id": f"L{n + 1}"} for n in range(total)]
        asked = Wire("GET", "/lists", reply={"lists": lists, "total_items": total})
        script = [asked, FIELDS, put(member(ADA, status="subscribed"))]
        x, _, _ = self.open(cls, ledger, script[: 3 if total == 1 else 1], {})
        if kind is None:
            x.enlist(LAUNCH, [ADA])
        else:
            with pytest.raises(kind):
                x.enlist(LAUNCH, [ADA])

    @pytest.mark.parametrize(
        ("column", "tag"),
        [("email", "EMAIL"), ("First_Name", "FNAME"), ("plan", "PLAN"), ("plan_id", "PLAN_ID")],
    )
    def test_columns_have_the_tags_people_expect(self, column: str, tag: str) -> None:
        assert tag_of(column) == tag

    def test_no_two_columns_share_a_tag(self) -> None:
        columns = ["company_name", "company_number", "naïve", "nave", "a b", "ab", "ünï", "ünö"]
        tags = {tag_of(column) for column in columns}
        assert len(tags) == len(columns)
        assert all(len(tag) <= 10 and tag.isascii() for tag in tags)

    def test_columns_that_differ_in_case_alone_are_refused(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        mail = Broadcast("launch", "mk-1", LAUNCH.sender, "s", "h", fields=("plan", "Plan"))
        x, vendor, _ = self.open(cls, ledger, [])
        with pytest.raises(e.InvalidInput, match="plan, Plan"):
            x.enlist(mail, [ADA])
        assert vendor.requests == []

    def test_an_empty_value_is_replaced(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [])
        assert x.merge_tag("first_name") == "*|FNAME|*"
        assert x.merge_tag("first_name", "there") == "*|IF:FNAME|**|FNAME|**|ELSE:|*there*|END:IF|*"

    # -- the campaign --------------------------------------------------------------------------

    @pytest.mark.parametrize(("status", "more"), [("save", (CONTENT, READY)), ("sent", ())])
    def test_a_lost_draft_is_found_by_its_token(
        self, cls: type[Provider], ledger: Ledger, status: str, more: tuple[Wire, ...]
    ) -> None:
        other = {"id": "c0", "status": "save", "settings": {"title": "launch (mk-2)"}}
        ours = {"id": "c1", "status": status, "settings": {"title": "launch (mk-1)"}}
        x, vendor, _ = self.open(cls, ledger, [campaigns(other, ours), *more])
        assert x.draft(LAUNCH) == "c1"
        assert vendor.script == []

    def test_options_are_merged_last(self, cls: type[Provider], ledger: Ledger) -> None:
        extra = {"list_id": "L1", "settings": {"inline_css": True}, "tracking": {"opens": False}}
        mail = Broadcast("launch", "mk-1", LAUNCH.sender, "It is here", "<p>", extra=extra)
        script = (campaigns(), TAGGED, Wire("POST", "/campaigns", reply={"id": "c1"}),
                  Wire("PUT", "/campaigns/c1/content", {"html": "<p>"}), READY)  # fmt: skip
        x, vendor, _ = self.open(cls, ledger, script, {})
        x.draft(mail)
        body = vendor.requests[2].json
        assert body["settings"] == {**SETTINGS, "preview_text": "", "inline_css": True}
        assert body["tracking"] == {"opens": False}
        assert "list_id" not in body

    def test_what_would_not_be_sent_says_why(self, cls: type[Provider], ledger: Ledger) -> None:
        items = [
            {"type": "success", "heading": "List", "details": "fine"},
            {"type": "error", "heading": "Setup", "details": "Domain is not verified.\x1b[2J"},
        ]
        checklist = Wire("GET", READY.path, reply={"is_ready": False, "items": items})
        x, _, _ = self.open(cls, ledger, [campaigns(), TAGGED, CREATED, CONTENT, checklist])
        with pytest.raises(e.Rejected, match=r"Setup: Domain is not verified.\[2J$"):
            x.draft(LAUNCH)

    @pytest.mark.parametrize(
        ("mail", "script"),
        [
            (LAUNCH, (campaigns(), Wire("GET", TAGGED.path, reply={"tags": []}))),
            (
                Broadcast("launch", "mk-1", LAUNCH.sender, "s", "h", reply_to="ada@acme.example"),
                (campaigns(), TAGGED),
            ),
        ],
    )
    def test_a_draft_that_cannot_be(
        self, cls: type[Provider], ledger: Ledger, mail: Broadcast, script: tuple[Wire, ...]
    ) -> None:
        x, _, _ = self.open(cls, ledger, script)
        with pytest.raises(e.InvalidInput):
            x.draft(mail)

    def test_it_is_scheduled_on_the_quarter_hour(self, cls: type[Provider], ledger: Ledger) -> None:
        later = {"schedule_time": "2026-09-21T14:30:00+00:00"}
        wire = Wire("POST", "/campaigns/c1/actions/schedule", later, status=204, reply=b"")
        x, vendor, _ = self.open(cls, ledger, [wire])
        assert Mailchimp.spec.audience is not None
        assert Mailchimp.spec.audience.grid == 15 * 60
        x.launch("c1", NOW + 1000)
        assert vendor.script == []

    def test_the_html_of_a_template_is_not_told(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [])
        with pytest.raises(e.Unsupported) as caught:
            x.template("1001")
        assert caught.value.hint

    @pytest.mark.parametrize(("status", "action"), [("sending", "cancel-send")])
    def test_what_is_under_way_is_cancelled(
        self, cls: type[Provider], ledger: Ledger, status: str, action: str
    ) -> None:
        script = (
            Wire("GET", "/campaigns/c1", reply={"status": status}),
            Wire("POST", f"/campaigns/c1/actions/{action}", status=204, reply=b""),
        )
        x, vendor, _ = self.open(cls, ledger, script)
        x.recall("c1")
        assert vendor.script == []

    def test_an_unsent_draft_is_not_launched(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [Wire("GET", "/campaigns/c1", reply={"status": "save"})])
        assert not x.launched("c1")

    def test_silence_does_not_mean_that_nobody_is_suppressed(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        x, _, _ = self.open(cls, ledger, [Wire("GET", "/lists/L1/members", reply={})])
        with pytest.raises(e.UnexpectedReply):
            list(x.suppressed(NOW))
