"""Lists in pages: what is asked, and what an endless or odd list ends in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mktool import errors as e
from mktool.http.pages import by_last_id, by_link, by_offset, by_token
from mktool.spec import Endpoint
from tests.contract import Wire
from tests.http.test_upload import opened

LIST = Endpoint("list", "GET", "/{}/items")


def page(number: int, next: str = "", **query: str) -> Wire:
    return Wire("GET", "/a/items", query=query, reply={"n": number, "meta": {"next": next}})


def test_pages_follow_the_token_and_keep_the_query(tmp_path: Path) -> None:
    script = (page(1, "t1", size="2"), page(2, "t2", size="2", at="t1"), page(3, size="2", at="t2"))
    client, vendor, _ = opened(tmp_path, *script)
    found = by_token(client, LIST, "a", query={"size": "2"}, found="meta.next", param="at", most=3)
    assert [reply.get("n") for reply in found] == [1, 2, 3]
    assert vendor.script == []


def test_a_list_that_goes_on_is_not_taken_for_whole(tmp_path: Path) -> None:
    client, _, _ = opened(tmp_path, page(1, "t1"), page(2, "t2"))
    found = by_token(client, LIST, "a", query={}, found="meta.next", param="at", most=2)
    assert [next(found).get("n"), next(found).get("n")] == [1, 2]
    with pytest.raises(e.Unsupported):
        next(found)


def items(*ids: str, more: bool = False, **query: str) -> Wire:
    reply = {"data": [{"id": id} for id in ids], "has_more": more}
    return Wire("GET", "/a/items", query=query, reply=reply)


def test_items_follow_the_last_id(tmp_path: Path) -> None:
    script = (items("1", "2", more=True, limit="2"), items("3", limit="2", after="2"))
    client, vendor, _ = opened(tmp_path, *script)
    assert [item.need("id") for item in by_last_id(client, LIST, "a", size=2)] == ["1", "2", "3"]
    assert vendor.script == []


def test_an_empty_page_ends_a_list_that_claims_more(tmp_path: Path) -> None:
    client, _, _ = opened(tmp_path, items(more=True))
    assert list(by_last_id(client, LIST, "a")) == []


def test_items_are_counted_until_a_page_is_short(tmp_path: Path) -> None:
    script = (
        items("1", "2", limit="2", offset="0", since="9"),
        items("3", "4", limit="2", offset="2", since="9"),
        items(limit="2", offset="4", since="9"),
    )
    client, vendor, _ = opened(tmp_path, *script)
    found = by_offset(client, LIST, "a", query={"since": "9"}, size=2, rows="data")
    assert [item.need("id") for item in found] == ["1", "2", "3", "4"]
    assert vendor.script == []


def test_silence_is_not_an_empty_list(tmp_path: Path) -> None:
    client, _, _ = opened(tmp_path, Wire("GET", "/a/items", query={"count": "2"}))
    with pytest.raises(e.UnexpectedReply, match="data"):
        list(by_offset(client, LIST, "a", query={}, size=2, rows="data", count="count"))


def test_an_address_leads_to_the_next_page_and_nowhere_else(tmp_path: Path) -> None:
    script = (
        Wire(
            "GET", "/a/items", query={"to": "x"}, reply={"next": "https://evil.example/b?at=t%201"}
        ),
        Wire("GET", "/a/items", query={"at": "t 1"}, reply={"next": "/a/items?at=t2"}),
        Wire("GET", "/a/items", query={"at": "t2"}, reply={"next": None}),
    )
    client, vendor, _ = opened(tmp_path, *script)
    assert len(list(by_link(client, LIST, "a", query={"to": "x"}, found="next"))) == 3
    assert len({request.url for request in vendor.requests}) == 1
