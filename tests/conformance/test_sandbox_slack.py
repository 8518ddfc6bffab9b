"""The sandbox's Slack against Slack's own method pages (docs.slack.dev/reference/methods)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jsonschema
import pytest

from mktool.sandbox.server import Sandbox
from tests.conformance import specs

# Errors that every method has, documented once: docs.slack.dev/apis/web-api/ and each page.
COMMON = {
    "not_authed", "invalid_auth", "token_expired", "token_revoked", "missing_scope", "ratelimited",
    "invalid_json", "invalid_arguments", "internal_error",
}  # fmt: skip

# The method pages name their types; the ones below are what the OpenAPI document gives for them.
TYPES: dict[str, Any] = {
    "channel": {"type": "string", "pattern": r"^[CGD][A-Z0-9]{8,}$"},
    "ts": {"type": "string", "pattern": r"^\d{10}\.\d{6}$"},
    "user_id": {"type": "string", "pattern": r"^[UW][A-Z0-9]{8,}$"},
    "team_id": {"type": "string", "pattern": r"^[TE][A-Z0-9]{8,}$"},
    "app_id": {"type": "string", "pattern": r"^A[A-Z0-9]{8,}$"},
    "bot_id": {"type": ["string", "null"], "pattern": r"^B[A-Z0-9]{8,}$"},
    "enterprise_id": {"type": "string"},
    "file_id": {"type": "string", "pattern": r"^F[A-Z0-9]{8,}$"},
    "message": {
        "type": "object",
        "required": ["text", "type", "ts"],
        "properties": {
            "ts": {"type": "string", "pattern": r"^\d{10}\.\d{6}$"},
            "thread_ts": {"type": "string", "pattern": r"^\d{10}\.\d{6}$"},
            "user": {"type": "string", "pattern": r"^[UW][A-Z0-9]{8,}$"},
            "team": {"type": "string", "pattern": r"^[TE][A-Z0-9]{8,}$"},
            "text": {"type": "string"},
            "reply_count": {"type": "integer"},
        },
    },
    "conversation": {
        "type": "object",
        "required": ["id", "created"],
        "properties": {"id": {"type": "string", "pattern": r"^[CGD][A-Z0-9]{8,}$"}},
    },
    "user": {"type": "object", "required": ["id", "name", "profile"]},
    "response_metadata": {
        "type": "object",
        "required": ["next_cursor"],
        "properties": {"next_cursor": {"type": "string"}},
    },
    "home": {"type": "object"},
    "view": {"type": "object"},
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(approve=True, limits={"chat.postMessage": 1000}) as running:
        yield running


def call(sandbox: Sandbox, method: str, token: str = "xoxb-sandbox-1", **args: Any) -> Any:
    form = {k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in args.items()}
    headers = {"authorization": f"Bearer {token}"}
    url = f"{sandbox.url}/slack.com/api/{method}"
    return httpx.post(url, data=form, headers=headers, trust_env=False).json()


def resolved(schema: Any) -> Any:
    """Return a page's schema as JSON Schema: its named types put in, its prose left out."""
    if isinstance(schema, list):
        return [resolved(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("schema"), str):
        return TYPES[schema["schema"]]
    if "oneOf" in schema:  # two of its members can fit the same value
        schema = {**schema, "anyOf": schema["oneOf"]}
        del schema["oneOf"]
    prose = ("desc", "example", "subtype", "default", "title")
    return {
        name: resolved(value)
        for name, value in schema.items()
        if name not in prose or isinstance(value, dict)
    }


def conforms(method: str, answer: dict[str, Any]) -> None:
    assert answer.get("ok") is True, answer
    schema = resolved(specs.load("slack", "methods", f"{method}.json")["output"])
    jsonschema.validate(answer, schema)


def answers(sandbox: Sandbox) -> Iterator[tuple[str, dict[str, Any]]]:
    """Call every method the way that works; yield its name and its answer."""
    yield "auth.test", call(sandbox, "auth.test")
    joined = call(sandbox, "conversations.join", channel="C0000SPEC1")
    yield "conversations.join", joined
    where = {"channel": "C0000SPEC1"}
    root = call(sandbox, "chat.postMessage", text="one", **where)
    yield "chat.postMessage", root
    reply = call(sandbox, "chat.postMessage", text="two", thread_ts=root["ts"], **where)
    yield "chat.postMessage", reply
    yield "chat.getPermalink", call(sandbox, "chat.getPermalink", message_ts=reply["ts"], **where)
    yield "conversations.history", call(sandbox, "conversations.history", **where)
    yield "conversations.replies", call(sandbox, "conversations.replies", ts=root["ts"], **where)
    yield "conversations.list", call(sandbox, "conversations.list")
    user = call(sandbox, "users.lookupByEmail", email="ann@acme.example")
    yield "users.lookupByEmail", user
    for expand in ("false", "true"):
        opened = call(sandbox, "conversations.open", users=user["user"]["id"], return_im=expand)
        yield "conversations.open", opened
    soon = int(sandbox.world.clock()) + 600
    yield (
        "chat.scheduleMessage",
        call(sandbox, "chat.scheduleMessage", text="later", post_at=soon, **where),
    )
    file = call(sandbox, "files.getUploadURLExternal", filename="a.txt", length=2)
    yield "files.getUploadURLExternal", file
    httpx.post(file["upload_url"], content=b"hi", trust_env=False).raise_for_status()
    sent = [{"id": file["file_id"]}]
    done = call(sandbox, "files.completeUploadExternal", files=sent, channel_id="C0000SPEC1")
    yield "files.completeUploadExternal", done
    yield "files.info", call(sandbox, "files.info", file=file["file_id"])
    yield "files.list", call(sandbox, "files.list", channel="C0000SPEC1")
    yield "users.list", call(sandbox, "users.list", limit="2")
    yield "chat.delete", call(sandbox, "chat.delete", ts=reply["ts"], **where)


def installed(sandbox: Sandbox) -> dict[str, Any]:
    query = {"client_id": "1.2", "scope": "chat:write", "redirect_uri": "https://a.example/cb"}
    asked = httpx.get(f"{sandbox.url}/slack.com/oauth/v2/authorize", params=query, trust_env=False)
    code = parse_qs(urlsplit(asked.headers["location"]).query)["code"][0]
    app = {"client_id": "1.2", "client_secret": "s", "redirect_uri": "https://a.example/cb"}
    found: dict[str, Any] = call(sandbox, "oauth.v2.access", code=code, **app)
    return found


def test_every_answer_fits_its_page(sandbox: Sandbox) -> None:
    specs.folder("slack")
    for method, answer in answers(sandbox):
        conforms(method, answer)


def test_logging_in_and_out(sandbox: Sandbox) -> None:
    page = specs.load("slack", "methods", "oauth.v2.access.json")["output"]
    granted = installed(sandbox)
    assert set(page["required"]) <= set(granted)
    undocumented = set(granted) - set(page["properties"])
    assert undocumented <= {"ok", "authed_user"}
    conforms("auth.revoke", call(sandbox, "auth.revoke", token=granted["access_token"]))
    assert call(sandbox, "auth.test", granted["access_token"])["error"] == "token_revoked"


def test_answers_have_no_member_that_the_real_ones_lack(sandbox: Sandbox) -> None:
    samples = {p.stem for p in (specs.folder("slack") / "samples").glob("*.json")}
    compared = 0
    for method, answer in answers(sandbox):
        if method in samples:
            real = specs.load("slack", "samples", f"{method}.json")
            assert set(answer) <= set(real), method
            compared += 1
    assert compared >= 5


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("chat.postMessage", {"channel": "C0MISSING1", "text": "a"}),
    ("chat.postMessage", {"channel": "C0ARCHIVED1", "text": "a"}),
    ("chat.postMessage", {"channel": "C0000SPEC1"}),
    ("chat.postMessage", {"channel": "C0000SPEC1", "blocks": "["}),
    ("chat.postMessage", {"channel": "C0000SPEC1", "blocks": [{"type": "none"}]}),
    ("chat.postMessage", {"channel": "C0000SPEC1", "text": "a", "metadata": "["}),
    ("chat.postMessage", {"channel": "C0000SPEC1", "text": "a", "metadata": {"x": 1}}),
    ("chat.postMessage", {"channel": "C0000SPEC1", "text": "a", "thread_ts": "1.1"}),
    ("chat.postMessage", {"channel": "C0000SPEC1", "text": "a", "markdown_text": "a"}),
    ("chat.postMessage", {"channel": "C0000SPEC1", "markdown_text": "a" * 12_001}),
    ("chat.scheduleMessage", {"channel": "C0000SPEC1", "text": "a", "post_at": "1"}),
    ("chat.scheduleMessage", {"channel": "C0000SPEC1", "text": "a", "post_at": "soon"}),
    ("chat.scheduleMessage", {"channel": "C0000SPEC1", "text": "a", "post_at": "99999999999"}),
    ("chat.getPermalink", {"channel": "C0000SPEC1", "message_ts": "1.1"}),
    ("chat.delete", {"channel": "C0000SPEC1", "ts": "1.1"}),
    ("conversations.history", {"channel": "C0OUTSIDE1"}),
    ("conversations.history", {"channel": "C0000SPEC1", "cursor": "x"}),
    ("conversations.history", {"channel": "C0000SPEC1", "latest": "x"}),
    ("conversations.replies", {"channel": "C0000SPEC1", "ts": "1.1"}),
    ("conversations.list", {"limit": "5000"}),
    ("conversations.open", {}),
    ("conversations.open", {"users": "somebody"}),
    ("conversations.open", {"users": ",".join(["U00000000"] * 9)}),
    ("conversations.join", {"channel": "C0ARCHIVED1"}),
    ("users.lookupByEmail", {"email": "missing@acme.example"}),
    ("files.getUploadURLExternal", {"filename": "a"}),
    ("files.getUploadURLExternal", {"filename": "a", "length": 1, "alt_txt": "a" * 1001}),
    ("files.completeUploadExternal", {"files": [{"id": "F00000000"}]}),
    ("files.info", {"file": "F00000000"}),
    ("files.list", {"count": "many"}),
    ("users.list", {"cursor": "x"}),
    ("oauth.v2.access", {"code": "x", "client_id": "1.2", "client_secret": "s"}),
    ("oauth.v2.access", {"code": "x", "client_id": "1.2"}),
    ("oauth.v2.access", {"client_id": "1", "client_secret": "s", "grant_type": "x"}),
    ("auth.revoke", {}),
]


@pytest.mark.parametrize(("method", "args"), REFUSED)
def test_every_refusal_is_a_documented_one(
    sandbox: Sandbox, method: str, args: dict[str, Any]
) -> None:
    documented = set(specs.load("slack", "methods", f"{method}.json")["errors"])
    answer = call(sandbox, method, **args)
    assert answer["ok"] is False
    assert answer["error"] in documented | COMMON


def test_methods_that_take_json_take_it_and_others_do_not(sandbox: Sandbox) -> None:
    headers = {"authorization": "Bearer xoxb-sandbox-1"}
    for method in sorted({name for name, _ in answers(sandbox)}):
        page = specs.load("slack", "methods", f"{method}.json")
        url = f"{sandbox.url}/slack.com/api/{method}"
        answer = httpx.post(url, json={}, headers=headers, trust_env=False).json()
        if page.get("json_input_supported", False):
            assert answer.get("error") == call(sandbox, method).get("error"), method
        else:
            assert answer["error"] == "invalid_arguments", method
