"""Uploads in pieces and the wait for processing, against a scripted vendor with a toy spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.auth import HeaderKey
from mktool.http.client import Client, DryRun
from mktool.http.exchange import Exchange
from mktool.http.reply import Cut
from mktool.http.target import Target
from mktool.http.upload import PATIENCE, Pieces, slices
from mktool.model import Login, Media, Secret
from mktool.spec import Endpoint, Field, Spec
from mktool.store.ledger import Ledger
from tests.contract import NOW, FixedCredential, ScriptedVendor, Wire

SPEC = Spec(
    name="toy",
    title="Toy",
    docs="https://toy.example/docs",
    base_url="https://toy.example",
    auth=(HeaderKey("key"),),
    fields=(Field("key", "a key", secret=True),),
)
PIECES = Pieces(
    Endpoint("start", "POST", "/start", repeatable=True),
    Endpoint("append", "POST", "/{}/append", repeatable=True),
    Endpoint("finish", "POST", "/{}/finish", repeatable=True),
    Endpoint("status", "GET", "/status"),
    size=4,
    asks={"media_id": "{}"},
)
STARTED = Wire("POST", "/start", reply={"data": {"id": "7"}})


def working(state: str, method: str = "GET", path: str = "/status", **more: Any) -> Wire:
    query = {"media_id": "7"} if method == "GET" else {}
    reply = {"data": {"id": "7", "processing_info": {"state": state, **more}}}
    return Wire(method, path, query=query, reply=reply)


def appended(*numbers: int) -> tuple[Wire, ...]:
    return tuple(Wire("POST", "/7/append", {"segment_index": str(n)}, reply=b"") for n in numbers)


@pytest.fixture
def media(tmp_path: Path) -> Media:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"0123456789")
    return Media(path, "video", "video/mp4", 10)


class Vendor(ScriptedVendor):
    """Keeps the bytes of every piece too, as they were when it was sent."""

    def __init__(self, script: Any) -> None:
        super().__init__(script)
        self.bytes: list[bytes] = []

    def send(self, request: Any, timeout: float) -> Any:
        self.bytes += [part.read() for part in (request.files or {}).values()]
        return super().send(request, timeout)


def opened(tmp_path: Path, *script: Wire | Exception) -> tuple[Client, Vendor, list[float]]:
    vendor, naps = Vendor(script), list[float]()
    exchange = Exchange(
        SPEC, "default", lambda: vendor,
        Ledger(tmp_path / "ledger.db", clock=lambda: NOW), sleep=naps.append, clock=lambda: NOW,
    )  # fmt: skip
    login = Login({}, {"key": Secret("k")})
    return Client(exchange, Target(SPEC.base_url), FixedCredential(login), {}), vendor, naps


def test_the_pieces_are_the_file(media: Media) -> None:
    pieces = list(slices(media, 4))
    assert [(p.offset, p.length) for p in pieces] == [(0, 4), (4, 4), (8, 2)]
    assert b"".join(p.read() for p in pieces) == b"0123456789"


def test_a_file_of_whole_pieces_has_no_empty_last_one(media: Media) -> None:
    assert [p.length for p in slices(media, 5)] == [5, 5]
    assert [p.length for p in slices(media, 10)] == [10]


def test_pieces_go_in_order_and_an_image_needs_no_wait(tmp_path: Path, media: Media) -> None:
    done = Wire("POST", "/7/finish", reply={"data": {"id": "7"}})
    client, vendor, naps = opened(tmp_path, STARTED, *appended(0, 1, 2), done)
    assert PIECES.send(client, media, {"total_bytes": 10}) == "7"
    assert vendor.requests[0].json == {"total_bytes": 10}
    assert vendor.bytes == [b"0123", b"4567", b"89"]
    assert (vendor.script, naps) == ([], [])


def test_processing_is_waited_for_as_long_as_the_vendor_says(tmp_path: Path, media: Media) -> None:
    client, vendor, naps = opened(
        tmp_path,
        STARTED,
        *appended(0, 1, 2),
        working("pending", "POST", "/7/finish", check_after_secs=5),
        working("in_progress", check_after_secs=10),
        working("succeeded", progress_percent=100),
    )
    assert PIECES.send(client, media, {}) == "7"
    assert naps == [5.0, 10.0]
    assert vendor.script == []


@pytest.mark.parametrize(
    ("told", "nap"),
    [(0, 1.0), (-3, 1.0), (None, 1.0), ("soon", 1.0), (10**400, 60.0), (float("nan"), 1.0)],
)
def test_an_odd_wait_is_kept_in_bounds(
    tmp_path: Path, media: Media, told: object, nap: float
) -> None:
    client, _, naps = opened(
        tmp_path,
        STARTED,
        *appended(0, 1, 2),
        working("pending", "POST", "/7/finish", check_after_secs=told),
        working("succeeded"),
    )
    PIECES.send(client, media, {})
    assert naps == [nap]


def test_a_failure_is_told_in_the_vendors_words(tmp_path: Path, media: Media) -> None:
    error = {"code": 1, "name": "InvalidMedia", "message": "Unsupported video format\x1b[2J"}
    client, _, _ = opened(
        tmp_path,
        STARTED,
        *appended(0, 1, 2),
        working("pending", "POST", "/7/finish"),
        working("failed", error=error),
    )
    with pytest.raises(e.Rejected, match="Unsupported video format") as caught:
        PIECES.send(client, media, {})
    assert "\x1b" not in caught.value.message
    assert caught.value.context.operation == "status"


def test_processing_without_end_is_given_up(tmp_path: Path, media: Media) -> None:
    client, _, naps = opened(
        tmp_path,
        STARTED,
        *appended(0, 1, 2),
        working("pending", "POST", "/7/finish", check_after_secs=60),
        *[working("in_progress", check_after_secs=60)] * 99,
    )
    with pytest.raises(e.Unavailable, match="still being processed"):
        PIECES.send(client, media, {})
    assert sum(naps) == PATIENCE


@pytest.mark.parametrize("reply", [{}, {"data": {"id": "7"}}, {"data": {"processing_info": {}}}])
def test_a_state_that_vanishes_is_no_success(tmp_path: Path, media: Media, reply: Any) -> None:
    client, _, _ = opened(
        tmp_path,
        STARTED,
        *appended(0, 1, 2),
        working("pending", "POST", "/7/finish"),
        Wire("GET", "/status", reply=reply),
    )
    with pytest.raises(e.UnexpectedReply):
        PIECES.send(client, media, {})


def test_a_lost_piece_is_sent_again_in_its_place(tmp_path: Path, media: Media) -> None:
    first, second, third = appended(0, 1, 2)
    busy = Wire("POST", "/7/append", {"segment_index": "2"}, status=503)
    done = Wire("POST", "/7/finish", reply={"data": {"id": "7"}})
    client, vendor, _ = opened(
        tmp_path, STARTED, first, Cut("no answer in time"), second, busy, third, done
    )
    assert PIECES.send(client, media, {}) == "7"
    assert vendor.bytes == [b"0123", b"4567", b"4567", b"89", b"89"]


def test_a_file_that_shrinks_stops_the_upload(tmp_path: Path, media: Media) -> None:
    client, _, _ = opened(tmp_path, STARTED, *appended(0, 1))
    media.path.write_bytes(b"012345")
    with pytest.raises(e.InvalidInput, match=r"film\.mp4: became shorter"):
        PIECES.send(client, media, {})


def test_a_dry_run_shows_every_step(media: Media) -> None:
    dry = DryRun(SPEC, Target(SPEC.base_url), {}, frozenset({"key"}))
    PIECES.send(dry, media, {})
    shown = [r["operation"] for r in dry.requests]
    assert shown == ["start", "append", "append", "append", "finish"]
    assert dry.requests[1]["files"] == {"media": "<4 bytes of film.mp4>"}
