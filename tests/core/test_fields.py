"""What a person is asked for, by what was given already."""

from __future__ import annotations

import pytest

from mktool import providers
from mktool.core.fields import Flow, asked_for, default_flow, given_login, meant


@pytest.mark.parametrize(
    ("name", "given", "flow", "asked", "then"),
    [
        ("hubspot", {}, None, ("token",), "key"),
        ("hubspot", {"client_id": "1"}, None, ("client_id", "client_secret"), "browser"),
        ("salesforce", {}, None, ("client_id",), "browser"),
        ("salesforce", {"client_id": "1"}, None, ("client_id",), "browser"),
        ("salesforce", {"client_id": "1", "username": "a@b.c"}, None,
         ("client_id", "username", "private_key"), "service-account"),
        ("salesforce", {}, "client-credentials", ("client_id", "client_secret"), None),
        ("zoho", {"client_id": "1"}, "paste", ("client_id", "client_secret"), None),
        ("smtp", {"host": "mail.example.com"}, None, ("host", "username", "password"), "key"),
        ("twilio", {"account_sid": f"AC{'0' * 32}"}, None, ("account_sid", "auth_token"), "key"),
    ],
)  # fmt: skip
def test_a_person_is_asked_for_what_the_rest_points_at(
    name: str, given: dict[str, str], flow: Flow | None, asked: tuple[str, ...], then: Flow | None
) -> None:
    spec = providers.load(name).spec
    assert asked_for(meant(spec, given, flow)) == asked
    typed = {"token": "pat-1", "private_key": "-----BEGIN", "username": "a@b.c"}
    if then is not None:
        whole = {field: given.get(field) or typed.get(field, "1" * 32) for field in asked}
        assert default_flow(spec, given_login(spec, whole)) == then
