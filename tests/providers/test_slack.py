from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.http.client import DryRun
from mktool.http.target import Target
from mktool.model import Account, Media, Post, Posted
from mktool.provider import Provider
from mktool.providers.slack import SCOPES, Slack
from mktool.records import Found
from mktool.report import Block, Export, Piece, Report, Span
from mktool.store.ledger import Ledger
from tests import reports
from tests.contract import LEAK, NOW, Example, ProviderContract, Wire

CHANNEL = "C123ABC456"
TS = "1503435956.000247"
ROOT = Posted(TS, ref={"channel": CHANNEL, "thread": TS})
REPLY = "1503435999.000100"
IDENTITY = {
    "ok": True, "url": "https://acme.slack.com/", "team": "Acme", "user": "mktool",
    "team_id": "T1", "user_id": "U0BOT", "bot_id": "B1",
}  # fmt: skip
HISTORY = {
    "channel": CHANNEL, "include_all_metadata": "true", "limit": "200",
    "oldest": f"{NOW - 300:.6f}",
}  # fmt: skip


def ok(method: str, path: str, sends: Mapping[str, Any], **reply: Any) -> Wire:
    wire = Wire(method, f"/api/{path}", reply={"ok": True, **reply})
    return replace(wire, query=sends) if method == "GET" else replace(wire, sends=sends)


def sent(ts: str = TS, **sends: Any) -> Wire:
    return ok("POST", "chat.postMessage", sends, channel=CHANNEL, ts=ts, message={})


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def message(ts: str, token: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"event_type": "mktool_post", "event_payload": {"token": token}}
    return {"type": "message", "ts": ts, "text": "x", **({"metadata": metadata} if token else {}),
            **more}  # fmt: skip


def listed(*messages: Any, cursor: str = "", asks: Mapping[str, str] = HISTORY) -> Wire:
    path = "conversations.replies" if "ts" in asks else "conversations.history"
    return ok("GET", path, asks, messages=list(messages), has_more=bool(cursor),
              response_metadata={"next_cursor": cursor})  # fmt: skip


def refused(error: str, **more: Any) -> Wire:
    return Wire("", "", reply={"ok": False, "error": error, **more})


def shared(id: str = "F1", **sends: Any) -> Wire:
    permalink = f"https://acme.slack.com/files/U0BOT/{id}/chart.png"
    return ok("POST", "files.completeUploadExternal", sends,
              files=[{"id": id, "title": "chart.png", "permalink": permalink}])  # fmt: skip


def upload(id: str = "F1", **sends: Any) -> tuple[Wire, Wire]:
    place = f"https://files.slack.com/upload/v1/{id}"
    return (
        ok("POST", "files.getUploadURLExternal", sends, upload_url=place, file_id=id),
        Wire("POST", f"/upload/v1/{id}", reply=b"OK - 5"),
    )


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def person(id: str = "", **asks: str) -> Wire:
    found = {"ok": True, "user": {"id": id, "name": "ada", "profile": {"real_name": "Ada L"}}}
    unknown = {"ok": False, "error": "users_not_found"}
    return Wire("GET", "/api/users.lookupByEmail", query=asks, reply=found if id else unknown)


def button(title: str, url: str, number: int) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": title}, "url": url,
            "action_id": f"mktool_link_{number}"}  # fmt: skip


USUAL = replace(reports.EXPORTS["usual"], markdown="# Kick-off\n")
UPLOADED = {"id": "F1", "title": "Kick-off.md"}
WHEN = "Mon 2026-09-21 14:00–15:00 UTC"
LAYOUT = [
    {"type": "header", "text": {"type": "plain_text", "text": "Kick-off", "emoji": False}},
    {"type": "context", "elements": [mrkdwn(WHEN), mrkdwn("Ada Lovelace, Bob")]},
    {"type": "divider"},
    {"type": "section", "text": mrkdwn("*Summary*\nWe **start** on Monday.")},
    {"type": "section", "text": mrkdwn("*Decisions*\n• Ship it")},
    {"type": "section", "text": mrkdwn(
        "*Action items*\n☐ *Write the plan* – <@U0ADA>\n☑ *Order tea* – Carl")},
    {"type": "divider"},
    {"type": "actions", "elements": [button("Report", "https://notes.example/m-1", 0)]},
]  # fmt: skip


def whole(slack: Any, export: Export = USUAL) -> list[Posted]:
    """Export as the core does."""
    done: list[Posted] = []
    for number, piece in enumerate(slack.pieces(export), start=1):
        done.append(slack.write(replace(piece, token=f"t-{number}"), done))
    return done


@pytest.fixture
def chart(tmp_path: Path) -> Media:
    path = tmp_path / "chart.png"
    path.write_bytes(b"12345")
    return Media(path, "image", "image/png", 5, "A chart")


class TestSlack(ProviderContract):
    provider = "slack"
    options: ClassVar = {"channel": CHANNEL, "account_id": "U0BOT"}
    secrets = ("bot_token",)
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (Wire("POST", "/api/auth.test", reply=IDENTITY),),
            Account("U0BOT", "mktool in Acme", details={"workspace": "https://acme.slack.com/"}),
        ),
        Example(
            "post",
            lambda x: x.post(Post("**Out** <now>", token="t-1")),
            (
                sent(
                    channel=CHANNEL,
                    text="*Out* &lt;now&gt;",
                    blocks=[section("*Out* &lt;now&gt;")],
                    unfurl_links=True,
                    metadata={"event_type": "mktool_post", "event_payload": {"token": "t-1"}},
                ),
            ),
            ROOT,
        ),
        Example(
            "thread",
            lambda x: x.reply(Post("two", reply_to=ROOT, root=ROOT)),
            (sent(REPLY, channel=CHANNEL, text="two", thread_ts=TS),),
            Posted(REPLY, ref={"channel": CHANNEL, "thread": TS}),
        ),
        Example(
            "settle",
            lambda x: x.settle(Post("hi", token="t-1"), NOW, frozenset()),
            (listed(message("1503435957.1"), message(TS, "t-1"), message("1503435950.2", "t-0")),),
            ROOT,
        ),
        Example(
            "export",
            whole,
            (
                person("U0ADA", email="ada@example.com"),
                sent(
                    channel=CHANNEL,
                    text=f"Kick-off, {WHEN}",
                    blocks=LAYOUT,
                    unfurl_links=False,
                    unfurl_media=False,
                    metadata={"event_type": "mktool_post", "event_payload": {"token": "t-1"}},
                ),
                *upload(filename="Kick-off.md", length="11"),
                shared(channel_id=CHANNEL, thread_ts=TS, files=[UPLOADED]),
            ),
            [
                ROOT,
                Posted(
                    "F1",
                    "https://acme.slack.com/files/U0BOT/F1/chart.png",
                    {"channel": CHANNEL, "thread": TS, "file": "F1"},
                ),
            ],
        ),
        Example(
            "locate",
            lambda x: x.locate(
                Piece("message", {"message": {}, "channel": CHANNEL}, "t-2"),
                [ROOT], NOW, frozenset({REPLY}),
            ),
            (
                listed(
                    message(TS, "t-1"), message(REPLY, "t-2"), message("1503435999.2", "t-2"),
                    asks={**HISTORY, "ts": TS},
                ),
            ),
            Posted("1503435999.2", ref={"channel": CHANNEL, "thread": TS}),
        ),
        Example(
            "find",
            lambda x: list(x.find("user", "@ada")),
            (
                ok(
                    "GET", "users.list", {"limit": "200"},
                    members=[
                        {"id": "U1", "name": "bob", "profile": {"real_name": "Bob"}},
                        {"id": "U2", "name": "ada", "profile": {"email": "ada@acme.example"}},
                        {"id": "U3", "name": "ada.old", "deleted": True},
                    ],
                ),
            ),
            [Found("user", "U2", "ada", "", {"email": "ada@acme.example", "user": "ada"})],
        ),
    )  # fmt: skip
    failures = (
        (refused("invalid_auth"), e.Unauthorized),
        (refused("not_authed"), e.Unauthorized),
        (refused("token_revoked"), e.Unauthorized),
        (refused("account_inactive"), e.Unauthorized),
        (refused("missing_scope", needed="chat:write", provided="files:write"), e.Forbidden),
        (refused("not_in_channel"), e.Forbidden),
        (refused("restricted_action_read_only_channel"), e.Forbidden),
        (refused("file_uploads_disabled"), e.Forbidden),
        (refused("channel_not_found"), e.NotFound),
        (refused("thread_not_found"), e.NotFound),
        (refused("users_not_found"), e.NotFound),
        (refused("is_archived"), e.Rejected),
        (refused("msg_too_long"), e.Rejected),
        (refused("no_text"), e.Rejected),
        (refused("invalid_blocks"), e.Rejected),
        (refused("ratelimited"), e.RateLimited),
        (refused("rate_limited"), e.RateLimited),
        (replace(refused("ratelimited"), status=429), e.RateLimited),
        (refused("internal_error"), e.Unavailable),  # a read: nothing is left open
        (refused("fatal_error"), e.Unavailable),
    )

    def run(
        self, ledger: Ledger, script: Iterable[Wire | Exception],
        *, options: Mapping[str, str] | None = None, webhook: bool = False,
    ) -> Any:  # fmt: skip
        secrets = ("webhook_url",) if webhook else self.secrets
        slack, self.vendor, self.naps = self.open(
            Slack, ledger, script, {**self.options, **(options or {})}, secrets
        )
        ledger.clock = lambda: NOW + sum(self.naps)
        return slack

    # -- who and what ----------------------------------------------------------------------------

    def test_scopes_are_named(self, ledger: Ledger) -> None:
        headers = {"x-oauth-scopes": "chat:write,files:write"}
        found = self.run(
            ledger, [Wire("POST", "/api/auth.test", reply=IDENTITY, headers=headers)]
        ).check()
        assert found.scopes == {"chat:write", "files:write"}
        assert found.scopes.issubset(SCOPES)

    def test_a_missing_scope_is_named(self, ledger: Ledger) -> None:
        said = refused("missing_scope", needed="chat:write", provided="identify,files:write").reply
        wire = Wire("POST", "/api/chat.postMessage", reply=said)
        with pytest.raises(e.Forbidden) as caught:
            self.run(ledger, [wire]).post(Post("hi"))
        assert caught.value.message == (
            "the token lacks the scope chat:write; it has identify,files:write"
        )
        assert "api.slack.com/apps" in caught.value.hint

    def test_the_reason_is_said(self, ledger: Ledger) -> None:
        why = "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"
        reply = refused("invalid_blocks", response_metadata={"messages": [why]}).reply
        with pytest.raises(e.Rejected) as caught:
            self.run(ledger, [Wire("POST", "/api/chat.postMessage", reply=reply)]).post(Post("hi"))
        assert caught.value.message == why
        assert caught.value.context.vendor_code == "invalid_blocks"

    @pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable"])
    def test_a_failure_inside_leaves_a_write_open(self, ledger: Ledger, code: str) -> None:
        wire = Wire("POST", "/api/chat.postMessage", reply=refused(code).reply)
        with pytest.raises(e.OutcomeUnknown):
            self.run(ledger, [wire]).post(Post("hi"))
        assert len(self.vendor.requests) == 1

    # -- texts -----------------------------------------------------------------------------------

    def test_a_long_text_is_whole_in_sections(self, ledger: Ledger) -> None:
        text = "\n".join(f"{n}: all & sundry are told about it, at some length" for n in range(180))
        assert 9000 < Slack.spec.text.count(text) <= Slack.spec.text.limit  # type: ignore[union-attr]
        self.run(ledger, [sent()]).post(Post(text))
        body = self.vendor.requests[0].json
        texts = [block["text"]["text"] for block in body["blocks"]]
        assert "\n".join(texts) == body["text"] == text.replace("&", "&amp;")
        assert max(map(len, texts)) <= 3000

    def test_options_are_merged_last(self, ledger: Ledger) -> None:
        header = {"type": "header", "text": {"type": "plain_text", "text": "Hi"}}
        extra = {"channel": "#launch", "unfurl_links": "false", "username": "News",
                 "thread_ts": TS, "blocks": json.dumps([header])}  # fmt: skip
        wire = sent(REPLY, channel="#launch", unfurl_links=False, username="News", thread_ts=TS,
                    text="Hi", blocks=[header])  # fmt: skip
        found = self.run(ledger, [wire]).post(Post("Hi", extra=extra))
        assert found == Posted(REPLY, ref={"channel": CHANNEL, "thread": TS})

    @pytest.mark.parametrize("blocks", ["{}", "[1]", "[{", json.dumps([{"type": "divider"}] * 51)])
    def test_wrong_blocks_are_refused_before_anything_is_sent(
        self, ledger: Ledger, blocks: str
    ) -> None:
        with pytest.raises(e.InvalidInput):
            self.run(ledger, []).post(Post("hi", extra={"blocks": blocks}))

    def test_the_mark_is_not_ours_to_lose(self, ledger: Ledger) -> None:
        assert "mark" in self.run(ledger, []).refuses(Post("hi", extra={"metadata": "{}"}))

    def test_a_channel_is_needed(self, ledger: Ledger) -> None:
        slack = self.run(ledger, [], options={"channel": ""})
        with pytest.raises(e.InvalidInput):
            slack.refuses(Post("hi"))
        assert slack.refuses(Post("hi", root=ROOT)) == ""

    def test_links_lead_to_the_workspace(self, ledger: Ledger) -> None:
        slack = self.run(ledger, [sent()], options={"workspace": "https://acme.slack.com/"})
        url = f"https://acme.slack.com/archives/{CHANNEL}/p1503435956000247"
        assert slack.post(Post("hi")).url == url

    # -- people ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ["ada@acme.example", "@ada@acme.example"])
    def test_an_address_is_a_direct_message(self, ledger: Ledger, name: str) -> None:
        found = self.run(ledger, [
            ok("GET", "users.lookupByEmail", {"email": "ada@acme.example"}, user={"id": "U1AAAAA"}),
            ok("POST", "conversations.open", {"users": "U1AAAAA"}, channel={"id": "D1AAAAA"}),
            sent(channel="D1AAAAA"),
        ]).post(Post("hi", extra={"channel": name}))  # fmt: skip
        assert found.id == TS

    def test_a_person_by_id(self, ledger: Ledger) -> None:
        opened = ok("POST", "conversations.open", {"users": "W012A3CDE"}, channel={"id": "D1AAAAA"})
        script = [opened, sent(channel="D1AAAAA")]
        self.run(ledger, script).post(Post("hi", extra={"channel": "W012A3CDE"}))
        assert self.vendor.script == []

    def test_a_display_name_is_not_taken_for_a_channel(self, ledger: Ledger) -> None:
        self.run(ledger, [sent(channel="@ada")]).post(Post("hi", extra={"channel": "@ada"}))

    # -- files -----------------------------------------------------------------------------------

    def test_text_and_file_arrive_as_one_message(self, ledger: Ledger, chart: Media) -> None:
        found = self.run(ledger, [
            *upload(filename="chart.png", length="5", alt_txt="A chart"),
            shared(channel_id=CHANNEL, initial_comment="*Look*",
                   files=[{"id": "F1", "title": "chart.png"}]),
        ]).post(Post("**Look**", media=(chart,)))  # fmt: skip
        assert found.id == "F1"
        assert found.url == "https://acme.slack.com/files/U0BOT/F1/chart.png"
        place, raw, _ = self.vendor.requests
        assert place.content_type() == "application/x-www-form-urlencoded"
        assert raw.raw is not None
        assert raw.raw.read() == b"12345"
        assert "Authorization" not in raw.all_headers()

    def test_several_files_are_shared_at_once(self, ledger: Ledger, chart: Media) -> None:
        script = [*upload("F1"), *upload("F2"), shared("F1", files=[
            {"id": "F1", "title": "chart.png"}, {"id": "F2", "title": "chart.png"}])]  # fmt: skip
        self.run(ledger, script).post(Post("", media=(chart, replace(chart, alt=""))))
        assert "initial_comment" not in self.vendor.requests[-1].json
        assert "alt_txt" not in (self.vendor.requests[2].form or {})

    def test_a_lost_share_is_not_repeated(self, ledger: Ledger, chart: Media) -> None:
        script = [*upload(), replace(shared(), status=500)]
        with pytest.raises(e.OutcomeUnknown):
            self.run(ledger, script).post(Post("hi", media=(chart,)))
        assert self.vendor.script == []

    def test_files_need_the_id_of_a_channel(self, ledger: Ledger, chart: Media) -> None:
        kinds = {"types": "public_channel,private_channel", "exclude_archived": "true"}
        self.run(ledger, [
            ok("GET", "conversations.list", kinds, channels=[{"id": "C0", "name": "general"}],
               response_metadata={"next_cursor": "dGVhbQ=="}),
            ok("GET", "conversations.list", {**kinds, "cursor": "dGVhbQ=="},
               channels=[{"id": "C0LAUNCH", "name": "launch"}]),
            *upload(),
            shared(channel_id="C0LAUNCH"),
        ]).post(Post("hi", media=(chart,), extra={"channel": "#launch"}))  # fmt: skip
        assert self.vendor.script == []

    def test_an_unknown_channel_stops_before_the_upload(self, ledger: Ledger, chart: Media) -> None:
        script = [ok("GET", "conversations.list", {}, channels=[])]
        with pytest.raises(e.InvalidInput):
            self.run(ledger, script).post(Post("", media=(chart,), extra={"channel": "#nope"}))

    def test_a_file_in_a_thread(self, ledger: Ledger, chart: Media) -> None:
        script = [*upload(), shared(channel_id=CHANNEL, thread_ts=TS)]
        found = self.run(ledger, script).reply(Post("", (chart,), reply_to=ROOT, root=ROOT))
        assert found.ref["thread"] == TS

    def test_a_thread_below_a_file(self, ledger: Ledger, chart: Media) -> None:
        channel = {"channel": CHANNEL}
        unseen = listed(message("1.1"), asks=channel)
        seen = listed(message("1.1", files=[{"id": "F0"}]), message(TS, files=[{"id": "F1"}]),
                      asks=channel)  # fmt: skip
        script = [*upload(), shared(), unseen, seen, sent(REPLY, thread_ts=TS)]
        slack = self.run(ledger, [*script, sent("1503436000.1", thread_ts=TS)])
        root = slack.post(Post("one", media=(chart,)))
        second = slack.reply(Post("two", reply_to=root, root=root))
        slack.reply(Post("three", reply_to=second, root=root))  # does not ask again
        assert self.vendor.script == []
        assert 1.0 in self.naps

    def test_a_file_that_is_never_shown(self, ledger: Ledger) -> None:
        root = Posted("F1", ref={"channel": CHANNEL, "thread": "", "file": "F1"})
        with pytest.raises(e.Unavailable):
            self.run(ledger, [listed(asks={})] * 5).reply(Post("two", reply_to=root, root=root))
        assert self.vendor.script == []

    def test_a_dry_run_shows_every_step(self, chart: Media) -> None:
        dry = DryRun(
            Slack.spec, Target(Slack.spec.base_url), {"channel": "#launch"}, frozenset(self.secrets)
        )
        slack = Slack(dry)
        root = slack.post(Post("one", media=(chart,)))
        slack.reply(Post("two", reply_to=root, root=root))
        assert [r["url"].rsplit("/", 1)[-1] for r in dry.requests] == [
            "conversations.list?types=public_channel%2Cprivate_channel&exclude_archived=true&limit=999",
            "files.getUploadURLExternal", "…", "files.completeUploadExternal",
            "conversations.history?channel=%E2%80%B9id%E2%80%BA&oldest=0.000000&limit=200"
            "&include_all_metadata=true",
            "chat.postMessage",
        ]  # fmt: skip
        assert dry.requests[-1]["json"]["thread_ts"] == "‹ts›"

    # -- what was lost ---------------------------------------------------------------------------

    def settled(self, ledger: Ledger, post: Post, *script: Wire) -> Posted | None:
        found: Posted | None = self.run(ledger, script).settle(post, NOW, frozenset({"F0", "1.1"}))
        assert self.vendor.script == []
        return found

    def test_absence_is_proven_over_all_pages(self, ledger: Ledger) -> None:
        second = {**HISTORY, "cursor": "next"}
        pages = (listed(message("1.2"), cursor="next"), listed(message("1.3", "t-9"), asks=second))
        assert self.settled(ledger, Post("hi", token="t-1"), *pages) is None

    def test_silence_proves_nothing(self, ledger: Ledger) -> None:
        with pytest.raises(e.UnexpectedReply):
            self.settled(ledger, Post("hi", token="t-1"), Wire("GET", "conversations.history"))

    def test_what_belongs_to_another_act_is_left(self, ledger: Ledger) -> None:
        assert self.settled(ledger, Post("hi", token="t"), listed(message("1.1", "t"))) is None

    def test_a_reply_is_looked_for_in_its_thread(self, ledger: Ledger) -> None:
        post = Post("hi", token="t-2", reply_to=ROOT, root=ROOT)
        found = self.settled(
            ledger, post, listed(message(REPLY, "t-2"), asks={**HISTORY, "ts": TS})
        )
        assert found == Posted(REPLY, ref={"channel": CHANNEL, "thread": TS})

    def test_files_are_known_by_owner_and_titles(self, ledger: Ledger, chart: Media) -> None:
        other = [{"id": "F2", "title": "other.png"}]
        ours = [{"id": "F3", "title": "chart.png"}]
        found = self.settled(
            ledger,
            Post("hi", media=(chart,), token="t-1"),
            listed(
                message("1.4", user="U0BOT"),
                message("1.5", user="U0BOT", files=other),
                message("1.6", user="U0SOMEONE", files=ours),
                message("1.7", user="U0BOT", files=[{"id": "F0", "title": "chart.png"}]),
                message("1.8", user="U0BOT", files=ours),
            ),
        )
        assert found == Posted("F3", ref={"channel": CHANNEL, "thread": "1.8"})

    def test_an_environment_credential_asks_who_it_is(self, ledger: Ledger, chart: Media) -> None:
        script = [Wire("POST", "/api/auth.test", reply=IDENTITY), listed()]
        slack = self.run(ledger, script, options={"account_id": ""})
        assert slack.settle(Post("", media=(chart,)), NOW, frozenset()) is None

    def test_a_scope_that_is_missing_is_said(self, ledger: Ledger) -> None:
        reply = refused("missing_scope", needed="channels:history", provided="chat:write").reply
        with pytest.raises(e.Forbidden, match="channels:history"):
            self.settled(ledger, Post("hi"), Wire("GET", "conversations.history", reply=reply))

    # -- incoming webhooks -----------------------------------------------------------------------

    def test_a_webhook_posts_text(self, ledger: Ledger) -> None:
        wire = Wire("POST", LEAK, {"text": "*hi*", "blocks": [section("*hi*")]}, reply=b"ok")
        post = Post("**hi**", token="t-1")
        assert self.run(ledger, [wire], webhook=True).post(post) == Posted("t-1")
        (request,) = self.vendor.requests
        assert "Authorization" not in request.all_headers()
        assert LEAK not in repr(request.shown()) + repr(request)
        assert LEAK not in "\n".join(ledger.db.iterdump())

    def test_a_token_is_preferred(self, ledger: Ledger) -> None:
        slack, _, _ = self.open(Slack, ledger, [sent()], None, ("webhook_url", "bot_token"))
        assert slack.post(Post("hi")).id == TS

    def test_what_a_webhook_cannot_do_is_said_first(self, ledger: Ledger, chart: Media) -> None:
        slack = self.run(ledger, [], webhook=True)
        for post in (
            Post("hi", media=(chart,)),
            Post("hi", extra={"channel": "#launch"}),
            Post("hi", reply_to=Posted("")),
        ):
            assert "webhook" in slack.refuses(post)
            with pytest.raises(e.Unsupported):
                slack.post(post)
        with pytest.raises(e.Unsupported):
            slack.check()
        with pytest.raises(e.Unsupported):
            slack.settle(Post("hi"), NOW, frozenset())

    @pytest.mark.parametrize(
        ("status", "word", "kind"),
        [
            (400, "invalid_payload", e.Rejected),
            (400, "no_text", e.Rejected),
            (403, "action_prohibited", e.Forbidden),
            (403, "invalid_token", e.Unauthorized),
            (404, "channel_not_found", e.NotFound),
            (404, "no_service", e.NotFound),
            (404, "no_team", e.NotFound),
            (410, "channel_is_archived", e.NotFound),
            (500, "rollup_error", e.OutcomeUnknown),
            (200, "<!doctype html><p>log in to the wireless network", e.OutcomeUnknown),
        ],
    )
    def test_the_words_of_a_webhook(
        self, ledger: Ledger, status: int, word: str, kind: type[e.ProviderError]
    ) -> None:
        script = [Wire("POST", LEAK, status=status, reply=word.encode())] * 2
        with pytest.raises(kind) as caught:
            self.run(ledger, script, webhook=True).post(Post("hi"))
        assert LEAK not in str(caught.value)
        if status in (404, 410):
            assert caught.value.hint.endswith("mktool authorize slack")
            assert caught.value.context.vendor_code == word

    # -- reports -----------------------------------------------------------------------------

    def slack(self, ledger: Ledger, *script: Wire, hook: bool = False) -> Any:
        secrets = ("webhook_url",) if hook else ("bot_token",)
        options = {} if hook else {**self.options, "workspace": "https://acme.slack.com"}
        return self.open(Slack, ledger, script, options, secrets)[0]

    def test_no_limit_is_broken_and_nothing_is_left_out(self, ledger: Ledger) -> None:
        export = replace(reports.EXPORTS["huge"], markdown="x")
        pieces = self.slack(ledger).pieces(export)
        assert [p.kind for p in pieces] == ["message"] * (len(pieces) - 1) + ["file"]
        texts: list[str] = []
        for piece in pieces[:-1]:
            blocks = piece.body["message"]["blocks"]
            found = [b["text"]["text"] for b in blocks if b["type"] == "section"]
            assert len(blocks) <= 50
            assert max(map(len, found)) <= 3000
            assert len(json.dumps(blocks, ensure_ascii=False)) <= 20_000
            assert sum(map(len, found)) <= 12_000
            texts += found
        said = "\n".join(texts)
        assert all(f"☐ *{n} " in said for n in range(200))
        assert not re.search(r"<(?!@p\d@example\.com\|P\d+>)", said.replace("<https", ""))
        assert "&lt;!channel&gt;" in said

    def test_people_are_looked_up_once_and_else_called_by_name(self, ledger: Ledger) -> None:
        span = Span("Eve <x>|", email="eve@acme.example")
        export = Export(Report("T"), (Block("todo", (span, Span(" "), span)),))
        missing = Wire("GET", "/users.lookupByEmail", reply={"ok": False, "error": "missing_scope"})
        todo = {"type": "section", "text": mrkdwn("☐ Eve &lt;x&gt;¦ Eve &lt;x&gt;¦")}
        for unknown in (person(email="eve@acme.example"), missing):
            header = {"type": "header", "text": {"type": "plain_text", "text": "T", "emoji": False}}
            script = (unknown, sent(blocks=[header, {"type": "divider"}, todo]))
            assert whole(self.slack(ledger, *script), export) == [
                Posted(TS, f"https://acme.slack.com/archives/{CHANNEL}/p1503435956000247",
                       {"channel": CHANNEL, "thread": TS})
            ]  # fmt: skip

    @pytest.mark.parametrize("title", ["All hands <!channel>", "x" * 151])
    def test_a_title_that_is_no_header_is_a_section(self, ledger: Ledger, title: str) -> None:
        (piece,) = self.slack(ledger).pieces(Export(Report(title), ()))
        shown = title.replace("<", "&lt;").replace(">", "&gt;")
        said = piece.body["message"]
        assert said["blocks"][0] == {"type": "section", "text": mrkdwn(f"*{shown}*")}
        assert said["text"] == shown

    def test_a_long_report_goes_on_in_its_thread(self, ledger: Ledger) -> None:
        body = tuple(reports.text("word " * 500) for _ in range(6))
        script = (sent(channel=CHANNEL), sent(REPLY, channel=CHANNEL, thread_ts=TS))
        done = whole(self.slack(ledger, *script), Export(Report("T"), body))
        assert [one.id for one in done] == [TS, REPLY]

    def test_options_are_merged_into_the_first_message(self, ledger: Ledger) -> None:
        extra = {"channel": "#sales", "thread_ts": "9.9", "username": "Scribe", "attach": "none"}
        (piece,) = self.slack(ledger).pieces(replace(USUAL, extra=extra))
        assert piece.body["channel"] == "#sales"
        assert piece.body["message"]["username"] == "Scribe"
        where = sent(channel="#sales", thread_ts="9.9")
        done = self.slack(ledger, person("U0ADA"), where).write(piece, [])
        assert done.ref == {"channel": CHANNEL, "thread": "9.9"}

    def test_a_webhook_takes_one_message(self, ledger: Ledger) -> None:
        script = Wire("POST", LEAK, reply=b"ok")
        slack = self.slack(ledger, script, hook=True)
        export = replace(USUAL, transcript=(reports.text("Ada: hi"),))
        (piece,) = slack.pieces(export)
        assert "transcript is left out" in json.dumps(piece.body)
        assert slack.write(replace(piece, token="t-1"), []) == Posted("t-1")
        with pytest.raises(e.Unsupported) as caught:
            slack.pieces(reports.EXPORTS["huge"])
        assert "--format summary" in caught.value.hint
        with pytest.raises(e.Unsupported):
            slack.pieces(replace(USUAL, extra={"channel": "#x"}))
        with pytest.raises(e.Unsupported):
            slack.locate(piece, [], NOW, frozenset())

    @pytest.mark.parametrize(
        "extra", [{"attach": "pdf"}, {"metadata": "{}"}, {"blocks": '{"a":1}'}, {"channel": ""}]
    )
    def test_what_is_wrong_is_said_first(self, ledger: Ledger, extra: dict[str, str]) -> None:
        slack = self.open(Slack, ledger, [], {}, ("bot_token",))[0]
        with pytest.raises(e.InvalidInput):
            slack.pieces(replace(USUAL, extra={"channel": "#x", **extra}))

    def test_a_lost_file_is_known_by_its_name(self, ledger: Ledger) -> None:
        piece = self.slack(ledger).pieces(USUAL)[-1]
        files = [{"id": "F7", "title": "Kick-off.md"}]
        script = listed(message("1.3", user="U0BOT", files=files), asks={**HISTORY, "ts": TS})
        found = self.slack(ledger, script).locate(piece, [ROOT], NOW, frozenset())
        assert found.id == "F7"

    def test_channels_are_found_by_part_of_their_name(self, ledger: Ledger) -> None:
        rows = [{"id": "C1", "name": "sales-eu", "num_members": 3, "purpose": {"value": ""}},
                {"id": "C2", "name": "launch", "is_archived": True}]  # fmt: skip
        script = [ok("GET", "conversations.list", {}, channels=rows)] * 3
        slack = self.slack(ledger, *script)
        url = "https://acme.slack.com/archives/C1"
        sales = Found("channel", "C1", "#sales-eu", url, {"members": "3"})
        assert list(slack.find("channel", "#sales")) == [sales]
        assert [one.id for one in slack.find("channel", "C2")] == ["C2"]
        assert list(slack.find("channel", "nowhere")) == []

    def test_a_person_is_found_by_address(self, ledger: Ledger) -> None:
        slack = self.slack(ledger, person("U0ADA", email="a@b.example"), person())
        url = "https://acme.slack.com/team/U0ADA"
        assert list(slack.find("user", "a@b.example")) == [
            Found("user", "U0ADA", "Ada L", url, {"user": "ada"})
        ]
        assert list(slack.find("user", "x@b.example")) == []


def test_addresses_of_webhooks() -> None:
    field = Slack.spec.setting("webhook_url")
    assert field is not None
    for good in (
        "https://hooks.slack.com/services/T0/B0/x",
        "https://hooks.slack-gov.com/services/T0/B0/x",
        "http://127.0.0.1:8000/hooks.slack.com/services/T0/B0/x",
    ):
        assert re.fullmatch(field.pattern, good)
    for bad in (
        "http://hooks.slack.com/services/T0/B0/x",
        "https://hooks.slack.com.evil.example/services/T0/B0/x",
        "https://evil.example/services/T0/B0/x",
        "https://hooks.slack.com/services/",
    ):
        assert not re.fullmatch(field.pattern, bad)


def test_it_is_a_provider() -> None:
    assert issubclass(Slack, Provider)
