"""What is sent, and what of it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mktool.errors import InvalidInput
from mktool.http.auth import Basic, HeaderKey, QueryKey, UrlKey
from mktool.http.request import Request, Slice, build
from mktool.http.target import Target
from mktool.model import Login, Secret
from mktool.spec import Endpoint, Scheme, Signed, Spec

from .conftest import KEY

LOGIN = Login({"user": "ada"}, {"key": Secret(KEY)})
SPEC = Spec("toy", "Toy", "https://docs.example", "https://api.toy.example", ())


def request(
    *path: str, scheme: Scheme | None = None, spec: Spec = SPEC, to: str = "/items/{}",
    key_header: str = "", **parts: Any,
) -> Request:  # fmt: skip
    endpoint = Endpoint("make", "POST", to, key_header=key_header)
    signed = scheme.sign(LOGIN) if scheme else Signed()
    options: Mapping[str, str] = {"version": "202511"}
    return build(spec, Target(spec.base_url), options, signed, endpoint, path, **parts)


def test_a_path_argument_stays_one_segment() -> None:
    made = request("urn:li:share:1/2?x=1#y é")
    assert made.full_url == (
        "https://api.toy.example/items/urn%3Ali%3Ashare%3A1%2F2%3Fx%3D1%23y%20%C3%A9"
    )


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_cannot_lead_to_another_endpoint(id: str) -> None:
    with pytest.raises(InvalidInput, match="is not an id"):
        request(id)


def test_broken_unicode_in_an_argument_is_no_traceback() -> None:
    assert request("\udcff", query={"q": "\udcff"}).full_url.endswith("/items/%3F?q=%3F")


def test_bodies() -> None:
    made = request("1", json={"text": "é\u2028"})
    assert made.content() == '{"text":"é\u2028"}'.encode()
    assert made.all_headers()["Content-Type"] == "application/json; charset=utf-8"
    form = request("1", form={"a": "b c&d"})
    assert form.content() == b"a=b+c%26d"
    assert form.all_headers()["Content-Type"] == "application/x-www-form-urlencoded"
    assert request("1").content() is None
    assert "Content-Type" not in request("1").all_headers()


def test_headers_of_the_spec_are_filled_and_can_be_overridden() -> None:
    spec = Spec("toy", "Toy", "", "https://api.toy.example", (), headers={"Version": "{version}"})
    assert request("1", spec=spec).all_headers() == {"Version": "202511"}
    assert request("1", spec=spec, headers={"Version": "1"}).all_headers() == {"Version": "1"}


def test_a_credential_may_tell_a_setting_of_the_base_url() -> None:
    home = "https://{dc}.acme.example/3"
    spec, target = Spec("acme", "Acme", "https://docs", home, auth=()), Target(home)
    signed = Signed(options={"dc": "us1"})
    made = build(spec, target, {"dc": "us2"}, signed, Endpoint("get", "GET", "/x"), ())
    assert made.url == "https://us1.acme.example/3/x"


def test_an_idempotency_key_goes_where_the_vendor_takes_it() -> None:
    assert request("1", key="k-1", key_header="Idempotency-Key").all_headers() == {
        "Idempotency-Key": "k-1"
    }
    assert request("1", key="k-1").all_headers() == {}


SCHEMES: list[Scheme] = [
    HeaderKey("key"),
    HeaderKey("key", "X-Api-Key", "{}"),
    HeaderKey("key", "X-Api-Key", "{} of ours"),
    QueryKey("key", "api_key"),
    Basic("user", "key"),
    UrlKey("key", "https://hooks.toy.example/…"),
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_a_secret_is_sent_and_never_shown(scheme: Scheme) -> None:
    webhook = Login({}, {"key": Secret(f"https://hooks.toy.example/{KEY}")})
    login = webhook if isinstance(scheme, UrlKey) else LOGIN
    endpoint = Endpoint("make", "POST", "/items")
    made = build(SPEC, Target(SPEC.base_url), {}, scheme.sign(login), endpoint, (), json={"a": 1})
    sent = made.full_url + json.dumps(made.all_headers())
    assert KEY in sent or "Basic YWRhOn" in sent
    shown = json.dumps(made.shown(), ensure_ascii=False)
    assert KEY not in shown + repr(made)
    assert "YWRhOn" not in shown + repr(made)
    assert "***" in shown or "…" in shown


def test_a_signed_body_is_sent_and_never_shown() -> None:
    for name, parts in (("json", {"json": {"a": "1"}}), ("form", {"form": {"a": "1"}})):
        endpoint = Endpoint("make", "POST", "/items")
        signed = Signed(body={"token": KEY})
        made = build(SPEC, Target(SPEC.base_url), {}, signed, endpoint, (), **parts)  # type: ignore[arg-type]
        assert KEY.encode() in (made.content() or b"")
        assert made.shown()[name] == {"a": "1", "token": "***"}
        assert KEY not in repr(made)


def test_an_address_of_the_vendor_carries_no_credential_and_is_not_shown() -> None:
    made = request(
        to="/ignored", scheme=HeaderKey("key"), url="https://up.toy.example/a?sig=abc",
        spec=Spec("toy", "Toy", "", "https://api.toy.example", (), headers={"Version": "1"}),
    )  # fmt: skip
    assert made.full_url == "https://up.toy.example/a?sig=abc"
    assert made.all_headers() == {}
    assert made.shown()["url"] == "https://up.toy.example/…"


def test_a_slice_is_read_when_it_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "cat.bin"
    file.write_bytes(bytes(range(256)) * 2048)
    part = Slice(file, 300_000, 100_000)
    assert part.read() == (bytes(range(256)) * 2048)[300_000:400_000]
    assert str(part) == "<100,000 bytes of cat.bin>"
    file.write_bytes(b"short")
    with pytest.raises(InvalidInput, match="became shorter"):
        part.read()
    file.unlink()
    with pytest.raises(InvalidInput, match="No such file"):
        part.read()
