"""A/B tests: a share is sent to, then the winner goes to all others, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mktool.core.campaign import opening, trial
from mktool.core.campaign.campaign import Campaign, Options
from mktool.core.campaign.plan import HELD_BACK
from mktool.core.settings import Settings
from mktool.errors import Busy, InvalidInput, ProviderError
from mktool.store.config import load
from tests.box import Box
from tests.core.campaign.outgoing import LOGINS
from tests.store.campaign import people

COUNT = 60


@pytest.fixture(autouse=True)
def _logins(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGINS.items():
        monkeypatch.setenv(name, value)


class Trial:
    """A campaign with two subjects, at the sandbox's time."""

    def __init__(self, folder: Path, box: Box) -> None:
        self.folder, self.box = folder, box
        (folder / "people.csv").write_text("\n".join(("email", *people(COUNT))))
        self.write()

    def write(self, ab: str = "") -> None:
        (self.folder / "launch.toml").write_text(
            f'name = "launch"\nprovider = "resend"\nfrom = "news@acme.example"\n'
            'text = "Hello"\nrecipients = "people.csv"\n'
            f'[ab]\nsubject = ["One", "Two"]\ntest_share = 0.4\nwait = "4h"\n{ab}'
        )

    @contextmanager
    def opened(self) -> Iterator[Campaign]:
        settings, options = Settings(load()), Options()
        wanted = opening.read(self.folder / "launch.toml", options, settings)
        with opening.opened(settings, wanted, options) as campaign:
            campaign.session.ledger.clock = self.box.clock
            campaign.stage()
            yield campaign

    def subjects(self) -> Counter[str]:
        return Counter(item.subject for item in self.box.sandbox.world.inbox.items)

    def everybody_once(self) -> bool:
        got = Counter(item.to for item in self.box.sandbox.world.inbox.items)
        return got == Counter(people(COUNT))


@pytest.fixture
def test(tmp_path: Path, box: Box) -> Trial:
    return Trial(tmp_path, box)


def test_a_share_is_sent_to_and_the_others_wait(test: Trial, box: Box) -> None:
    with test.opened() as campaign:
        assert campaign.to_send() < COUNT
        result = campaign.send()
        held = campaign.file.pending(HELD_BACK)
        assert result.error is None
        assert (result.left, result.held_back) == (0, held)
        assert result.due == pytest.approx(box.clock() + 4 * 3600, abs=30)
        assert campaign.acts.get(campaign.act.id).state == "scheduled"
    counts = test.subjects()
    assert set(counts) == {"One", "Two"}
    assert sum(counts.values()) + held == COUNT
    assert 0.2 * COUNT < sum(counts.values()) < 0.6 * COUNT


def test_too_early_sends_nothing_more(test: Trial, box: Box) -> None:
    with test.opened() as campaign:
        due = campaign.send().due
    before = test.subjects()
    box.ahead = 3600
    with test.opened() as campaign:
        assert campaign.send().due == due
    assert test.subjects() == before


def test_the_winner_goes_to_those_who_were_held_back(test: Trial, box: Box) -> None:
    with test.opened() as campaign:
        held = campaign.send().held_back
    before = test.subjects()
    box.ahead = 5 * 3600
    with test.opened() as campaign:
        result = campaign.send()
        assert (result.error, result.left, result.held_back) == (None, 0, 0)
        winner = int(campaign.file.get("winner"))
        opened = [campaign.file.reacted(number, "opened") for number in (1, 2)]
        rates = [did / sent for did, sent in opened]
        assert rates[winner - 1] == max(rates) > 0
        assert 0 <= campaign.file.get("winner_p") <= 1
        assert campaign.acts.get(campaign.act.id).state == "done"
    assert test.everybody_once()
    subject = ("One", "Two")[winner - 1]
    assert test.subjects() - before == Counter({subject: held})


def test_the_wait_begins_when_the_vendor_sends(test: Trial, box: Box) -> None:
    with test.opened() as campaign:
        later = box.clock() + 86_400
        campaign.file.put(held_until=later)
        assert campaign.send().due == pytest.approx(later + 4 * 3600)


def test_nothing_is_chosen_while_the_vendor_cannot_be_asked(test: Trial, box: Box) -> None:
    with test.opened() as campaign:
        campaign.send()
    before = test.subjects()
    box.ahead = 5 * 3600
    box.breaks("403=100%:GET /emails")
    with test.opened() as campaign:
        assert isinstance(campaign.send().error, ProviderError)
        assert campaign.file.get("winner") is None
    assert test.subjects() == before
    box.breaks()
    with test.opened() as campaign:
        assert campaign.send().left == 0
    assert test.everybody_once()


def test_a_person_chooses(test: Trial, box: Box) -> None:
    test.write('winner = "manual"')
    with test.opened() as campaign:
        campaign.send()
    box.ahead = 5 * 3600
    before = test.subjects()
    with test.opened() as campaign:
        result = campaign.send()
        assert isinstance(result.error, InvalidInput)
        assert "mktool campaign winner" in result.error.hint
        assert test.subjects() == before
        held = campaign.file.pending(HELD_BACK)
        assert trial.choose(campaign.file, campaign.definition, "b") == held
        with pytest.raises(InvalidInput, match="B has won already"):
            trial.choose(campaign.file, campaign.definition, "A")
        with pytest.raises(InvalidInput, match="no variant 'C'"):
            trial.choose(campaign.file, campaign.definition, "C")
        assert campaign.send().left == 0
    assert test.everybody_once()
    assert test.subjects()["Two"] == before["Two"] + held


def test_nobody_chooses_while_it_is_sent(test: Trial) -> None:
    test.write('winner = "manual"')
    with test.opened() as campaign:
        campaign.send()
        with pytest.raises(Busy):
            trial.choose_for(campaign.act, "A")
        assert not campaign.file.get("winner")
        held = campaign.file.pending(HELD_BACK)
    assert trial.choose_for(campaign.act, "A") == held


def test_without_a_test_there_is_no_winner(test: Trial) -> None:
    file = test.folder / "launch.toml"
    file.write_text(file.read_text().partition("[ab]")[0] + 'subject = "One"\n')
    with test.opened() as campaign, pytest.raises(InvalidInput, match="is no test"):
        trial.choose(campaign.file, campaign.definition, "A")


def test_who_is_added_later_gets_the_winner(test: Trial, box: Box) -> None:
    with test.opened() as campaign:
        campaign.send()
        trial.choose(campaign.file, campaign.definition, "A")
        campaign.send()
    assert test.everybody_once()
    before = test.subjects()
    more = people(COUNT, tag="late")
    (test.folder / "people.csv").write_text("\n".join(("email", *people(COUNT), *more)))
    with test.opened() as campaign:
        assert campaign.send().left == 0
    added = test.subjects() - before
    assert sum(added.values()) == COUNT
    assert added["One"] > added["Two"]
