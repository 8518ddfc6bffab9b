"""Every request that the Slack provider makes, against the arguments that Slack documents."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mktool.http.client import Client
from mktool.http.exchange import Exchange
from mktool.http.reply import Response
from mktool.http.request import Request
from mktool.http.target import Target
from mktool.model import Login, Media, Post, Posted, Secret
from mktool.providers.slack import Slack
from mktool.report import Export
from mktool.store.ledger import Ledger
from tests import reports
from tests.contract import NOW, FixedCredential
from tests.peers import absent

ROOT = Posted("1.1", ref={"channel": "C0LAUNCH", "thread": "1.1"})
BELOW_A_FILE = Posted("F1", ref={"channel": "C0LAUNCH", "thread": "", "file": "F1"})
EXPORT = replace(reports.EXPORTS["usual"], markdown="# Kick-off")
LONG = Export(EXPORT.report, tuple(reports.text("word " * 500) for _ in range(6)), markdown="x")
ANSWERS: dict[str, dict[str, Any]] = {
    "auth.test": {"user_id": "U0", "team": "Acme", "user": "mktool"},
    "chat.postMessage": {"channel": "C0LAUNCH", "ts": "1.2"},
    "conversations.history": {"messages": [{"ts": "1.1", "files": [{"id": "F1", "title": "x"}]}]},
    "conversations.replies": {"messages": []},
    "conversations.open": {"channel": {"id": "D0"}},
    "conversations.list": {"channels": [{"id": "C0LAUNCH", "name": "launch"}]},
    "users.lookupByEmail": {"user": {"id": "U1"}},
    "users.list": {"members": [{"id": "U1", "name": "ada"}]},
    "files.getUploadURLExternal": {"upload_url": "https://files.slack.com/u/1", "file_id": "F1"},
    "files.completeUploadExternal": {"files": [{"id": "F1"}]},
}


class Vendor:
    """Answers each method in its documented shape, and keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request, timeout: float) -> Response:
        self.requests.append(request)
        answer = {"ok": True, **ANSWERS.get(request.url.rsplit("/", 1)[-1], {})}
        return Response(200, {}, json.dumps(answer).encode())

    def close(self) -> None:
        """Nothing is open."""


def methods() -> Path:
    specs = os.environ.get("MKTOOL_SPECS", "")
    if not specs:
        absent("MKTOOL_SPECS is not set: the vendors' own documents are not here")
    return Path(specs) / "slack" / "methods"


def picture(folder: Path) -> Media:
    path = folder / "chart.png"
    path.write_bytes(b"12345")
    return Media(path, "image", "image/png", 5, "A chart")


def export(slack: Slack, what: Export) -> None:
    done: list[Posted] = []
    for piece in slack.pieces(what):
        done.append(slack.write(piece, done))
        slack.locate(piece, done[:-1], NOW, frozenset())


CALLS: dict[str, Callable[[Slack, Media], object]] = {
    "check": lambda x, m: x.check(),
    "post": lambda x, m: x.post(Post("hi", extra={"channel": "#launch"}, token="t")),
    "person": lambda x, m: x.post(Post("hi", extra={"channel": "ada@acme.example"})),
    "reply": lambda x, m: x.reply(Post("hi", reply_to=ROOT, root=ROOT)),
    "files": lambda x, m: x.post(Post("hi", (m, m), extra={"channel": "#launch"})),
    "file below": lambda x, m: x.reply(Post("hi", (m,), reply_to=ROOT, root=ROOT)),
    "below a file": lambda x, m: x.reply(Post("hi", reply_to=BELOW_A_FILE, root=BELOW_A_FILE)),
    "settle": lambda x, m: x.settle(Post("hi", token="t"), NOW, frozenset()),
    "settle below": lambda x, m: x.settle(Post("hi", root=ROOT), NOW, frozenset()),
    "export": lambda x, m: export(x, EXPORT),
    "long export": lambda x, m: export(x, LONG),
    "channels": lambda x, m: list(x.find("channel", "launch")),
    "people": lambda x, m: list(x.find("user", "ada")),
    "address": lambda x, m: list(x.find("user", "ada@acme.example")),
    "settle files": lambda x, m: x.settle(Post("hi", (m,)), NOW, frozenset()),
}


@pytest.mark.parametrize("name", CALLS)
def test_requests_fit_the_documented_arguments(name: str, tmp_path: Path) -> None:
    folder, vendor, naps = methods(), Vendor(), list[float]()
    ledger = Ledger(tmp_path / "ledger.db", clock=lambda: NOW + sum(naps))
    exchange = Exchange(
        Slack.spec, "default", lambda: vendor, ledger,
        sleep=naps.append,
    )  # fmt: skip
    login = Login({}, {"bot_token": Secret("xoxb-1")})
    options = {"channel": "C0LAUNCH"}
    client = Client(exchange, Target(Slack.spec.base_url), FixedCredential(login), options)
    CALLS[name](Slack(client), picture(tmp_path))
    asked = [r for r in vendor.requests if urlsplit(r.url).hostname == "slack.com"]
    assert asked
    for request in asked:
        _check(request, json.loads((folder / f"{request.url.rsplit('/', 1)[-1]}.json").read_text()))


def _check(request: Request, method: dict[str, Any]) -> None:
    assert request.endpoint.method == method["http_method"]
    args = {**dict(parse_qsl(request.query)), **(request.form or {}), **(request.json or {})}
    known, needed = method["args"]["properties"], set(method["args"]["required"]) - {"token"}
    assert args.keys() <= known.keys()
    assert args.keys() >= needed
    assert request.all_headers()["Authorization"] == "Bearer xoxb-1"
    if request.json is not None:
        assert method.get("json_input_supported")
    for name, value in args.items():
        assert _fits(value, known[name], text=request.json is None), (name, value)


def _fits(value: Any, schema: dict[str, Any], *, text: bool) -> bool:
    """In a form or a query all is text; in JSON, blocks and metadata are what their text holds."""
    kinds = {schema.get("type")} | {one.get("type") for one in schema.get("anyOf", ())}
    if schema.get("schema") == "channel":
        kinds.add("string")
    if text and kinds & {"integer", "number"}:
        return str(value).isdigit()
    if text and "boolean" in kinds:
        return value in ("true", "false")
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, list | dict) and "string" in kinds:
        return "JSON" in schema["desc"]
    return ("array" if isinstance(value, list) else "string") in kinds
