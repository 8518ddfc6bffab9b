"""LinkedIn's provider against the sandbox, which is written from the documents alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.client import Client
from mktool.http.exchange import Exchange, Scope
from mktool.http.target import Target
from mktool.http.wire import Wire
from mktool.model import Login, Media, Post, Posted, Secret
from mktool.providers.linkedin import LinkedIn
from mktool.store.ledger import Ledger
from tests.contract import FixedCredential

pytest.importorskip("uvicorn", reason="needs mktool[server]")

from mktool.sandbox.server import Sandbox

PAGE = {"author": "1001", "account_id": "1001"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc0000003010100"
    "18dd8db00000000049454e44ae426082"
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(approve=True) as running:
        yield running


class Desk:
    """Opens providers on one ledger, with whatever options and token."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox, self.ledger = sandbox, Ledger(home / "ledger.db")
        self.exchanges: list[Exchange] = []

    def open(self, token: str = "sandbox-1", **options: str) -> LinkedIn:
        defaults = {f.name: f.default for f in LinkedIn.spec.fields if f.default}
        login = Login({**defaults, **options}, {"access_token": Secret(token)})
        exchange = Exchange(
            LinkedIn.spec, "default", lambda: Wire(loopback=True), self.ledger,
            sleep=lambda seconds: None,
        )  # fmt: skip
        exchange.scope = Scope(1, 1)
        self.exchanges.append(exchange)
        target = Target(LinkedIn.spec.base_url, sandbox=self.sandbox.url)
        return LinkedIn(Client(exchange, target, FixedCredential(login), login.options))

    def inbox(self) -> list[Any]:
        return list(self.sandbox.world.inbox.items)


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(sandbox, tmp_path)
    yield made
    for exchange in made.exchanges:
        exchange.close()
    made.ledger.close()


def test_check(desk: Desk) -> None:
    me = desk.open().check()
    assert me.name == "Sam Sandbox"
    assert me.id == "sandbox01"
    assert desk.open(**PAGE).check().name == "Sandbox Inc."


def test_text_arrives_whole(desk: Desk) -> None:
    text = "Version 2 (beta) of mk_tool is out: a <b> & *c* ~d~ [e] {f} \\g #launch"
    desk.open().post(Post(text))
    (item,) = desk.inbox()
    assert item.text == text
    assert not item.extra


def test_a_thread_is_a_post_with_own_comments(desk: Desk) -> None:
    linkedin = desk.open()
    root = linkedin.post(Post("one (of two)"))
    last = linkedin.reply(Post("two (of two)", root=root, reply_to=root))
    assert [i.text for i in desk.inbox()] == ["one (of two)", "two (of two)"]
    assert [i.id for i in desk.inbox()] == [root.id, last.id]


def test_images_with_descriptions(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    files = tuple(Media(path, "image", "image/png", len(PNG), alt) for alt in ("one", "two", ""))
    linkedin = desk.open()
    linkedin.post(Post("a picture", media=files[:1]))
    many = linkedin.post(Post("pictures", media=files))
    assert [[m.alt for m in i.media] for i in desk.inbox()] == [["one"], ["one", "two", ""]]
    assert len(list(linkedin.measure(many.id))) == 5  # a ugcPost


def test_a_link_becomes_a_card(desk: Desk) -> None:
    desk.open().post(Post("new", link="https://acme.example/launch"))
    (item,) = desk.inbox()
    assert item.link == "https://acme.example/launch"


@pytest.mark.parametrize("options", [{}, PAGE])
def test_numbers(desk: Desk, options: dict[str, str]) -> None:
    linkedin = desk.open(**options)
    posted = linkedin.post(Post("hi"))
    numbers = {m.name: m.value for m in linkedin.measure(posted.id)}
    assert numbers.get("IMPRESSION".lower(), numbers.get("impressionCount", 0)) > 0
    assert len(numbers) >= 5


def test_a_lost_page_post_is_found(desk: Desk) -> None:
    linkedin, since = desk.open(**PAGE), time.time()
    assert linkedin.settle(Post("so (much) #news"), since, frozenset()) is None
    posted = linkedin.post(Post("so (much) #news"))
    assert linkedin.settle(Post("so (much) #news"), since, frozenset()) == posted
    assert linkedin.settle(Post("so (much) #news"), since, frozenset({posted.id})) is None


def test_a_lost_comment_is_found(desk: Desk) -> None:
    linkedin, since = desk.open(**PAGE), time.time()
    root = linkedin.post(Post("one"))
    lost = Post("two", root=root, reply_to=root)
    assert linkedin.settle(lost, since, frozenset({root.id})) is None
    last = linkedin.reply(lost)
    assert linkedin.settle(lost, since, frozenset({root.id})) == last


def test_the_same_again_is_a_duplicate(desk: Desk) -> None:
    linkedin = desk.open()
    posted = linkedin.post(Post("hi"))
    with pytest.raises(e.Duplicate, match=posted.id):
        linkedin.post(Post("hi"))


def test_a_retired_version(desk: Desk) -> None:
    with pytest.raises(e.Rejected, match="no longer serves") as caught:
        desk.open(api_version="202401").post(Post("hi"))
    assert "api_version" in caught.value.hint


def test_a_real_token_is_refused(desk: Desk) -> None:
    with pytest.raises(e.Unauthorized):
        desk.open("AQXreal").check()


def test_a_post_to_nowhere(desk: Desk) -> None:
    with pytest.raises(e.NotFound):
        desk.open().reply(Post("hi", root=Posted("urn:li:share:1")))


def test_threads_of_a_self_serve_app(desk: Desk) -> None:
    """Without Community Management, comments go through the unversioned door only."""
    token = "sandbox-openid,profile,w_member_social"
    root = desk.open(token).post(Post("one"))
    with pytest.raises(e.Forbidden) as caught:
        desk.open(token).reply(Post("two", root=root))
    assert 'comments_api = "v2"' in caught.value.hint
    desk.open(token, comments_api="v2").reply(Post("two", root=root))
    assert [i.text for i in desk.inbox()] == ["one", "two"]


def test_threads_of_a_page_need_scopes_of_their_own(desk: Desk) -> None:
    """As listed in …/linkedin/marketing/community-management/shares/comments-api (2026-08)."""
    token = "sandbox-w_organization_social,r_organization_social,rw_organization_admin"
    root = desk.open(token, **PAGE).post(Post("one"))
    with pytest.raises(e.Forbidden) as caught:
        desk.open(token, **PAGE).reply(Post("two", root=root))
    assert "w_organization_social_feed" in caught.value.hint
    token += ",w_organization_social_feed,r_organization_social_feed"
    page = desk.open(token, **PAGE)
    made = page.reply(Post("two", root=root))
    assert page.settle(Post("two", root=root), time.time() - 5, frozenset()) == made
