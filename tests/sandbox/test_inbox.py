"""The inbox: JSON for tests, a page for people, and nothing secret in either."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest

from mktool.errors import InvalidInput
from mktool.sandbox import app
from mktool.sandbox.server import Sandbox

from .conftest import picture

TOKEN = "sandbox-topsecret"


def publish(http: httpx.Client, sandbox: Sandbox, text: str, **body: Any) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    url = f"{sandbox.url}/api.x.com/2/tweets"
    found: dict[str, Any] = http.post(url, json={"text": text, **body}, headers=headers).json()
    return found


def upload(http: httpx.Client, sandbox: Sandbox) -> str:
    url = f"{sandbox.url}/api.x.com/2/media/upload"
    headers = {"authorization": f"Bearer {TOKEN}"}
    form = {"media_category": "tweet_image"}
    reply = http.post(url, data=form, files={"media": picture()}, headers=headers)
    return str(reply.json()["data"]["id"])


def test_an_item_tells_all_that_was_published(sandbox: Sandbox, http: httpx.Client) -> None:
    media = {"media_ids": [upload(http, sandbox)]}
    id = publish(http, sandbox, "hi https://acme.example", media=media)["data"]["id"]
    (item,) = http.get(f"{sandbox.url}/_inbox").json()
    digest = sha256(picture()).hexdigest()
    assert item["text"] == "hi https://acme.example"
    assert (item["vendor"], item["kind"], item["account"]) == ("x", "post", "@sandbox")
    assert (item["id"], item["url"]) == (id, f"https://x.com/sandbox/status/{id}")
    assert item["media"][0]["sha256"] == digest
    shown = http.get(f"{sandbox.url}/_media/{digest}")
    assert (shown.content, shown.headers["content-type"]) == (picture(), "image/png")
    assert shown.headers["content-security-policy"] == "sandbox"


def test_clearing_the_inbox(sandbox: Sandbox, http: httpx.Client) -> None:
    publish(http, sandbox, "hi")
    assert http.delete(f"{sandbox.url}/_inbox").status_code == 204
    assert http.get(f"{sandbox.url}/_inbox").json() == []


def test_the_page_shows_text_as_text_and_loads_nothing_from_elsewhere(
    sandbox: Sandbox, http: httpx.Client
) -> None:
    publish(http, sandbox, '<script>alert(1)</script> "https://acme.example/?a=1&b=2"')
    reply = http.get(sandbox.url)
    assert "<script>alert" not in reply.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in reply.text
    assert 'href="https://acme.example/?a=1&amp;b=2"' in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert not re.search(r'(?:src|@import|url\()\s*=?\s*["\']?https?:', reply.text)


def test_threads_are_grouped(sandbox: Sandbox, http: httpx.Client) -> None:
    root = publish(http, sandbox, "root")["data"]["id"]
    publish(http, sandbox, "other")
    publish(http, sandbox, "answer", reply={"in_reply_to_tweet_id": root})
    shown = http.get(sandbox.url).text.split('<article class="thread">')[1:]
    order = [[word for word in ("root", "answer", "other") if f">{word}<" in t] for t in shown]
    assert order == [["root", "answer"], ["other"]]


def test_a_mail_is_a_card_and_its_html_is_framed(sandbox: Sandbox, http: httpx.Client) -> None:
    body = {"from": "Acme <news@acme.example>", "to": "ann@b.example", "subject": "Hi <b>",
            "html": "<p>Hi</p><script>alert(1)</script>", "text": "word " * 100}  # fmt: skip
    headers = {"authorization": "Bearer re_sandbox"}
    http.post(f"{sandbox.url}/api.resend.com/emails", json=body, headers=headers)
    (item,) = http.get(f"{sandbox.url}/_inbox").json()
    assert {name: item[name] for name in body} == body
    page = http.get(sandbox.url).text
    assert '<p class="subject">Hi &lt;b&gt;</p>' in page
    assert "word …</p>" in page
    assert f'<iframe sandbox="allow-popups" loading="lazy" src="/_mail/{item["number"]}">' in page
    assert "alert" not in page
    framed = http.get(f"{sandbox.url}/_mail/{item['number']}")
    assert body["html"] in framed.text
    policy = framed.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups; default-src 'none'")
    assert "script" not in policy
    assert http.get(f"{sandbox.url}/_mail/99").status_code == 404


def test_the_page_shows_the_newest_and_counts_the_rest(
    sandbox: Sandbox, http: httpx.Client
) -> None:
    mail = {"from": "a@b.example", "to": "c@d.example", "subject": "s", "text": "t"}
    headers = {"authorization": "Bearer re_sandbox"}
    url = f"{sandbox.url}/api.resend.com/emails/batch"
    for batch in range(2):
        mails = [{**mail, "subject": f"no. {batch * 100 + n}"} for n in range(100)]
        http.post(url, json=mails, headers=headers)
    text = http.get(sandbox.url).text
    assert "<b>200</b> Resend" in text
    assert "and 100 earlier" in text
    shown = re.findall(r">no\. (\d+)<", text)
    assert list(map(int, shown)) == list(range(199, 99, -1))
    http.delete(f"{sandbox.url}/_inbox")
    assert "<b>200</b>" not in http.get(sandbox.url).text


def test_nothing_secret_is_shown(sandbox: Sandbox, http: httpx.Client) -> None:
    publish(http, sandbox, "hi")
    hook = f"{sandbox.url}/hooks.slack.com/services/T1/B1/"
    http.post(f"{hook}sandbox-concealed", json={"text": "hi"})
    http.post(f"{hook}sandbox-concealed/more", json={"text": "hi"})
    http.get(f"{sandbox.url}/slack.com/api/auth.test?token=xoxb-in-the-query")
    http.post(f"{sandbox.url}/api.x.com/2/oauth2/token", data={"refresh_token": "r-concealed"})
    for path in ("/", "/_inbox", "/_calls"):
        text = http.get(sandbox.url + path).text
        assert not re.search("topsecret|concealed|in-the-query", text), path


def test_unknown_addresses(sandbox: Sandbox, http: httpx.Client) -> None:
    for path, status in (
        ("/api.x.com/2/nothing", 404),
        ("/slack.com/api/chat.nothing", 200),
        ("/api.linkedin.com/rest/nothing", 404),
        ("/api.linkedin.com/v2/userinfo", 405),
        ("/api.acme.example/", 404),
    ):
        assert http.post(sandbox.url + path).status_code == status, path


def test_a_request_that_is_too_large(
    sandbox: Sandbox, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "LARGEST", 1000)
    reply = http.post(f"{sandbox.url}/api.x.com/2/tweets", content=bytes(1001))
    assert reply.status_code == 413


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_multipart_form(sandbox: Sandbox, http: httpx.Client, kind: str) -> None:
    url = f"{sandbox.url}/api.x.com/2/media/upload"
    reply = http.post(url, content=b"nonsense", headers={"content-type": kind})
    assert reply.status_code in (400, 401)


def test_another_host_name_reads_nothing(sandbox: Sandbox, http: httpx.Client) -> None:
    reply = http.get(f"{sandbox.url}/_inbox", headers={"host": "evil.example"})
    assert reply.status_code == 400


def test_a_port_that_is_taken(serve: Callable[..., Sandbox], sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    for taken in (port, 70_000, -1):
        with pytest.raises(InvalidInput):
            serve(port=taken)
