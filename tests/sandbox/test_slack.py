"""Slack: what it takes, what it refuses, and in which words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock, picture

NEXT = 1.0  # seconds until a channel takes another message


class Workspace:
    """A bot's view of Slack."""

    def __init__(self, sandbox: Sandbox, clock: Clock, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(headers=headers, trust_env=False)
        self.url, self.clock = sandbox.url, clock

    def call(self, method: str, **args: Any) -> dict[str, Any]:
        """Call with a form, structures as JSON text."""
        form = {k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in args.items()}
        reply = self.http.post(f"{self.url}/slack.com/api/{method}", data=form)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def say(self, text: str, channel: str = "#launch", **args: Any) -> str:
        self.clock.sleep(NEXT)
        answer = self.call("chat.postMessage", channel=channel, text=text, **args)
        assert answer["ok"] is True, answer
        return str(answer["ts"])


Login = Callable[[str], Workspace]


@pytest.fixture
def login(sandbox: Sandbox, clock: Clock) -> Iterator[Login]:
    """Give workspaces as they look with a token."""
    with ExitStack() as stack:

        def enter(token: str) -> Workspace:
            workspace = Workspace(sandbox, clock, token)
            stack.enter_context(workspace.http)
            return workspace

        yield enter


@pytest.fixture
def slack(login: Login) -> Workspace:
    return login("xoxb-sandbox-1")


def test_a_thread_is_written_and_read_back(slack: Workspace) -> None:
    mark = {"event_type": "mktool_act", "event_payload": {"token": "t1"}}
    root = slack.say("one", metadata=mark)
    reply = slack.say("two", thread_ts=root)
    channel = slack.call("chat.postMessage", channel="#launch", text="x", thread_ts=reply)
    assert channel == {"ok": False, "error": "cannot_reply_to_message"}
    id = next(
        c["id"] for c in slack.call("conversations.list")["channels"] if c["name"] == "launch"
    )
    top = slack.call("conversations.history", channel=id, include_all_metadata="true")
    assert [m["text"] for m in top["messages"]] == ["one"]
    assert top["messages"][0]["metadata"] == mark
    assert top["messages"][0]["reply_count"] == 1
    plain = slack.call("conversations.history", channel=id)["messages"][0]
    assert "metadata" not in plain
    thread = slack.call("conversations.replies", channel=id, ts=root)["messages"]
    assert [m["text"] for m in thread] == ["one", "two"]
    link = slack.call("chat.getPermalink", channel=id, message_ts=reply)["permalink"]
    assert f"p{reply.replace('.', '')}?thread_ts={root}" in link


def test_json_takes_the_token_from_the_header_only(slack: Workspace) -> None:
    url = f"{slack.url}/slack.com/api/chat.postMessage"
    body = {"channel": "#launch", "text": "hi", "token": "xoxb-sandbox-1"}
    assert slack.http.post(url, json=body).json()["ok"] is True
    slack.clock.sleep(NEXT)
    assert httpx.post(url, json=body, trust_env=False).json()["error"] == "not_authed"
    assert httpx.post(url, data=body, trust_env=False).json()["ok"] is True
    slack.clock.sleep(NEXT)
    bad = slack.http.post(url, content=b"{", headers={"content-type": "application/json"})
    assert bad.json()["error"] == "invalid_json"


def test_one_message_a_second_in_a_channel(slack: Workspace) -> None:
    slack.say("one")
    url = f"{slack.url}/slack.com/api/chat.postMessage"
    refused = slack.http.post(url, data={"channel": "#launch", "text": "two"})
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert slack.http.post(url, data={"channel": "#random", "text": "two"}).status_code == 200
    slack.clock.sleep(1)
    assert slack.http.post(url, data={"channel": "#launch", "text": "two"}).status_code == 200


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0MISSING1", "channel_not_found"),
        ("C0ARCHIVED1", "is_archived"),
        ("not a channel", "channel_not_found"),
        ("", "channel_not_found"),
    ],
)
def test_channels_that_cannot_be_written_to(slack: Workspace, channel: str, error: str) -> None:
    assert slack.call("chat.postMessage", channel=channel, text="hi")["error"] == error


def test_a_channel_must_be_joined(login: Login) -> None:
    bot = login("xoxb-sandbox-chat:write,channels:join")
    post = {"channel": "C0OUTSIDE1", "text": "hi"}
    assert bot.call("chat.postMessage", **post)["error"] == "not_in_channel"
    assert bot.call("conversations.join", channel="C0OUTSIDE1")["ok"] is True
    assert bot.call("chat.postMessage", **post)["ok"] is True


def blocks(count: int = 1, **block: Any) -> list[dict[str, Any]]:
    usual = {"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}
    return [usual | block] * count


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({}, "no_text"),
        ({"blocks": blocks(51)}, "invalid_blocks"),
        ({"blocks": blocks(text={"type": "mrkdwn", "text": "a" * 3001})}, "invalid_blocks"),
        ({"blocks": blocks(type="banner")}, "invalid_blocks"),
        ({"blocks": blocks(type="header")}, "invalid_blocks"),
        ({"blocks": blocks(type="image")}, "invalid_blocks"),
        ({"blocks": blocks(type="context", elements=5)}, "invalid_blocks"),
        ({"blocks": blocks(2, block_id="a")}, "invalid_blocks"),
        ({"blocks": [1]}, "invalid_blocks"),
        ({"blocks": "["}, "invalid_blocks_format"),
        ({"markdown_text": "a", "text": "b"}, "markdown_text_conflict"),
        ({"text": "a", "metadata": "{"}, "invalid_metadata_format"),
        ({"text": "a", "metadata": {"event_type": "x"}}, "invalid_metadata_schema"),
        ({"text": "a", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
    ],
)
def test_content_that_is_refused(slack: Workspace, args: dict[str, Any], error: str) -> None:
    answer = slack.call("chat.postMessage", channel="#launch", **args)
    assert (answer["ok"], answer["error"]) == (False, error)


def test_a_long_text_is_cut_and_a_warning_given(slack: Workspace) -> None:
    answer = slack.call("chat.postMessage", channel="#launch", text="a" * 40_001)
    assert answer["warning"] == "message_truncated"
    assert len(answer["message"]["text"]) == 40_000


def test_scopes_are_told_and_enforced(login: Login) -> None:
    bot = login("xoxb-sandbox-files:write")
    refused = bot.call("chat.postMessage", channel="#launch", text="hi")
    assert refused == {"ok": False, "error": "missing_scope", "needed": "chat:write",
                       "provided": "files:write"}  # fmt: skip
    reply = bot.http.post(f"{bot.url}/slack.com/api/auth.test")
    assert reply.headers["x-oauth-scopes"] == "files:write"


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-1-2-a", "invalid_auth")])
def test_a_real_token_is_refused(login: Login, token: str, error: str) -> None:
    assert login(token).call("auth.test") == {"ok": False, "error": error}


def upload(slack: Workspace, data: bytes, name: str = "a.png", alt: str = "") -> str:
    asked = slack.call("files.getUploadURLExternal", filename=name, length=len(data), alt_txt=alt)
    assert httpx.post(asked["upload_url"], content=data, trust_env=False).status_code == 200
    return str(asked["file_id"])


def test_a_file_in_three_steps(slack: Workspace) -> None:
    id = upload(slack, picture(), alt="a square")
    done = {"files": [{"id": id, "title": "Square"}], "channel_id": "C0000LAUNCH",
            "initial_comment": "look"}  # fmt: skip
    answer = slack.call("files.completeUploadExternal", **done)
    assert answer["files"][0]["title"] == "Square"
    assert "ts" not in answer
    item = httpx.get(f"{slack.url}/_inbox", trust_env=False).json()[0]
    assert (item["text"], item["media"][0]["alt"]) == ("look", "a square")
    assert slack.call("files.completeUploadExternal", **done)["error"] == "file_not_found"


def test_an_upload_must_have_the_announced_length(slack: Workspace) -> None:
    asked = slack.call("files.getUploadURLExternal", filename="a", length=5)
    assert httpx.post(asked["upload_url"], content=b"1234", trust_env=False).status_code == 400
    done = slack.call("files.completeUploadExternal", files=[{"id": asked["file_id"]}])
    assert done["error"] == "file_not_found"


def test_announcing_a_file_takes_a_form_only(slack: Workspace) -> None:
    url = f"{slack.url}/slack.com/api/files.getUploadURLExternal"
    reply = slack.http.post(url, json={"filename": "a", "length": 5})
    assert reply.json()["error"] == "invalid_arguments"


@pytest.mark.parametrize(
    ("after", "error"),
    [(-1, "time_in_past"), (121 * 86400, "time_too_far"), (3600, None)],
)
def test_scheduling(slack: Workspace, after: int, error: str | None) -> None:
    at = int(slack.clock.now) + after
    answer = slack.call("chat.scheduleMessage", channel="#launch", text="later", post_at=at)
    assert answer.get("error") == error
    if error is None:
        assert answer["post_at"] == at


def test_a_message_to_one_person(slack: Workspace) -> None:
    user = slack.call("users.lookupByEmail", email="ann.lee@acme.example")["user"]
    assert user["real_name"] == "Ann Lee"
    opened = slack.call("conversations.open", users=user["id"])["channel"]["id"]
    again = slack.call("conversations.open", users=user["id"])
    assert (again["channel"]["id"], again["already_open"]) == (opened, True)
    slack.say("hi", opened)
    assert slack.call("users.lookupByEmail", email="missing@acme.example")["ok"] is False


def test_history_in_pages_and_between_times(slack: Workspace) -> None:
    stamps = [slack.say(str(n), "C0000PAGES") for n in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = slack.call("conversations.history", channel="C0000PAGES", limit=2, cursor=cursor)
        seen += [m["ts"] for m in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        assert page["has_more"] is bool(cursor)
        if not cursor:
            break
    assert seen == stamps[::-1]
    between = {"oldest": stamps[1], "latest": stamps[3]}
    inner = slack.call("conversations.history", channel="C0000PAGES", **between)
    assert [m["ts"] for m in inner["messages"]] == [stamps[2]]
    bad = slack.call("conversations.history", channel="C0000PAGES", oldest="soon")
    assert bad["error"] == "invalid_ts_oldest"


@pytest.mark.parametrize(
    ("secret", "body", "status", "word"),
    [
        ("sandbox", b'{"text":"hi"}', 200, "ok"),
        ("sandbox", b"{", 400, "invalid_payload"),
        ("sandbox", b"{}", 400, "no_text"),
        ("real", b'{"text":"hi"}', 404, "no_service"),
    ],
)
def test_webhooks(slack: Workspace, secret: str, body: bytes, status: int, word: str) -> None:
    url = f"{slack.url}/hooks.slack.com/services/T1/B1/{secret}"
    reply = httpx.post(url, content=body, trust_env=False)
    assert (reply.status_code, reply.text) == (status, word)


def test_a_deleted_message_is_gone(slack: Workspace) -> None:
    ts = slack.say("oops", "C0000GONE1")
    assert slack.call("chat.delete", channel="C0000GONE1", ts=ts)["ok"] is True
    assert slack.call("chat.delete", channel="C0000GONE1", ts=ts)["error"] == "message_not_found"
    assert slack.call("conversations.history", channel="C0000GONE1")["messages"] == []


def test_a_shared_file_tells_its_message(slack: Workspace) -> None:
    root = slack.say("root", "C0000FILE1")
    file = slack.call("files.getUploadURLExternal", filename="a.md", length="2")
    slack.http.post(file["upload_url"], content=b"hi").raise_for_status()
    shared = {"files": [{"id": file["file_id"]}], "channel_id": "C0000FILE1", "thread_ts": root}
    assert slack.call("files.completeUploadExternal", **shared)["ok"] is True
    found = slack.call("files.info", file=file["file_id"])["file"]
    (share,) = found["shares"]["public"]["C0000FILE1"]
    assert share["thread_ts"] == root
    thread = slack.call("conversations.replies", channel="C0000FILE1", ts=root)["messages"]
    assert [message["ts"] for message in thread] == [root, share["ts"]]
    listed = slack.call("files.list", channel="C0000FILE1")
    assert [one["id"] for one in listed["files"]] == [file["file_id"]]
    assert slack.call("files.list", channel="C0000OTHER")["files"] == []


def test_members_are_listed_in_pages(slack: Workspace) -> None:
    found = slack.call("users.lookupByEmail", email="new.one@acme.example")["user"]
    first = slack.call("users.list", limit="3")
    cursor = first["response_metadata"]["next_cursor"]
    (last,) = slack.call("users.list", limit="3", cursor=cursor)["members"]
    assert last["id"] == found["id"]
    assert len(slack.call("users.list")["members"]) == 4


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section", "text": "plain"},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "section", "fields": [{"type": "markdown", "text": "a"}]},
        {"type": "context", "elements": [{"type": "mrkdwn"}]},
        {"type": "context", "elements": [{"type": "image", "image_url": "https://a.example/a"}]},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "mrkdwn"}}]},
        {"type": "actions", "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}]},
        {"type": "actions", "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "x"}, "url": "h" * 3001}]},
    ],
)  # fmt: skip
def test_text_in_a_block_is_an_object(slack: Workspace, block: dict[str, Any]) -> None:
    answer = slack.call("chat.postMessage", channel="#launch", text="a", blocks=[block])
    assert answer["error"] == "invalid_blocks"
