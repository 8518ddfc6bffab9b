"""What a response means."""

from __future__ import annotations

import json
import os
import time
from email.utils import formatdate
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.classify import classify, http_date, printable, request_id, retry_after
from mktool.http.reply import Reply, Response
from mktool.spec import Endpoint, Rule, Spec, Throttle

NOW = 1_790_000_000.0
READ, WRITE = Endpoint("read", "GET", "/"), Endpoint("make", "POST", "/")
WORD = Endpoint("hook", "POST", "/", answers_text=True)


def spec(*rules: Rule, **parts: Any) -> Spec:
    return Spec("toy", "Toy", "", "https://api.toy.example", (), rules=rules, **parts)


def response(status: int, body: Any = b"", **headers: str) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, data)


def error(
    status: int, body: Any = b"", endpoint: Endpoint = READ, of: Spec | None = None, **headers: str
) -> e.ProviderError:
    found = classify(of or spec(), endpoint, "default", response(status, body, **headers))
    assert found is not None
    return found


HTML = b"\n <!DOCTYPE html><html>Welcome to the hotel network</html>"


@pytest.mark.parametrize(
    ("status", "body", "of_a_read", "of_a_write"),
    [
        (400, {}, e.Rejected, e.Rejected),
        (401, {}, e.Unauthorized, e.Unauthorized),
        (403, HTML, e.Forbidden, e.Forbidden),
        (404, {}, e.NotFound, e.NotFound),
        (408, b"", e.Unavailable, e.Unavailable),
        (410, {}, e.NotFound, e.NotFound),
        (422, b"\xff\xfe", e.Rejected, e.Rejected),
        (425, {}, e.Unavailable, e.Unavailable),
        (429, HTML, e.RateLimited, e.RateLimited),
        (500, {}, e.Unavailable, e.OutcomeUnknown),
        (502, HTML, e.Unavailable, e.OutcomeUnknown),
        (503, b"", e.Unavailable, e.OutcomeUnknown),
        (599, b"[", e.Unavailable, e.OutcomeUnknown),
        (301, b"", e.UnexpectedReply, e.UnexpectedReply),
        (302, HTML, e.UnexpectedReply, e.UnexpectedReply),
        (101, b"", e.UnexpectedReply, e.UnexpectedReply),
        (200, HTML, e.UnexpectedReply, e.OutcomeUnknown),
        (200, b"ok", e.UnexpectedReply, e.OutcomeUnknown),
        (200, "é".encode("latin1"), e.UnexpectedReply, e.OutcomeUnknown),
        (200, b"[" * 100_000, e.UnexpectedReply, e.OutcomeUnknown),
        (200, b'{"id": 1' + b"0" * 5000 + b"}", e.UnexpectedReply, e.OutcomeUnknown),
    ],
)
def test_every_status_is_one_error(
    status: int, body: Any, of_a_read: type, of_a_write: type
) -> None:
    assert type(error(status, body)) is of_a_read
    assert type(error(status, body, WRITE)) is of_a_write
    keyed = classify(spec(), WRITE, "default", response(status, body), keyed=True)
    assert type(keyed) is of_a_read


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"{}", b"[]", b'\xef\xbb\xbf{"bom": 1}', '{"a": 1}'.encode("utf-16")]
)
def test_successes(body: bytes) -> None:
    for endpoint in (READ, WRITE):
        assert classify(spec(), endpoint, "default", response(200, body)) is None


def test_where_a_success_is_a_word_a_web_page_still_is_not() -> None:
    assert classify(spec(), WORD, "default", response(200, b"ok")) is None
    assert type(error(200, HTML, WORD)) is e.OutcomeUnknown
    refused = error(404, b"no_service", WORD)
    assert (refused.context.vendor_code, refused.message) == ("no_service", "no_service")


def test_a_200_that_says_no() -> None:
    slack = spec(Rule(e.NotFound, code="gone"), failed=("ok", False), error_code=("error",))
    assert type(error(200, {"ok": False, "error": "gone"}, WRITE, slack)) is e.NotFound
    assert type(error(200, {"ok": False, "error": "else"}, WRITE, slack)) is e.Rejected
    assert classify(slack, WRITE, "", response(200, {"ok": True, "error": "gone"})) is None


def test_a_200_without_its_answer() -> None:
    endpoint = Endpoint("make", "POST", "/", answer="data.id")
    half = spec(error_text=("errors.0.detail",))
    body = {"errors": [{"detail": "no such user"}]}
    assert error(200, body, endpoint, half).message == "no such user"
    assert classify(half, endpoint, "", response(200, {**body, "data": {"id": 1}})) is None


def test_the_first_rule_that_fits() -> None:
    rules = spec(
        Rule(e.Duplicate, 403, text="duplicate", hint="say something else"),
        Rule(e.NotFound, 403, code="c.*", message="needs {needed.0}"),
        Rule(e.Rejected, operation="make"),
    )
    first = error(403, {"error": {"code": "c1", "message": "A Duplicate!"}}, of=rules)
    assert (type(first), first.hint) == (e.Duplicate, "say something else")
    second = error(403, {"error": {"code": "c1"}, "needed": ["chat:write"]}, of=rules)
    assert (type(second), second.message) == (e.NotFound, "needs chat:write")
    assert type(error(403, {"error": {"code": "xc1"}}, of=rules)) is e.Forbidden
    assert type(error(401, {}, WRITE, rules)) is e.Rejected


def test_a_refusal_may_be_an_answer() -> None:
    proof = spec(Rule(None, 401, operation="read"))
    assert classify(proof, READ, "", response(401, {})) is None
    assert type(error(401, endpoint=WRITE, of=proof)) is e.Unauthorized


def test_no_rule_without_a_status_makes_a_5xx_harmless() -> None:
    rules = spec(Rule(e.Rejected, text="busy"), Rule(e.Unavailable, 503, text="queued for later"))
    busy = {"error": {"message": "busy"}}
    assert type(error(500, busy, WRITE, rules)) is e.OutcomeUnknown
    later = {"error": {"message": "not queued for later"}}
    assert type(error(503, later, WRITE, rules)) is e.Unavailable


def test_a_rule_does_not_make_a_repeatable_call_doubtful() -> None:
    rules = spec(Rule(e.OutcomeUnknown, code="fatal"), failed=("ok", False), error_code=("e",))
    body = {"ok": False, "e": "fatal"}
    assert type(error(200, body, WRITE, rules)) is e.OutcomeUnknown
    assert type(error(200, body, READ, rules)) is e.Unavailable


def test_a_reply_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\nbad\u202egnp.exe\u200b\x9b31m \ud800" + "x" * 999
    body = {"error": {"code": evil, "message": evil}}
    found = error(400, body, x_request_id="\x1b[31mr-1\n2")
    for text in (found.message, found.context.vendor_code, found.context.request_id, str(found)):
        assert text.isprintable()
        assert len(text) < 400
    assert found.context.request_id == "[31mr-1 2"
    assert printable("a\n\tb  c") == "a b c"


def test_nothing_of_the_reply_but_its_error_is_told() -> None:
    found = error(400, {"error": {"message": "no"}, "access_token": "s3cr3t"})
    assert "s3cr3t" not in f"{found!r} {vars(found)}"
    assert "s3cr3t" not in repr(response(200, {"access_token": "s3cr3t"}))


DATE = formatdate(NOW, usegmt=True)
EPOCH = spec(throttle=Throttle("x-limit", "x-left", "x-reset"))
SECONDS = spec(throttle=Throttle("x-limit", "x-left", "x-reset", "seconds"))


@pytest.mark.parametrize(
    ("headers", "of", "seconds"),
    [
        ({"retry_after": "7"}, spec(), 7.0),
        ({"retry_after": " 0.5 "}, spec(), 0.5),
        ({"retry_after": "0"}, spec(), 0.0),
        ({"retry_after": formatdate(NOW + 90, usegmt=True), "date": DATE}, spec(), 90.0),
        ({"retry_after": formatdate(NOW - 90, usegmt=True), "date": DATE}, spec(), 0.0),
        # measured against the server's own clock, which may be years away from ours
        ({"retry_after": "Sun, 06 Nov 1994 08:50:37 GMT",
          "date": "Sun, 06 Nov 1994 08:49:37 GMT"}, spec(), 60.0),
        ({"retry_after": "Sunday, 06-Nov-94 08:50:37 GMT",
          "date": "Sun Nov  6 08:49:37 1994"}, spec(), 60.0),
        ({"retry_after": formatdate(NOW + 5, usegmt=True)}, spec(), 5.0),
        ({"x_reset": str(int(NOW) + 30), "date": DATE}, EPOCH, 30.0),
        ({"x_reset": str(int(NOW) - 30), "date": DATE}, EPOCH, 0.0),
        ({"x_reset": "784111837", "date": "Sun, 06 Nov 1994 08:49:37 GMT"}, EPOCH, 60.0),
        ({"x_reset": "30"}, SECONDS, 30.0),
        ({"retry_after": "3", "x_reset": "30"}, SECONDS, 3.0),
        ({"retry_after": "soon", "x_reset": "30"}, SECONDS, 30.0),
        ({"retry_after": "-1"}, spec(), None),
        ({"retry_after": "1e9"}, spec(), None),
        ({"retry_after": "9" * 400}, spec(), None),
        ({"retry_after": "Mon, 99 Foo 2026 25:61:61 GMT"}, spec(), None),
        ({"x_reset": "tomorrow"}, EPOCH, None),
        ({"x_reset": "30"}, spec(), None),
        ({}, EPOCH, None),
    ],
)  # fmt: skip
def test_how_long_to_wait(headers: dict[str, str], of: Spec, seconds: float | None) -> None:
    assert retry_after(of, response(429, **headers), NOW) == seconds


def test_the_reset_of_a_limit_is_no_wait_for_another_error() -> None:
    assert retry_after(SECONDS, response(403, x_reset="30"), NOW) is None
    assert retry_after(SECONDS, response(503, retry_after="30"), NOW) == 30.0


def test_http_dates_do_not_depend_on_our_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = (
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    )  # fmt: skip
    try:
        for zone in ("UTC", "Asia/Tokyo"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert {http_date(form) for form in forms} == {784111777.0}
    finally:
        os.environ.pop("TZ", None)
        time.tzset()
    assert http_date("") is None


def test_request_ids() -> None:
    both = spec(request_id=("x-li-uuid", "x-request-id"))
    assert request_id(both, response(200, x_request_id="b")) == "b"
    assert request_id(both, response(200, x_request_id="b", x_li_uuid="a")) == "a"
    assert request_id(both, response(200)) == ""


# -- the answer as vendor files read it ----------------------------------------------------------


def reply(body: str, *, write: bool = False) -> Reply:
    data = Response(200, {}, body.encode()).json()
    return Reply(data, {"location": "/1"}, e.Context("toy"), write=write)


@pytest.mark.parametrize(
    "body",
    [
        "{}", "[]", "null", '"text"', '{"a": null}', '{"a": {}}', '{"a": []}',
        '{"a": "\\ud800"}',
    ],
)  # fmt: skip
def test_what_is_needed_and_not_there(body: str) -> None:
    with pytest.raises(e.UnexpectedReply):
        reply(body).need("a")
    with pytest.raises(e.OutcomeUnknown):
        reply(body, write=True).need("a")


@pytest.mark.parametrize("value", ["true", '"1"', "null", "1" + "0" * 400, "1e999", "NaN", "[]"])
def test_what_is_no_number(value: str) -> None:
    with pytest.raises(e.UnexpectedReply):
        reply(f'{{"a": {value}}}').number("a")
    assert reply(f'{{"n": {{"a": {value}, "b": 2}}}}').numbers("n") == {"b": 2.0}


@pytest.mark.parametrize(
    "text", ["2026-09-21T14:13:20Z", "2026-09-21 14:13:20+00", "2026-09-21T16:13:20+02:00",
             "2026-09-21T14:13:20", "Mon, 21 Sep 2026 14:13:20 +0000"],
)  # fmt: skip
def test_what_is_a_time(text: str) -> None:
    assert reply(f'{{"at": "{text}"}}').moment("at") == 1_790_000_000.0


@pytest.mark.parametrize("value", ["1790000000", '"yesterday"', '""', "null"])
def test_what_is_no_time(value: str) -> None:
    with pytest.raises(e.UnexpectedReply):
        reply(f'{{"at": {value}}}').moment("at")


def test_what_is_there() -> None:
    found = reply('{"a": 1, "l": [{"n": "x"}, {"n": "y", "v": 2}], "o": {"k": 1.5}}')
    assert (found.need("a"), found.need("l.1.n"), found.number("a")) == ("1", "y", 1.0)
    assert found.numbers("o") == {"k": 1.5}
    assert found.numbers("nothing") == {}
    assert [row.need("n") for row in found.each("l")] == ["x", "y"]
    match = found.find("l", n="y")
    assert match is not None
    assert match.need("v") == "2"
    assert found.find("l", n="z") is None
    assert found.rows("nothing") == []
    assert found.header("Location") == "/1"
    with pytest.raises(e.UnexpectedReply):
        found.header("etag")
    for odd in ("a", "o"):
        with pytest.raises(e.UnexpectedReply):
            found.rows(odd)


def test_an_exact_number_out_of_all_bounds_is_no_json() -> None:
    assert Response(200, {}, b'{"n": 1e99999999999999999999}').json(exact=True) is None


def test_a_cell_of_a_table_may_be_long() -> None:
    long = "x" * 1_000_000
    (row,) = Reply(f'id,note\n1,"{long}"\n', {}, e.Context("toy")).table()
    assert row.need("note") == long


def test_an_object_is_one_or_absent() -> None:
    reply = Reply({"a": {"b": 1}, "c": [1], "d": []}, {}, e.Context("toy"))
    assert (reply.object("a"), reply.object("d"), reply.object("x")) == ({"b": 1}, {}, {})
    with pytest.raises(e.UnexpectedReply):
        reply.object("c")
