"""The example of `--init` is a campaign that works, as it is and with everything switched on."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path

import pytest

from mktool.core.campaign import condition, content, course, keys
from mktool.core.campaign.definition import check_channel, load
from mktool.core.campaign.example import write_example
from mktool.errors import InvalidInput
from mktool.message import Channel

CHANNELS: tuple[Channel, ...] = ("email", "sms")


def people(folder: Path) -> list[dict[str, str]]:
    with (folder / "people.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("channel", CHANNELS)
def test_it_works(tmp_path: Path, channel: Channel) -> None:
    files = write_example(tmp_path / "new", "toy", channel)
    assert sorted(files) == sorted((tmp_path / "new").iterdir())
    found = load(files[0])
    check_channel(found, channel)
    assert (found.provider, found.recipients) == ("toy", "people.csv")
    copies = content.compile(course.parts_of(found, found.variants[0]))
    for person in people(tmp_path / "new"):
        copy = copies.render({name: value for name, value in person.items() if value})
        name = person["first_name"]
        assert (name or "Hello") in (copy.subject or copy.text)
        if channel == "email":
            assert (f"Hello {name or 'there'},") in copy.html
            assert f'href="{copy.unsubscribe}"' in html.unescape(copy.html)
            assert copy.unsubscribe.endswith(f"id={person['id']}")
            assert found.postal_address in copy.html
            assert found.preheader in copy.html


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_key_is_in_it_and_right(tmp_path: Path, channel: Channel) -> None:
    file = write_example(tmp_path, "toy", channel)[0]
    text = re.sub(r"^# (?=\w+ = |\[)", "", file.read_text("utf-8"), flags=re.MULTILINE)
    file.write_text(text, "utf-8")
    found = load(file)
    check_channel(found, channel)
    condition.compile(found.where, list(people(tmp_path)[0]))
    only = {"email": {"media"}, "sms": {"reply_to", "subject", "preheader", "html", "inline_css",
                                        "unsubscribe", "postal_address", "hosted"}}  # fmt: skip
    said = set(re.findall(r"^\[?(\w+)(?: = |\])", text, re.MULTILINE))
    assert said >= keys.DOCUMENT.keys() - only[channel] - {"body"}
    assert said >= {*keys.UTM, "test_share", "wait", "winner"}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("mine")
    with pytest.raises(InvalidInput, match=r"people\.csv: is there already") as caught:
        write_example(tmp_path, "toy")
    assert caught.value.hint
    assert [file.name for file in tmp_path.iterdir()] == ["people.csv"]
    assert (tmp_path / "people.csv").read_text() == "mine"


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="file") as caught:
        write_example(tmp_path / "file", "toy")
    assert caught.value.hint
