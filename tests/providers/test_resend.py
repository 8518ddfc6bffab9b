from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mktool import errors as e
from mktool.message import (
    Batch,
    Broadcast,
    Event,
    Mailbox,
    Message,
    Receipt,
    Refusal,
    Sent,
    Suppressed,
)
from mktool.model import Account
from mktool.provider import Provider
from mktool.providers.resend import Resend
from mktool.store.ledger import Ledger
from tests.contract import NOW, Example, ProviderContract, Wire

ADA = Message(1, "ada@acme.example", "Hi Ada", "<p>Hi Ada</p>", "Hi Ada")
BOB = Message(2, "bob@acme.example", "Hi Bob", "<p>Hi Bob</p>", "Hi Bob")
BATCH = Batch("launch", "key-1", Mailbox("news@acme.example", "Acme"), (ADA, BOB))
MADE = "2026-09-21 14:13:20.123456+00"


PLAN = Broadcast(
    "launch", "mk-1", Mailbox("news@acme.example", "Acme"), "Hi {{{FIRST_NAME}}}", "<p>Hi</p>",
    "Hi", "What is new", "ann@acme.example", ("first_name", "plan"),
)  # fmt: skip
LISTED = Message(1, "ada@acme.example", values=("Ada", "pro"))
MAP = {"email": "email", "first_name": "first_name",
       "properties": {"plan": {"column": "plan", "type": "string"}}}  # fmt: skip
DRAFT = {"name": "launch (mk-1)", "segment_id": "s1", "from": "Acme <news@acme.example>",
         "subject": "Hi {{{FIRST_NAME}}}", "html": "<p>Hi</p>", "text": "Hi",
         "preview_text": "What is new", "reply_to": ["ann@acme.example"]}  # fmt: skip


def refused(status: int, name: str, message: str = "Refused.") -> Wire:
    return Wire(
        "", "", status=status, reply={"statusCode": status, "name": name, "message": message}
    )


def listed(*items: Mapping[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "has_more": more, "data": list(items)}


def taken(*ids: str, **extra: Any) -> dict[str, Any]:
    return {"data": [{"id": id} for id in ids], **extra}


def email(id: str, last_event: str, created_at: str = MADE) -> dict[str, Any]:
    return {"id": id, "to": [f"{id}@acme.example"], "created_at": created_at,
            "last_event": last_event}  # fmt: skip


SEGMENTS = Wire("GET", "/segments", reply=listed({"id": "s1", "name": "launch (mk-1)"}))
PROPERTIES = Wire("GET", "/contact-properties", reply=listed({"id": "p1", "key": "plan"}))
IMPORT = Wire(
    "POST", "/contacts/imports",
    {"column_map": json.dumps(MAP), "segments": '[{"id": "s1"}]', "on_conflict": "upsert"},
    reply={"id": "i1"},
)  # fmt: skip
IMPORTED = Wire("GET", "/contacts/imports/i1", reply={"status": "completed"})


class TestResend(ProviderContract):
    provider = "resend"
    secrets = ("api_key",)
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (Wire("GET", "/domains", query={"limit": "1"},
                  reply=listed({"id": "d1", "name": "acme.example"}, more=True)),),
            Account("", "acme.example", frozenset({"sending_access", "full_access"})),
        ),
        Example(
            "deliver",
            lambda x: x.deliver(BATCH),
            (
                Wire(
                    "POST",
                    "/emails/batch",
                    {
                        0: {
                            "from": "Acme <news@acme.example>",
                            "to": "ada@acme.example",
                            "subject": "Hi Ada",
                            "html": "<p>Hi Ada</p>",
                            "text": "Hi Ada",
                            "headers": {},
                            "tags": [{"name": "campaign", "value": "launch"}],
                        },
                    },
                    header={"Idempotency-Key": "key-1", "x-batch-validation": "permissive"},
                    reply=taken("e1", "e2"),
                ),
            ),
            Receipt(["e1", "e2"]),
        ),
        Example(
            "track",
            lambda x: list(x.track(Sent("launch", NOW))),
            (
                Wire("GET", "/emails", query={"limit": "100"},
                     reply=listed(email("e9", "opened"), email("e8", "delivery_delayed"),
                                  more=True)),
                Wire("GET", "/emails", query={"limit": "100", "after": "e8"},
                     reply=listed(email("e7", "suppressed"), email("e6", "received?"),
                                  email("e5", "sent", "2026-09-21T14:13:19Z"), more=True)),
            ),
            [
                Event("opened", "e9", "e9@acme.example"),
                Event("deferred", "e8", "e8@acme.example"),
                Event("rejected", "e7", "e7@acme.example"),
            ],
        ),
        Example(
            "receive",
            lambda x: list(x.receive({"type": "email.opened", "created_at": "2026-09-21T14:13:22Z",
                                      "data": {"email_id": "m1", "to": ["a@b.example"]}})),
            (),
            [Event("opened", "m1", "a@b.example", NOW + 2)],
        ),
        Example(
            "suppress",
            lambda x: list(x.suppressed(NOW)),
            (
                Wire("GET", "/suppressions", query={"limit": "100"}, reply=listed(
                    {"id": "s3", "email": "a@b.example", "origin": "bounce", "created_at": MADE},
                    {"id": "s2", "email": "c@b.example", "origin": "complaint", "created_at": MADE},
                    {"id": "s1", "email": "d@b.example", "origin": "manual",
                     "created_at": "2026-09-20T00:00:00Z"}, more=True)),
                Wire("GET", "/contacts", query={"limit": "100"}, reply=listed(
                    {"id": "c1", "email": "e@b.example", "unsubscribed": True, "created_at": MADE},
                    {"id": "c2", "email": "f@b.example", "unsubscribed": False})),
            ),
            [
                Suppressed("a@b.example", "bounced", NOW + 0.123456),
                Suppressed("c@b.example", "complained", NOW + 0.123456),
                Suppressed("e@b.example", "unsubscribed"),
            ],
        ),
        Example(
            "templates",
            lambda x: (list(x.templates()), x.template("t1"), x.add_template("Launch", "<p></p>")),
            (
                Wire("GET", "/templates", reply=listed({"id": "t1", "name": "Launch"})),
                Wire("GET", "/templates/t1", reply={"id": "t1", "html": "<p>{{{NAME}}}</p>"}),
                Wire("POST", "/templates", {"name": "Launch", "html": "<p></p>"},
                     reply={"id": "t2"}),
            ),
            ([("t1", "Launch")], "<p>{{{NAME}}}</p>", "t2"),
        ),
        Example(
            "broadcast",
            lambda x: x.enlist(PLAN, [LISTED]),
            (
                Wire("GET", "/segments", reply=listed({"id": "s0", "name": "launch (mk-0)"})),
                Wire("POST", "/segments", {"name": "launch (mk-1)"}, reply={"id": "s1"}),
                Wire("GET", "/contact-properties", reply=listed({"id": "p0", "key": "size"})),
                Wire("POST", "/contact-properties", {"key": "plan", "type": "string"},
                     reply={"id": "p1"}),
                IMPORT,
                Wire("GET", "/contacts/imports/i1", reply={"status": "queued"}),
                Wire("GET", "/contacts/imports/i1", reply={"status": "in_progress"}),
                IMPORTED,
            ),
            Receipt(),
        ),
        Example(
            "broadcast",
            lambda x: x.draft(PLAN),
            (
                Wire("GET", "/broadcasts", reply=listed({"id": "b0", "name": "launch (mk-0)"})),
                SEGMENTS,
                Wire("POST", "/broadcasts", DRAFT, reply={"id": "b1"}),
            ),
            "b1",
        ),
        Example(
            "broadcast",
            lambda x: (x.launch("b1", None), x.launch("b1", NOW), x.recall("b1")),
            (
                Wire("POST", "/broadcasts/b1/send"),
                Wire("POST", "/broadcasts/b1/send",
                     {"scheduled_at": "2026-09-21T14:13:20+00:00"}),
                Wire("POST", "/broadcasts/b1/cancel"),
            ),
            (None, None, None),
        ),
    )  # fmt: skip
    failures = (
        (refused(401, "missing_api_key"), e.Unauthorized),
        (refused(403, "invalid_api_key", "API key is invalid"), e.Unauthorized),
        (refused(403, "validation_error"), e.Forbidden),
        (refused(429, "rate_limit_exceeded"), e.RateLimited),
        (refused(429, "daily_quota_exceeded"), e.Forbidden),
        (refused(429, "monthly_quota_exceeded"), e.Forbidden),
        (refused(422, "missing_required_field"), e.Rejected),
        (refused(500, "application_error"), e.Unavailable),
    )

    # -- who we are ----------------------------------------------------------------------------

    def test_a_key_that_may_only_send_is_good(self, cls: type[Provider], ledger: Ledger) -> None:
        step = replace(refused(401, "restricted_api_key"), method="GET", path="/domains")
        resend, vendor, _ = self.open(cls, ledger, [step])
        assert resend.check().scopes == {"sending_access"}
        assert vendor.script == []
        assert ledger.db.execute("select outcome from calls").fetchall() == [("ok",)]

    def test_a_key_that_may_only_send_reads_nothing(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        step = replace(refused(401, "restricted_api_key"), method="GET", path="/emails")
        resend, _, _ = self.open(cls, ledger, [step])
        with pytest.raises(e.Forbidden, match="may only send") as caught:
            list(resend.track(Sent("launch", NOW)))
        assert "full access" in caught.value.hint

    def test_an_account_may_say_that_it_was_granted_more(self) -> None:
        assert Resend.spec.limits[0].calls == 2
        assert Resend.spec.paced({"requests_per_second": "5"}).limits[0].calls == 5
        assert Resend.spec.paced({"requests_per_second": "many"}) is Resend.spec
        assert Resend.spec.paced({}) is Resend.spec

    # -- sending -------------------------------------------------------------------------------

    def test_a_refused_message_is_named_and_the_others_keep_their_ids(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        cat = ADA._replace(seq=3, to="cat")
        batch = replace(BATCH, messages=(ADA, cat, BOB))
        reply = taken("e1", "e3", errors=[{"index": 1, "message": "Invalid `to` field."}])
        resend, _, _ = self.open(cls, ledger, [Wire("POST", "/emails/batch", reply=reply)])
        assert resend.deliver(batch) == Receipt(
            ["e1", "", "e3"], refused={1: Refusal("validation_error", "Invalid `to` field.")}
        )

    def test_what_all_are_refused_for_is_the_campaigns_fault(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        same = [{"index": n, "message": "Invalid `from` field."} for n in (0, 1)]
        two = [same[0], {"index": 1, "message": "Invalid `to` field."}]
        replies = (taken(errors=same), taken(errors=two), taken(errors=same[:1]))
        script = [Wire("POST", "/emails/batch", reply=reply) for reply in replies]
        resend, _, _ = self.open(cls, ledger, script)
        with pytest.raises(e.Rejected, match="`from`"):
            resend.deliver(BATCH)
        assert resend.deliver(BATCH).refused.keys() == {0, 1}
        assert resend.deliver(replace(BATCH, messages=(ADA,))).refused.keys() == {0}

    @pytest.mark.parametrize(
        "reply",
        [
            taken("e1"),
            taken("e1", "e2", errors="none"),
            taken("e1", errors=[{"message": "?"}]),
        ],
    )  # fmt: skip
    def test_ids_that_fit_no_message_are_not_guessed(
        self, cls: type[Provider], ledger: Ledger, reply: Mapping[str, Any]
    ) -> None:
        resend, _, _ = self.open(cls, ledger, [Wire("POST", "/emails/batch", reply=reply)])
        with pytest.raises(e.UnexpectedReply):
            resend.deliver(BATCH)

    def test_a_message_carries_what_the_campaign_says(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        batch = replace(
            BATCH, messages=(ADA._replace(unsubscribe="https://acme.example/u/1", html=""),),
            campaign="Launch 11/2026", tags=("big news",), reply_to="ada@acme.example",
            extra={"topic_id": "t1", "headers": {"X-Team": "7"}},
        )  # fmt: skip
        resend, vendor, _ = self.open(cls, ledger, [Wire("POST", "/batch", reply=taken("e1"))])
        resend.deliver(batch)
        assert vendor.requests[0].json == [
            {
                "from": "Acme <news@acme.example>",
                "to": "ada@acme.example",
                "reply_to": "ada@acme.example",
                "subject": "Hi Ada",
                "text": "Hi Ada",
                "headers": {
                    "List-Unsubscribe": "<https://acme.example/u/1>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                    "X-Team": "7",
                },
                "tags": [
                    {"name": "campaign", "value": "Launch_11_2026"},
                    {"name": "big_news", "value": "yes"},
                ],
                "topic_id": "t1",
            }
        ]

    def test_a_mail_address_is_no_one_click_unsubscribe(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        message = ADA._replace(unsubscribe="mailto:bye@acme.example")
        resend, vendor, _ = self.open(cls, ledger, [Wire("POST", "/batch", reply=taken("e1"))])
        resend.deliver(replace(BATCH, messages=(message,)))
        headers = vendor.requests[0].json[0]["headers"]
        assert headers == {"List-Unsubscribe": "<mailto:bye@acme.example>"}

    def test_a_name_is_written_as_it_is(self, cls: type[Provider], ledger: Ledger) -> None:
        resend, vendor, _ = self.open(cls, ledger, [Wire("POST", "/batch", reply=taken("1", "2"))])
        resend.deliver(replace(BATCH, sender=Mailbox("news@acme.example", "Café Ünal")))
        assert vendor.requests[0].json[0]["from"] == "Café Ünal <news@acme.example>"

    @pytest.mark.parametrize(
        ("wire", "kind"),
        [
            (refused(403, "validation_error", "The acme.example domain is not verified."),
             e.Forbidden),
            (refused(422, "validation_error", "Invalid `from` field."), e.Forbidden),
            (refused(422, "validation_error", "Invalid `to` field."), e.Rejected),
            (refused(409, "invalid_idempotent_request"), e.Duplicate),
        ],
    )  # fmt: skip
    def test_a_refusal_is_the_campaigns_or_a_recipients(
        self, cls: type[Provider], ledger: Ledger, wire: Wire, kind: type
    ) -> None:
        step = replace(wire, method="POST", path="/emails/batch")
        resend, vendor, _ = self.open(cls, ledger, [step])
        with pytest.raises(e.ProviderError) as caught:
            resend.deliver(BATCH)
        assert type(caught.value) is kind
        assert vendor.script == []

    def test_the_same_batch_on_its_way_is_waited_for(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        step = replace(refused(409, "concurrent_idempotent_requests"), method="POST", path="/batch")
        done = Wire("POST", "/batch", reply=taken("e1", "e2"))
        resend, vendor, _ = self.open(cls, ledger, [step, done])
        assert resend.deliver(BATCH) == Receipt(["e1", "e2"])
        assert vendor.requests[0].content() == vendor.requests[1].content()

    def test_a_rehearsal_is_not_sent(self, cls: type[Provider], ledger: Ledger) -> None:
        resend, vendor, _ = self.open(cls, ledger, [])
        with pytest.raises(e.Unsupported):
            resend.deliver(replace(BATCH, rehearsal=True))
        assert vendor.requests == []

    def test_a_time_that_is_none_is_reported(self, cls: type[Provider], ledger: Ledger) -> None:
        step = Wire("GET", "/emails", reply=listed(email("e1", "sent", "yesterday")))
        resend, _, _ = self.open(cls, ledger, [step])
        with pytest.raises(e.UnexpectedReply, match="created_at"):
            list(resend.track(Sent("launch", NOW)))

    # -- to its own audience -------------------------------------------------------------------

    def test_people_come_as_a_table(self, cls: type[Provider], ledger: Ledger) -> None:
        odd = Message(2, "zoe@acme.example", values=('Zoë "Z", née B', "a\nb"))
        resend, vendor, _ = self.open(cls, ledger, [SEGMENTS, PROPERTIES, IMPORT, IMPORTED])
        resend.enlist(PLAN, [LISTED, odd])
        files = vendor.requests[2].files or {}
        table = files["file"].read().decode()
        assert list(csv.reader(io.StringIO(table, newline=""))) == [
            ["email", "first_name", "plan"],
            ["ada@acme.example", "Ada", "pro"],
            ["zoe@acme.example", 'Zoë "Z", née B', "a\nb"],
        ]
        assert "unsubscribed" not in str(vendor.requests[2].form)  # so that nobody is subscribed

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            ({"status": "completed", "counts": {"total": 2, "failed": 1}}, "1 of 2"),
            ({"status": "failed"}, "all of 2"),
        ],
    )
    def test_an_import_that_leaves_somebody_out_is_refused(
        self, cls: type[Provider], ledger: Ledger, reply: Mapping[str, Any], words: str
    ) -> None:
        script = [SEGMENTS, PROPERTIES, IMPORT, replace(IMPORTED, reply=reply)]
        resend, _, _ = self.open(cls, ledger, script)
        with pytest.raises(e.Rejected, match=words):
            resend.enlist(PLAN, [LISTED, LISTED])

    def test_an_import_without_an_end_is_not_waited_for_for_ever(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        stuck = replace(IMPORTED, reply={"status": "in_progress"})
        resend, _, naps = self.open(cls, ledger, [SEGMENTS, PROPERTIES, IMPORT, *[stuck] * 500])
        with pytest.raises(e.Unavailable):
            resend.enlist(PLAN, [LISTED])
        assert 900 <= sum(naps) < 1000

    def test_of_two_segments_none_is_guessed(self, cls: type[Provider], ledger: Ledger) -> None:
        twice = listed(*({"id": id, "name": "launch (mk-1)"} for id in ("s1", "s2")))
        resend, _, _ = self.open(cls, ledger, [replace(SEGMENTS, reply=twice)])
        with pytest.raises(e.InvalidInput, match="2 segments"):
            resend.enlist(PLAN, [LISTED])

    def test_a_campaign_for_nobody_is_not_made(self, cls: type[Provider], ledger: Ledger) -> None:
        none = [Wire("GET", "/broadcasts", reply=listed()), replace(SEGMENTS, reply=listed())]
        resend, _, _ = self.open(cls, ledger, none)
        with pytest.raises(e.InvalidInput, match="nobody"):
            resend.draft(PLAN)

    def test_a_draft_is_found_by_its_token(self, cls: type[Provider], ledger: Ledger) -> None:
        known = Wire("GET", "/broadcasts", reply=listed({"id": "b1", "name": "launch (mk-1)"}))
        resend, _, _ = self.open(cls, ledger, [known])
        assert resend.draft(PLAN) == "b1"

    @pytest.mark.parametrize(
        ("status", "at", "launched"),
        [("draft", None, False), ("draft", MADE, True), ("scheduled", MADE, True),
         ("queued", None, True), ("sent", None, True)],
    )  # fmt: skip
    def test_whether_it_was_launched(
        self, cls: type[Provider], ledger: Ledger, status: str, at: str | None, launched: bool
    ) -> None:
        reply = {"status": status, "scheduled_at": at}
        resend, _, _ = self.open(cls, ledger, [Wire("GET", "/broadcasts/b1", reply=reply)])
        assert resend.launched("b1") is launched

    @pytest.mark.parametrize(
        ("column", "default", "tag"),
        [
            ("first_name", "", "{{{FIRST_NAME}}}"),
            ("first_name", "you", "{{{FIRST_NAME|you}}}"),
            ("email", "", "{{{EMAIL}}}"),
            ("unsubscribe", "", "{{{RESEND_UNSUBSCRIBE_URL}}}"),
            ("plan", "free", "{{{contact.plan|free}}}"),
            ("unsubscribed", "", "{{{contact.unsubscribed_7fc00bfb}}}"),
            ("größe", "", "{{{contact.gre_5bd3a989}}}"),
            ("x" * 51, "", f"{{{{{{contact.{'x' * 40}_157925b3}}}}}}"),
        ],
    )
    def test_merge_tags(self, column: str, default: str, tag: str) -> None:
        assert Resend.merge_tag(Resend.__new__(Resend), column, default) == tag

    def test_a_default_that_would_end_the_tag_is_refused(self) -> None:
        with pytest.raises(e.Unsupported):
            Resend.merge_tag(Resend.__new__(Resend), "plan", "}}}")

    def test_what_became_of_a_broadcast(self, cls: type[Provider], ledger: Ledger) -> None:
        rows: dict[str, list[dict[str, Any]]] = {
            "bounced": [{"email": "ada@acme.example", "bounce_type": "transient"},
                            {"email": "bob@acme.example", "bounce_type": "permanent"}],
                "opened": [{"email": "bob@acme.example", "count": 3}]}  # fmt: skip
        script = [
            Wire("GET", "/broadcasts/b1/recipients", query={"type": kind},
                 reply=listed(*rows.get(kind, ())))
            for kind in ("sent", "delivered", "bounced", "suppressed", "complained",
                         "unsubscribed", "opened", "clicked")
        ]  # fmt: skip
        resend, _, _ = self.open(cls, ledger, script)
        assert list(resend.track(Sent("launch", NOW, ref="b1"))) == [
            Event("bounced", "", "ada@acme.example", detail="soft"),
            Event("bounced", "", "bob@acme.example"),
            Event("opened", "", "bob@acme.example"),
        ]
