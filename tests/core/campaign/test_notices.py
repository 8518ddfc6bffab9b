"""The bodies of webhooks, however somebody kept them."""

from __future__ import annotations

import json
from io import BytesIO

import pytest

from mktool.core.campaign import notices
from mktool.core.campaign.notices import Told
from mktool.core.lists.lines import Lines
from mktool.errors import InvalidInput

ONE, TWO = {"event": "open", "n": 1}, {"event": "click", "n": 2}


def read(text: str | bytes) -> list[Told]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(notices.read(Lines(BytesIO(raw), "bodies"), "bodies"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (json.dumps([ONE, TWO]), (1, 1)),
        (json.dumps([ONE, TWO], indent=2), (1, 1)),
        ("\n" + json.dumps([[ONE], [TWO]], indent=2), (2, 2)),
        (f"{json.dumps(ONE)}\n\n{json.dumps(TWO)}\n", (1, 3)),
        (f"{json.dumps([ONE])}\r\n{json.dumps([TWO])}\r\n", (1, 2)),
        ("\ufeff" + json.dumps([ONE, TWO]), (1, 1)),
        (json.dumps([ONE, TWO]).encode("utf-16"), (1, 1)),
    ],
)
def test_json(text: str | bytes, lines: tuple[int, int]) -> None:
    assert read(text) == [Told(lines[0], ONE), Told(lines[1], TWO)]


def test_forms() -> None:
    text = (
        "type=cleaned&data%5Bemail%5D=a%40b.example&data[merges][FNAME]=Ada+L\nMessageSid=SM1&To="
    )
    assert read(text) == [
        Told(
            1, {"type": "cleaned", "data": {"email": "a@b.example", "merges": {"FNAME": "Ada L"}}}
        ),
        Told(2, {"MessageSid": "SM1", "To": ""}),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"event": ', "is not JSON"),
        ("[1, null]", "neither an object"),
        ("[[[{}]]]", "neither an object"),
        ("[" * 5000, "is not JSON"),
        ("hello", "neither JSON nor a form"),
        ("a=1&a[b]=2", "a field 'a[b]'"),
        ("&".join(["a=1"] * 1001), "neither JSON nor a form"),
    ],
)
def test_a_bad_one_leaves_the_others(line: str, problem: str) -> None:
    first, *middle, last = read(f"{json.dumps(ONE)}\n{line}\n{json.dumps(TWO)}")
    assert (first.notice, last.notice) == (ONE, TWO)
    assert all(told.line == 2 and problem in told.problem for told in middle)
    assert middle
    assert problem in read(line)[0].problem  # also alone, and first
    assert read(f"{line}\n{json.dumps(TWO)}")[-1] == Told(2, TWO)


def test_nothing_and_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(" \n\n") == []
    monkeypatch.setattr(notices, "LARGEST", 100)
    with pytest.raises(InvalidInput, match="more than 100 characters"):
        read(json.dumps([ONE] * 100, indent=2))
    assert len(read("\n".join([json.dumps(ONE)] * 100))) == 100
