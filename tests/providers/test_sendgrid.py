from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.client import DryRun
from mktool.http.target import Target
from mktool.message import Batch, Event, Mailbox, Message, Receipt, Sent, Suppressed
from mktool.model import Account
from mktool.provider import Provider
from mktool.providers.sendgrid import SendGrid
from mktool.store.ledger import Ledger
from tests.contract import NOW, Example, ProviderContract, Wire

BATCH = Batch(
    "launch", "key-1", Mailbox("news@acme.example", "Acme"),
    (
        Message(1, "ada@acme.example", values=("Ada", "7"), unsubscribe="https://acme.example/u/1"),
        Message(2, "bob@acme.example", values=("Bob", ""), unsubscribe="https://acme.example/u/2"),
    ),
    subject="Hi -0-", html="<p>-0-, -1-</p>", text="-0-, -1-", tokens=("-0-", "-1-"),
)  # fmt: skip
SENDS = {
    "personalizations": [
        {
            "to": [{"email": "ada@acme.example"}],
            "custom_args": {"campaign": "launch", "recipient": "1"},
            "substitutions": {"-0-": "Ada", "-1-": "7"},
            "headers": {
                "List-Unsubscribe": "<https://acme.example/u/1>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        },
        {
            "to": [{"email": "bob@acme.example"}],
            "custom_args": {"campaign": "launch", "recipient": "2"},
            "substitutions": {"-0-": "Bob", "-1-": ""},
            "headers": {
                "List-Unsubscribe": "<https://acme.example/u/2>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        },
    ],
    "from": {"email": "news@acme.example", "name": "Acme"},
    "subject": "Hi -0-",
    "content": [
        {"type": "text/plain", "value": "-0-, -1-"},
        {"type": "text/html", "value": "<p>-0-, -1-</p>"},
    ],
    "categories": ["launch"],
}
MAIL = Wire("POST", "/v3/mail/send", status=202, reply=b"", headers={"x-message-id": "m1"})


def refused(status: int, message: str, field: str | None = None) -> Wire:
    error = {"message": message, "field": field, "help": None}
    return Wire("POST", "/v3/mail/send", status=status, reply={"errors": [error]})


def stats(date: str, **metrics: int) -> dict[str, Any]:
    return {"date": date, "stats": [{"type": "category", "name": "launch", "metrics": metrics}]}


def suppressed(name: str, *rows: Mapping[str, Any], offset: int = 0) -> Wire:
    query = {"start_time": "1790000000", "limit": "500", "offset": str(offset)}
    return Wire("GET", f"/v3/suppression/{name}", query=query, reply=list(rows))


class TestSendGrid(ProviderContract):
    provider = "sendgrid"
    secrets = ("api_key",)
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (Wire("GET", "/v3/scopes", reply={"scopes": ["mail.send", "stats.read"]}),),
            Account("", "the owner of the key", frozenset({"mail.send", "stats.read"})),
        ),
        Example("deliver", lambda x: x.deliver(BATCH), (replace(MAIL, sends=SENDS),),
                Receipt(id="m1")),
        Example(
            "hold",
            lambda x: (x.hold(), x.release("HkJ5y", ())),
            (
                Wire("POST", "/v3/mail/batch", status=201, reply={"batch_id": "HkJ5y"}),
                Wire("POST", "/v3/user/scheduled_sends",
                     {"batch_id": "HkJ5y", "status": "cancel"}, status=201,
                     reply={"batch_id": "HkJ5y", "status": "cancel"}),
            ),
            ("HkJ5y", None),
        ),
        Example(
            "summarize",
            lambda x: x.summarize(Sent("launch", NOW)),
            (
                Wire(
                    "GET",
                    "/v3/categories/stats",
                    query={"start_date": "2026-09-20", "categories": "launch"},
                    reply=[
                        stats("2026-09-21", requests=9, processed=9, delivered=7, bounces=1,
                              blocks=1, opens=5, unique_opens=4),
                        stats("2026-09-22", delivered=1, clicks=2, spam_reports=1),
                    ],
                ),
            ),
            {"sent": 9, "delivered": 8, "bounced": 2, "opened": 5, "unique_opens": 4,
             "clicked": 2, "complained": 1},
        ),
        Example(
            "receive",
            lambda x: list(x.receive({"event": "open", "email": "a@b.example", "campaign": "launch",
                                      "timestamp": 1790000001, "sg_event_id": "e1"})),
            (),
            [Event("opened", "", "a@b.example", 1790000001.0, campaign="launch")],
        ),
        Example(
            "suppress",
            lambda x: list(x.suppressed(NOW)),
            (
                suppressed("bounces", {"email": "a@b.example", "created": 1790000001,
                                       "reason": "550 5.1.1 no such user", "status": "5.1.1"}),
                suppressed("invalid_emails", {"email": "c@b.example", "created": 1790000002}),
                suppressed("spam_reports", {"email": "d@b.example", "created": 1790000003}),
                suppressed("unsubscribes", {"email": "e@b.example", "created": 1790000004}),
            ),
            [
                Suppressed("a@b.example", "bounced", 1790000001.0),
                Suppressed("c@b.example", "bounced", 1790000002.0),
                Suppressed("d@b.example", "complained", 1790000003.0),
                Suppressed("e@b.example", "unsubscribed", 1790000004.0),
            ],
        ),
        Example(
            "templates",
            lambda x: (list(x.templates()), x.template("d-2"), x.add_template("More", "<p></p>")),
            (
                Wire("GET", "/v3/templates",
                     query={"generations": "legacy,dynamic", "page_size": "200"},
                     reply={"result": [{"id": "t1", "name": "Old"}], "_metadata": {"next":
                            "https://api.sendgrid.com/v3/templates?page_size=200&page_token=p2"}}),
                Wire("GET", "/v3/templates", query={"page_token": "p2"},
                     reply={"result": [{"id": "d-2", "name": "New"}], "_metadata": {"count": 2}}),
                Wire("GET", "/v3/templates/d-2", reply={"id": "d-2", "versions": [
                    {"active": 0, "html_content": "<p>before</p>"},
                    {"active": 1, "html_content": "<p>now</p>"}]}),
                Wire("POST", "/v3/templates", {"name": "More", "generation": "dynamic"},
                     status=201, reply={"id": "d-3"}),
                Wire("POST", "/v3/templates/d-3/versions", {"html_content": "<p></p>", "active": 1},
                     status=201, reply={"id": "v1"}),
            ),
            ([("t1", "Old"), ("d-2", "New")], "<p>now</p>", "d-3"),
        ),
    )  # fmt: skip
    failures = (
        (refused(401, "authorization required"), e.Unauthorized),
        (refused(401, "Maximum credits exceeded"), e.Forbidden),
        (refused(401, "Authenticated user is not authorized to send mail"), e.Forbidden),
        (refused(403, "access forbidden"), e.Forbidden),
        (refused(429, "too many requests"), e.RateLimited),
        (refused(400, "bad request"), e.Rejected),
    )

    # -- where and for whom --------------------------------------------------------------------

    def test_an_account_in_the_eu_has_its_own_host(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        sendgrid, vendor, _ = self.open(cls, ledger, [MAIL], {"host": "api.eu.sendgrid.com"})
        sendgrid.deliver(BATCH)
        assert vendor.requests[0].url == "https://api.eu.sendgrid.com/v3/mail/send"

    def test_the_host_is_the_vendors_in_the_sandbox_too(self) -> None:
        target = Target(SendGrid.spec.base_url, sandbox="http://127.0.0.1:9")
        url = target.url("/v3/scopes", {"host": "api.sendgrid.com"})
        assert url == "http://127.0.0.1:9/api.sendgrid.com/v3/scopes"

    def test_a_parent_account_sends_for_a_subuser(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        sendgrid, vendor, _ = self.open(cls, ledger, [MAIL], {"subuser": "acme-nl"})
        sendgrid.deliver(BATCH)
        assert vendor.requests[0].all_headers()["on-behalf-of"] == "acme-nl"
        sendgrid, vendor, _ = self.open(cls, ledger, [MAIL])
        sendgrid.deliver(BATCH)
        assert "on-behalf-of" not in vendor.requests[0].all_headers()

    # -- sending -------------------------------------------------------------------------------

    def deliver(self, cls: type[Provider], ledger: Ledger, batch: Batch) -> Mapping[str, Any]:
        """Return the body that this batch is sent as."""
        sendgrid, vendor, _ = self.open(cls, ledger, [MAIL])
        sendgrid.deliver(batch)
        body: Mapping[str, Any] = vendor.requests[0].json
        return body

    def test_a_rendered_message_is_sent_alone(self, cls: type[Provider], ledger: Ledger) -> None:
        """Also where the campaign merges: one whose values are too long is rendered."""
        rendered = Message(3, "cat@acme.example", "Hi Cat", "<p>Cat</p>")
        for batch in (replace(BATCH, messages=(rendered,)),
                      Batch("launch", "k", BATCH.sender, (rendered,))):  # fmt: skip
            body = self.deliver(cls, ledger, batch)
            assert body["subject"] == "Hi Cat"
            assert body["content"] == [{"type": "text/html", "value": "<p>Cat</p>"}]
            assert body["personalizations"] == [
                {
                    "to": [{"email": "cat@acme.example"}],
                    "custom_args": {"campaign": "launch", "recipient": "3"},
                }
            ]

    @pytest.mark.parametrize("options", [{}, {"asm": {"group_id": 1 << 70}}])
    def test_what_was_made_ahead_is_the_same(
        self, cls: type[Provider], ledger: Ledger, options: Mapping[str, Any]
    ) -> None:
        sendgrid, vendor, _ = self.open(cls, ledger, [MAIL, MAIL])
        batch = replace(BATCH, extra=options)
        sendgrid.deliver(batch)
        sendgrid.deliver(replace(batch, packed=sendgrid.pack(batch)))
        bodies = [json.loads(request.content() or b"") for request in vendor.requests]
        assert bodies == [{**SENDS, **options}] * 2

    def test_mail_is_kept_until_its_time_under_an_id_to_cancel_it_by(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        body = self.deliver(cls, ledger, replace(BATCH, send_at=NOW + 3600.5, hold="HkJ5y"))
        assert (body["send_at"], body["batch_id"]) == (1790003600, "HkJ5y")

    def test_a_rehearsal_is_checked_and_not_sent(self, cls: type[Provider], ledger: Ledger) -> None:
        step = replace(MAIL, status=200, headers={},
                       sends={"mail_settings": {"sandbox_mode": {"enable": True}}})  # fmt: skip
        sendgrid, _, _ = self.open(cls, ledger, [step])
        assert sendgrid.deliver(replace(BATCH, rehearsal=True)) == Receipt()
        assert "mail_settings" not in self.deliver(cls, ledger, BATCH)

    def test_options_are_merged_last(self, cls: type[Provider], ledger: Ledger) -> None:
        batch = replace(
            BATCH, rehearsal=True, reply_to="Ada <ada@acme.example>", tags=("news", "launch"),
            extra={"asm": {"group_id": 7}, "mail_settings": {"footer": {"enable": False}}},
        )  # fmt: skip
        body = self.deliver(cls, ledger, batch)
        assert body["reply_to"] == {"email": "ada@acme.example", "name": "Ada"}
        assert body["categories"] == ["launch", "news"]
        assert body["asm"] == {"group_id": 7}
        assert body["mail_settings"] == {
            "sandbox_mode": {"enable": True},
            "footer": {"enable": False},
        }

    def test_ten_categories_are_the_most(self, cls: type[Provider], ledger: Ledger) -> None:
        body = self.deliver(cls, ledger, replace(BATCH, tags=tuple(map(str, range(12)))))
        assert body["categories"] == ["launch", *map(str, range(9))]

    @pytest.mark.parametrize(
        ("wire", "kind", "code"),
        [
            (refused(403, "The from address does not match a verified Sender Identity."),
             e.Forbidden, ""),
            (refused(400, "Does not contain a valid address.", "from.email"),
             e.Forbidden, "from.email"),
            (refused(400, "Does not contain a valid address.", "personalizations.17.to.0.email"),
             e.Rejected, "personalizations.17.to.0.email"),
            (replace(MAIL, status=413, reply=b"<html>413 Request Entity Too Large</html>"),
             e.Rejected, ""),
            (refused(500, "internal error"), e.OutcomeUnknown, ""),
        ],
    )  # fmt: skip
    def test_a_refusal_is_the_campaigns_or_a_recipients(
        self, cls: type[Provider], ledger: Ledger, wire: Wire, kind: type, code: str
    ) -> None:
        sendgrid, vendor, _ = self.open(cls, ledger, [wire])
        with pytest.raises(e.ProviderError) as caught:
            sendgrid.deliver(BATCH)
        assert type(caught.value) is kind
        assert caught.value.context.vendor_code == code
        assert vendor.script == []

    def test_a_used_up_window_is_waited_for(self, cls: type[Provider], ledger: Ledger) -> None:
        window = {"x-ratelimit-limit": "600", "x-ratelimit-remaining": "0",
                  "x-ratelimit-reset": str(int(NOW) + 30)}  # fmt: skip
        sendgrid, vendor, naps = self.open(
            cls, ledger, [replace(refused(429, "too many requests"), headers=window), MAIL]
        )
        assert sendgrid.deliver(BATCH) == Receipt(id="m1")
        assert vendor.script == []
        assert 30.0 in naps

    def test_a_dry_run_shows_the_mail(self) -> None:
        dry = DryRun(SendGrid.spec, Target(SendGrid.spec.base_url), {"host": "api.sendgrid.com"},
                     frozenset({"api_key"}))  # fmt: skip
        SendGrid(dry).deliver(BATCH)
        assert dry.requests[0]["url"] == "https://api.sendgrid.com/v3/mail/send"
        assert dry.requests[0]["json"] == SENDS

    # -- reading -------------------------------------------------------------------------------

    def test_long_lists_are_read_to_their_end(self, cls: type[Provider], ledger: Ledger) -> None:
        page = [{"email": f"{n}@b.example", "created": 1790000000} for n in range(500)]
        script = (
            suppressed("bounces", *page),
            suppressed("bounces", *page[:3], offset=500),
            *(suppressed(name) for name in ("invalid_emails", "spam_reports", "unsubscribes")),
        )
        sendgrid, vendor, _ = self.open(cls, ledger, script)
        assert len(list(sendgrid.suppressed(NOW))) == 503
        assert vendor.script == []

    @pytest.mark.parametrize("reply", [{}, {"errors": []}, b"[1, 2]", [{"email": "a@b.example"}]])
    def test_a_list_of_another_shape_is_reported(
        self, cls: type[Provider], ledger: Ledger, reply: Any
    ) -> None:
        step = Wire("GET", "/v3/suppression/bounces", reply=reply)
        sendgrid, _, _ = self.open(cls, ledger, [step])
        with pytest.raises(e.UnexpectedReply):
            list(sendgrid.suppressed(NOW))
