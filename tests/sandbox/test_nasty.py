"""Nothing that is sent makes the sandbox fail: every route, with values of every wrong type."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from mktool.sandbox import vendors
from mktool.sandbox.faults import Faults
from mktool.sandbox.vendor import Bound, Route
from mktool.sandbox.wire import Call, Refusal, Reply
from mktool.sandbox.world import World

WRONG: list[Any] = [None, True, 0, -1.5, "", "\x00\ud83d", "urn:li:share:1", [], [None], [[]], {},
                    {"id": 1}, {"text": 5}, "9" * 400]  # fmt: skip
NAMES = ["author", "commentary", "visibility", "distribution", "lifecycleState", "content", "text",
         "media", "reply", "poll", "actor", "message", "parentComment", "patch", "metadata", "id",
         "initializeUploadRequest", "media_type", "media_category", "total_bytes", "channel",
         "blocks", "thread_ts", "files", "users", "post_at", "limit", "cursor", "filename",
         "length", "payload", "attachments", "markdown_text"]  # fmt: skip
QUERY = ["ids", "max_results", "since_id", "pagination_token", "start_time", "tweet.fields", "q",
         "author", "start", "count", "entity", "queryType", "aggregation", "shares", "limit",
         "cursor", "oldest", "latest", "ts", "client_id", "redirect_uri", "scope", "post_at",
         "code_challenge", "code_challenge_method", "response_type", "state", "blocks",
         "metadata", "files", "users", "length", "segment_index", "grant_type", "code",
         "refresh_token", "token", "media_id", "payload", "organizationalEntity"]  # fmt: skip
VALUES = ["", "-1", "1e9", "\0", "\ufffd", "List(", "List(a)", "(share:urn%3Ali)", "²", "٣", "null",
          "http://[", "//x", "9" * 5000, "[", "[1]", "{}", "next:9", "sandbox"]  # fmt: skip
SPREAD = {"feedDistribution": "MAIN_FEED"}
VALID = {"author": "urn:li:person:sandbox01", "commentary": "a", "visibility": "PUBLIC",
         "distribution": SPREAD, "lifecycleState": "PUBLISHED", "channel": "#general",
         "text": "hello"}  # fmt: skip


def world() -> World:
    # Without limits, so that each call gets as far as it can.
    names = ("chat.postMessage", "webhook", "POST /rest/posts", "POST /2/tweets")
    return World(time.time, Faults(), limits=dict.fromkeys(names, 10**6))


BOUND = [bound for name in vendors.names() for bound in vendors.load(name)(world()).bound()]
HEADERS = {"authorization": "Bearer sandbox-1", "linkedin-version": "202609",
           "x-restli-protocol-version": "2.0.0"}  # fmt: skip


def answered(bound: Bound, path: str, **parts: Any) -> Reply:
    """Return a route's answer, refusals included; what it raises else fails the test."""
    call = Call(
        bound.route.method, path, "http://127.0.0.1:1", time.time(),
        params=bound.match(path) or {}, **parts,
    )  # fmt: skip
    try:
        return bound.handler(call)
    except Refusal as refusal:
        return refusal.reply


def bodies(route: Route) -> Iterator[bytes]:
    relevant = VALID if "slack" in route.path or "posts" in route.path else {"text": "hello"}
    for name in NAMES:
        for value in WRONG:
            try:
                yield json.dumps({**relevant, name: value}).encode()
            except UnicodeEncodeError:
                continue
    yield from (b"", b"\xff\xfe", b"[]", b'"text"', b"[" * 5000, b"null", b'{"a":NaN}')


@pytest.mark.parametrize("bound", BOUND, ids=lambda b: f"{b.route.method} {b.route.path}")
def test_no_body_breaks_a_route(bound: Bound) -> None:
    path = bound.route.path.replace("{secret}", "sandbox")
    path = re.sub(r"\{\w+\}", "urn%3Ali%3Ashare%3A1", path)
    headers = HEADERS | {"content-type": "application/json"}
    for body in bodies(bound.route):
        reply = answered(bound, path, body=body, headers=headers)
        assert reply.status < 500, body
        reply.content()


@pytest.mark.parametrize("bound", BOUND, ids=lambda b: f"{b.route.method} {b.route.path}")
def test_no_query_breaks_a_route(bound: Bound) -> None:
    path = re.sub(r"\{\w+\}", "1730000000000000001", bound.route.path)
    usual = {"client_id": "a", "redirect_uri": "http://a.example", "q": "author",
             "channel": "general"}  # fmt: skip
    for name in QUERY:
        for value in VALUES:
            query = usual | {name: value}
            raw = urlencode(query)
            reply = answered(bound, path, query=query, raw_query=raw, headers=HEADERS)
            assert reply.status < 500, (name, value)
            reply = answered(bound, path, form=query, headers=HEADERS)
            assert reply.status < 500, (name, value)
