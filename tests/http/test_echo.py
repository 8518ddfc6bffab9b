"""A vendor that repeats what it was sent: nobody gets to see it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from mktool import errors as e
from mktool.http.auth import HeaderKey
from mktool.http.echo import hidden
from mktool.spec import Endpoint, Signed, Spec
from mktool.store.ledger import Ledger

from .conftest import KEY, Answer, Connect, Vendor

ODD = "k+y/with=odd characters"


@pytest.mark.parametrize(
    ("signed", "said", "shown"),
    [
        (Signed({"Authorization": f"Bearer {KEY}"}), f"Bearer {KEY}!", "Bearer ***!"),
        (Signed({"X-Key": KEY}), f"no such key: {KEY[:12]}", "no such key: ***"),
        (Signed(query={"key": ODD}), f"?key={quote(ODD, safe='')}", "?key=***"),
        (Signed(body={"token": KEY, "client_id": "my-client-id"}), f"my-client-id {KEY}",
         "my-client-id ***"),
        (Signed(url=f"https://hooks.toy.example/s/{KEY}"), f"no https://hooks.toy.example/s/{KEY}",
         "no https://hooks.toy.example/s/***"),
        (Signed({"X-Key": KEY}), "the s3cr3t is wrong", "the s3cr3t is wrong"),
    ],
)  # fmt: skip
def test_what_was_signed_with_is_hidden(signed: Signed, said: str, shown: str) -> None:
    assert hidden(said, signed) == shown


def test_a_secret_within_another_form_is_hidden_when_it_is_named() -> None:
    pair = base64.b64encode(f"id:{KEY}".encode()).decode()
    signed = Signed({"Authorization": f"Basic {pair}"})
    assert hidden(f"{pair} is {KEY}", signed, KEY) == "*** is ***"


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_an_echo_reaches_neither_the_error_nor_the_ledger(
    connect: Connect, vendor: Vendor, ledger: Ledger, status: int
) -> None:
    spec = Spec(
        "toy", "Toy", "", "https://api.toy.example", (HeaderKey("key"),),
        error_code=("code",), error_text=("text",), request_id=("x-id",),
    )  # fmt: skip
    body: dict[str, Any] = {"code": KEY, "text": f"you\tsent {KEY[:9]}\x00{KEY[9:]}"}
    vendor.answers(Answer(status, json.dumps(body).encode(), {"X-Id": KEY}))
    client, _ = connect(spec, max_wait=0)
    with pytest.raises(e.ProviderError) as caught:
        client.call(Endpoint("make", "POST", "/x"))
    error = caught.value
    assert error.message == "you sent ***"
    assert (error.context.vendor_code, error.context.request_id) == ("***", "***")
    assert KEY not in f"{error!r} {error} {error.hint}"
    assert KEY not in "\n".join(ledger.db.iterdump())
