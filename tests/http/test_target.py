"""Where tokens may travel."""

from __future__ import annotations

import pytest

from mktool.errors import ConfigError
from mktool.http.target import Target, checked, is_loopback, origin

HOME = "https://api.vendor.example"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://proxy.example", "https://proxy.example"),
        ("https://proxy.example/2/", "https://proxy.example/2"),
        (" https://proxy.example\n", "https://proxy.example"),
        ("HTTPS://proxy.example:8443", "HTTPS://proxy.example:8443"),
        ("https://bücher.example", "https://bücher.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_what_may_be_used(given: str, used: str) -> None:
    assert checked(given, "base_url") == used


@pytest.mark.parametrize(
    "given",
    [
        "http://proxy.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
        "http://0.0.0.0:80",
        "https://user:pw@proxy.example",
        "https://proxy.example/?key=1",
        "https://proxy.example/?",
        "https://proxy.example/#top",
        "https://evil.example\\@proxy.example",
        "https://evil.example\\proxy",
        "https://exa mple.com",
        "https://",
        "https://[::1",
        "https://proxy.example:99999",
        "ftp://proxy.example",
        "proxy.example",
        "file:///etc/passwd",
        "",
    ],
)
def test_what_may_not(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^base_url: ") as caught:
        checked(given, "base_url")
    assert "https://" in caught.value.hint


def test_only_this_machine_is_loopback() -> None:
    assert is_loopback("http://LOCALHOST:1/x")
    assert not is_loopback("https://vendor.example/127.0.0.1")


def test_one_origin_has_one_name() -> None:
    assert origin("HTTPS://API.Vendor.Example:443/2") == HOME
    assert origin("http://127.0.0.1:8080/x") == "http://127.0.0.1:8080"
    assert origin("https://api.vendor.example:4430") != HOME


def test_the_vendor_itself() -> None:
    target = Target(HOME)
    assert target.url("/2/tweets") == f"{HOME}/2/tweets"
    assert target.move("https://login.vendor.example/token?a=b") == (
        "https://login.vendor.example/token?a=b"
    )
    assert target.origin == HOME


def test_another_base_url_takes_every_address() -> None:
    target = Target(HOME, override="https://proxy.example/2")
    assert target.url("/2/tweets") == "https://proxy.example/2/tweets"
    assert target.url("/22/tweets") == "https://proxy.example/2/22/tweets"
    assert target.move("https://login.vendor.example/token") == "https://proxy.example/token"
    assert target.origin == "https://proxy.example"


def test_the_sandbox_keeps_the_hosts_apart() -> None:
    target = Target(HOME, sandbox="http://127.0.0.1:9")
    assert target.url("/2/tweets") == "http://127.0.0.1:9/api.vendor.example/2/tweets"
    assert target.move("https://login.vendor.example/t?a=b") == (
        "http://127.0.0.1:9/login.vendor.example/t?a=b"
    )
    assert target.move("http://127.0.0.1:9/upload") == "http://127.0.0.1:9/upload"
    assert target.origin == "http://127.0.0.1:9"
    both = Target(HOME, "https://proxy.example", "http://127.0.0.1:9")
    assert both.origin == "https://proxy.example"


def test_a_setting_may_be_part_of_the_address() -> None:
    target = Target("https://{host}")
    assert target.url("/v3", {"host": "eu.vendor.example"}) == "https://eu.vendor.example/v3"
    assert (
        Target("https://{host}", "https://proxy.example").url("/v3") == "https://proxy.example/v3"
    )
    with pytest.raises(ConfigError, match="'host' is missing"):
        target.url("/v3", {"other": "x"})


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:25", "smtp://mail.example:587", "smtps://[::1]"])
def test_addresses_of_mail_servers(url: str) -> None:
    assert checked(f"{url}/", "base_url", mail=True) == url
    with pytest.raises(ConfigError, match="not a URL"):
        checked(url, "base_url")


@pytest.mark.parametrize("url", ["https://mail.example", "smtp://", "smtp://a:x", "smtp://a/b"])
def test_no_addresses_of_mail_servers(url: str) -> None:
    with pytest.raises(ConfigError, match="not a URL"):
        checked(url, "base_url", mail=True)


def test_mail_goes_to_the_port_after_that_of_the_sandbox() -> None:
    target = Target("smtp://{host}:{port}", sandbox="http://127.0.0.1:8000")
    for host in ("mail.example", "127.0.0.1"):
        found = target.at({"host": host, "port": "25"})
        assert (found.url(""), found.origin) == ("smtp://127.0.0.1:8001", "http://127.0.0.1:8000")
