"""What came of a campaign: what is known is counted, what is not is said to be unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.core.campaign import track
from mktool.core.campaign.overview import find, opened
from mktool.core.campaign.report import Figure, Report, report
from mktool.core.campaign.significance import compare
from mktool.core.settings import Settings, ledger_path
from mktool.errors import InvalidInput
from mktool.store.config import load
from mktool.store.ledger import Ledger
from tests.box import Box
from tests.core.campaign.outgoing import LOGINS, PEOPLE, send


@pytest.fixture(autouse=True)
def _logins(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGINS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger(ledger_path()) as found:
        yield found


def figures(found: Report) -> dict[str, Figure]:
    return {figure.name: figure for figure in found.figures}


def test_before_the_vendor_was_asked_nothing_is_known(tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "resend", PEOPLE)
    found = report(ledger, "launch")
    counts = {name: figure.count for name, figure in figures(found).items()}
    assert counts["recipients"] == counts["sent"] == 42
    assert counts["failed"] == counts["unknown"] == 0
    for name in ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed"):
        assert counts[name] is None
    assert (found.cost, found.revenue, found.roi, found.synced) == (None, None, None, None)


def test_events_are_counted_over_what_they_are_a_part_of(
    box: Box, tmp_path: Path, ledger: Ledger
) -> None:
    send(tmp_path, "resend", PEOPLE, more="cost = 20\nrevenue = 50.0\n")
    box.ahead = 300
    track.sync_named(Settings(load()), "launch")
    found = report(ledger, "launch")
    known = figures(found)
    assert known["delivered"] == Figure("delivered", 41, 41 / 42, "sent")
    assert known["bounced"] == Figure("bounced", 1, 1 / 42, "sent")
    assert known["complained"] == Figure("complained", 1, 1 / 41, "delivered")
    assert known["unsubscribed"] == Figure("unsubscribed", 0, 0.0, "delivered")
    assert (known["opened"].count or 0) > (known["clicked"].count or 0) > 0
    assert (found.cost, found.revenue, found.roi) == (20.0, 50.0, 1.5)
    told = report(ledger, "launch", cost=25.0, revenue=0.0)
    assert told.roi == -1.0
    assert report(ledger, "launch", cost=0.0).roi is None


def test_that_nobody_opened_may_mean_that_nobody_looked(tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "resend", PEOPLE[:3])
    track.sync_named(Settings(load()), "launch")
    known = figures(report(ledger, "launch"))
    assert (known["opened"].count, known["bounced"].count) == (None, 0)


def test_totals_count_people_and_not_openings(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "sendgrid", PEOPLE)
    box.ahead = 300
    found = track.sync_named(Settings(load()), "launch")
    known = figures(report(ledger, "launch"))
    assert known["opened"].count == found.summary["unique_opens"] > 0
    assert known["delivered"] == Figure("delivered", 41, 41 / 42, "sent")
    assert known["bounced"].count == 1


def test_variants_apart_and_the_rest_with_the_winner(
    box: Box, tmp_path: Path, ledger: Ledger
) -> None:
    people = [f"p{n}@acme.example" for n in range(300)]
    test = '[ab]\nsubject = ["It is here", "Look!"]\ntest_share = 0.5\nwinner = "manual"\n'
    held_back = send(tmp_path, "resend", people, more=test).held_back
    box.ahead = 300
    track.sync_named(Settings(load()), "launch")
    found = report(ledger, "launch")
    assert [one.name for one in found.variants] == ["A", "B"]
    assert sum(one.figures[0].count or 0 for one in found.variants) == 300 - held_back
    opened_by = [one.figures[4].count or 0 for one in found.variants]
    assert [figure.name for figure in found.variants[0].figures][4] == "opened"
    assert sum(opened_by) == figures(found)["opened"].count
    assert [test.kind for test in found.tests] == ["opened", "clicked"]
    with opened(find(ledger, "launch")) as file:
        file.put(winner=2)
    chosen = report(ledger, "launch")
    assert chosen.winner == "B"
    assert (chosen.variants[2].name, chosen.variants[2].figures[0].count) == ("B (the rest)", 0)
    assert chosen.tests == found.tests  # the rest was no part of the test


def test_no_such_campaign(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="no campaign"):
        report(ledger, "nothing")


@pytest.mark.parametrize(
    ("counts", "best", "p_value"),
    [
        # z = 0.03 / sqrt(0.105 * 0.895 * 2 / 1000) = 2.18827
        ([(120, 1000), (90, 1000)], 0, 0.02865),
        ([(90, 1000), (120, 1000)], 1, 0.02865),
        # For three there are three pairs; the nearest rival counts.
        ([(90, 1000), (120, 1000), (80, 1000)], 1, 3 * 0.02865),
        ([(50, 1000), (50, 1000)], 0, 1.0),
        ([(3, 10), (0, 10)], 0, 1.0),  # too few to tell
        ([(0, 0), (5, 100)], 1, 1.0),
        ([(0, 1000), (0, 1000)], 0, 1.0),
        ([(7, 9)], 0, 1.0),
    ],
)
def test_two_proportions(counts: list[tuple[int, int]], best: int, p_value: float) -> None:
    found = compare(counts)
    assert found.best == best
    assert found.p_value == pytest.approx(p_value, abs=1e-5)
    assert found.significant == (p_value < 0.05)


def test_luck_is_seldom_taken_for_a_difference() -> None:
    """Variants that are all the same: at most one test in twenty may say otherwise."""
    from random import Random

    lots, wrong = Random(7), 0
    for _ in range(400):
        counts = [(sum(lots.random() < 0.2 for _ in range(200)), 200) for _ in range(4)]
        wrong += compare(counts).significant
    assert wrong <= 400 * 0.05
