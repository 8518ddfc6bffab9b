"""The program against an X that nobody of ours wrote a client or a sandbox for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.conftest import picture
from tests.system.other_x import OtherX, other_x
from tests.system.program import Program
from tests.system.test_kill import KILLS, parts, thread_killed


@pytest.fixture
def x() -> Iterator[OtherX]:
    with other_x() as running:
        yield running


@pytest.fixture
def mktool(x: OtherX, tmp_path: Path) -> Program:
    environ = {"MKTOOL_X_BASE_URL": x.url, "MKTOOL_X_ACCESS_TOKEN": x.token}
    return Program(tmp_path / "home", environ)


@pytest.mark.parametrize("tail", ["", "/", "/2", "/2/"])
def test_a_post_and_the_proof_of_the_login(x: OtherX, mktool: Program, tail: str) -> None:
    mktool = mktool.having(MKTOOL_X_BASE_URL=x.url + tail)
    ended = mktool.run("test-integration", "x", "--json")
    assert ended.code == 0, ended
    assert "other" in ended.out
    ended = mktool.run("post", "x", "--text", "Salt & <pepper> https://a.example/?b=c", "--json")
    assert ended.code == 0, ended
    (tweet,) = x.tweets
    assert tweet.text == "Salt & <pepper> https://a.example/?b=c"
    assert ended.json["data"][0]["posts"][0]["id"] == tweet.id
    assert x.failures == []


def test_a_thread_with_a_picture_and_its_description(
    x: OtherX, mktool: Program, tmp_path: Path
) -> None:
    image = tmp_path / "cat=1.png"
    image.write_bytes(picture(200))
    texts = parts("a thread")
    ended = mktool.run(
        "post", "x", "--thread", "-", "--media", f"{image}=A cat", given="\n---\n".join(texts)
    )
    assert ended.code == 0, ended
    assert [tweet.text for tweet in x.tweets] == texts
    assert [tweet.parent for tweet in x.tweets] == ["", *(tweet.id for tweet in x.tweets[:-1])]
    (id,) = x.tweets[0].media
    assert b"".join(x.media[id].values()) == image.read_bytes()
    assert x.alt == {id: "A cat"}
    assert x.failures == []


def test_a_thread_survives_kills_at_any_instant(x: OtherX, mktool: Program) -> None:
    x.delay = 0.05
    chance, kills, number = random.Random(6), 0, 0
    while kills < KILLS // 4:
        number += 1
        texts = [f"{text} & <co> https://a.example/{number}" for text in parts(f"thread {number}")]
        args = ("post", "x", "--thread", "-", "--key", str(number))
        kills += thread_killed(mktool, args, texts, chance, longest=0.7)
        made = [tweet for tweet in x.tweets if tweet.text.endswith(f"/{number}")]
        assert [tweet.text for tweet in made] == texts
        assert [tweet.parent for tweet in made] == ["", *(tweet.id for tweet in made[:-1])]
    assert x.failures == []


def test_a_wrong_token_is_said_and_nothing_else_is_tried(x: OtherX, mktool: Program) -> None:
    ended = mktool.having(MKTOOL_X_ACCESS_TOKEN="another").run("post", "x", "--text", "Hello")
    assert ended.code == 11, ended
    assert "mktool authorize x" in ended.err
    assert len(x.failures) == 1
    assert not x.tweets
