"""Credentials from the environment."""

from __future__ import annotations

from mktool.model import Login, Secret
from mktool.spec import Field, Signed, Spec
from mktool.store.vault.environment import (
    environment_options,
    environment_secrets,
    environment_sources,
)


class Bearer:
    """A scheme that needs what a login yields."""

    needs = ("access_token", "client_id")

    def sign(self, login: Login) -> Signed:
        return Signed()


SPEC = Spec(
    name="example-vendor",
    title="Example",
    docs="https://docs.example",
    base_url="https://api.example",
    auth=(Bearer(),),
    fields=(
        Field("client_id", "the app", env=("EXAMPLE_ID",)),
        Field("api_key", "the key", secret=True, env=("EXAMPLE_KEY", "EXAMPLE_TOKEN")),
        Field("region", "where", default="eu"),
    ),
)


def test_ours_comes_before_the_vendors_and_those_in_order() -> None:
    environ = {"EXAMPLE_TOKEN": "third"}
    for name, value in [
        ("EXAMPLE_TOKEN", "third"),
        ("EXAMPLE_KEY", "second"),
        ("MKTOOL_EXAMPLE_VENDOR_API_KEY", "first"),
    ]:
        environ[name] = value
        assert environment_secrets(SPEC, environ) == {"api_key": Secret(value)}
        assert environment_sources(SPEC, environ) == {"api_key": name}


def test_options_and_secrets_are_kept_apart() -> None:
    environ = {"EXAMPLE_ID": "app", "EXAMPLE_KEY": "key", "MKTOOL_EXAMPLE_VENDOR_REGION": "us"}
    assert environment_options(SPEC, environ) == {"client_id": "app", "region": "us"}
    assert environment_secrets(SPEC, environ) == {"api_key": Secret("key")}


def test_a_ready_token_is_taken_though_nobody_types_it_in() -> None:
    environ = {"MKTOOL_EXAMPLE_VENDOR_ACCESS_TOKEN": "ready"}
    assert environment_secrets(SPEC, environ) == {"access_token": Secret("ready")}


def test_empty_is_absent_and_line_ends_are_dropped() -> None:
    environ = {
        "MKTOOL_EXAMPLE_VENDOR_API_KEY": " \n",
        "EXAMPLE_KEY": "key\n",
        "EXAMPLE_ID": "",
    }
    assert environment_secrets(SPEC, environ) == {"api_key": Secret("key")}
    assert environment_options(SPEC, environ) == {}


def test_nothing_given_is_nothing_found() -> None:
    assert environment_secrets(SPEC, {}) == {}
    assert environment_options(SPEC, {}) == {}
    assert environment_sources(SPEC, {}) == {}
