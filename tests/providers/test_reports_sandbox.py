"""Reports at the sandboxes of chats and notes, which are written from the documents alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from mktool import errors as e
from mktool.model import Post, Posted
from mktool.providers.notion import Notion
from mktool.providers.slack import Slack
from mktool.providers.teams import Teams
from mktool.report import Action, Block, Export, Person, Piece, Report, Span
from mktool.text import meeting
from tests import reports
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

from mktool.sandbox.vendors.notion.pages import DATABASE, HOME, SOURCE
from mktool.sandbox.vendors.teams.desk import Teams as Workflows

USUAL = replace(reports.EXPORTS["usual"], markdown="# Kick-off\n")
RICH = Export(
    Report("Rich", link="https://a.example/x", transcript_link="https://a.example/t"),
    (
        Block("heading", (Span("One"),), level=1),
        Block("text", (Span("a\nb", bold=True), Span("c", code=True, link="https://a.example"))),
        Block("bullet", (Span("one"),)),
        Block("bullet", (Span("two", strike=True),), level=1),
        Block("number", (Span("three", italic=True),), level=2),
        Block("quote", (Span("q"),)),
        Block("code", (Span("x\ny"),)),
        Block("divider"),
        Block("todo", (Span("do "), Span("Ada", email="ada@example.com")), done=True),
    ),
    (reports.text("Ada: hi"),),
)
SMALL_HUGE = replace(reports.EXPORTS["huge"], transcript=(), markdown="x" * 1_000_000)
ODD_PERSON = Export(
    Report(reports.ODD, actions=(Action("a"),), participants=(Person(reports.ODD),)),
    (Block("todo", (Span(reports.ODD, email="missing@example.com"),)),),
)
ALL = {"usual": USUAL, "rich": RICH, "huge": SMALL_HUGE, "odd": ODD_PERSON}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, slack=100_000, notion=100_000) as desk:
        yield desk


def opened(desk: Desk, cls: type[Any], secret: tuple[str, str], **options: str) -> Any:
    provider = desk.open(cls, dict([secret]), **options)
    provider.client.exchange.limits = ()
    return provider


@pytest.fixture
def notion(desk: Desk) -> Any:
    return opened(desk, Notion, ("token", "ntn_sandbox"), parent=HOME)


@pytest.fixture
def slack(desk: Desk) -> Any:
    slack = opened(desk, Slack, ("bot_token", "xoxb-sandbox-run"), channel="#launch")
    slack.client.exchange.sleep = time.sleep  # a channel takes one message a second
    return slack


@pytest.fixture
def teams(desk: Desk) -> Any:
    url = Workflows.environment["MKTOOL_TEAMS_WEBHOOK_URL"]
    return opened(desk, Teams, ("webhook_url", url))


def whole(provider: Any, export: Export) -> tuple[list[Piece], list[Posted]]:
    pieces = [replace(p, token=f"t-{n}") for n, p in enumerate(provider.pieces(export))]
    done: list[Posted] = []
    for piece in pieces:
        done.append(provider.write(piece, done))
    return pieces, done


def inbox(desk: Desk) -> Sequence[Any]:
    items: Sequence[Any] = httpx.get(f"{desk.sandbox.url}/_inbox", trust_env=False).json()
    return items


def test_what_every_document_begins_with_is_shown_once(notion: Any, slack: Any, teams: Any) -> None:
    whole = replace(USUAL, body=(*meeting.facts(USUAL.report), *USUAL.body))
    assert len(whole.body) > len(USUAL.body)
    for provider in (notion, slack, teams):
        assert provider.pieces(whole) == provider.pieces(USUAL)


# -- Notion --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("parent", [HOME, DATABASE, SOURCE])
def test_notion_takes_it_and_each_piece_is_found(notion: Any, name: str, parent: str) -> None:
    began = time.time()
    export = replace(ALL[name], extra={"parent": parent})
    assert notion.locate(notion.pieces(export)[0], [], began, frozenset()) is None
    pieces, done = whole(notion, export)
    for number, piece in enumerate(pieces):
        assert notion.locate(piece, done[:number], began, frozenset()) == done[number]


def test_notion_tells_that_a_piece_was_not_written(notion: Any) -> None:
    export = Export(Report("Long"), tuple(reports.text(f"{n}") for n in range(250)))
    first, second, third = notion.pieces(export)
    done = [notion.write(first, [])]
    assert notion.locate(second, done, 0.0, frozenset()) is None
    done.append(notion.write(second, done))
    assert notion.locate(third, done, 0.0, frozenset()) is None
    assert notion.locate(second, done[:1], 0.0, frozenset()) == done[1]


@pytest.mark.parametrize("version", ["2025-09-03", "2026-03-11"])
def test_notion_in_both_versions(desk: Desk, version: str) -> None:
    notion = opened(desk, Notion, ("token", "ntn_sandbox"), parent=DATABASE, api_version=version)
    assert notion.check().details == {"workspace": "Sandbox"}
    whole(notion, USUAL)
    assert [one.name for one in notion.find("database", "")]


def test_notion_finds(notion: Any) -> None:
    assert [one.id for one in notion.find("page", HOME)] == [HOME]
    assert SOURCE in [one.id for one in notion.find("database", DATABASE)]
    assert list(notion.find("user", "@"))
    with pytest.raises(e.NotFound):
        whole(notion, replace(USUAL, extra={"parent": "0" * 32}))


# -- Slack ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["usual", "rich", "odd"])
def test_slack_takes_it_and_each_piece_is_found(slack: Any, name: str) -> None:
    began = time.time()
    export = replace(ALL[name], markdown="# x\n")
    pieces, done = whole(slack, export)
    assert [piece.kind for piece in pieces] == ["message", "file"]
    for number, piece in enumerate(pieces):
        found = slack.locate(piece, done[:number], began, frozenset())
        assert found.id == done[number].id
    again = [replace(piece, token="else") for piece in pieces]
    assert slack.locate(again[0], [], began, frozenset()) is None
    assert slack.locate(pieces[1], done[:1], began, frozenset({done[1].id})) is None


def test_slack_takes_a_long_one(slack: Any) -> None:
    body = tuple(reports.text("word & <!channel> " * 150) for _ in range(8))
    pieces, done = whole(slack, Export(Report("T"), body))
    assert len(pieces) > 1
    assert {one.ref["thread"] for one in done} == {done[0].id}


def test_slack_finds(slack: Any) -> None:
    assert [one.name for one in slack.find("channel", "launch")] == ["#launch"]
    (ada,) = slack.find("user", "ada@example.com")
    assert ada.id in [one.id for one in slack.find("user", ada.name)]


# -- Teams ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_teams_posts_every_card(desk: Desk, teams: Any, name: str) -> None:
    pieces, done = whole(teams, ALL[name])
    items = [item for item in inbox(desk) if item["vendor"] == "teams"]
    assert [item["kind"] for item in items] == ["card"] * len(pieces)
    assert len({one.id for one in done}) == len(pieces)


def test_teams_posts(desk: Desk, teams: Any) -> None:
    teams.post(Post("**hi**\n\n- a\n- b", link="https://a.example"))
    assert [item["kind"] for item in inbox(desk)] == ["card"]
