"""The same name goes on with the same campaign, and never sends to anybody a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mktool.core.campaign import opening
from mktool.core.campaign.campaign import Options, Result
from mktool.core.settings import Settings, ledger_path
from mktool.errors import (
    Busy,
    Context,
    InvalidInput,
    NeedsLogin,
    OutcomeUnknown,
    StorageError,
)
from mktool.message import Suppressed
from mktool.store.acts import Acts
from mktool.store.acts import State as ActState
from mktool.store.campaigns import CampaignFile, Outcome, State, path_of
from mktool.store.config import load
from mktool.store.ledger import Ledger
from mktool.store.paths import config_dir
from mktool.store.suppressions import Suppressions
from tests.box import Box
from tests.core.campaign.outgoing import LOGINS

CONTENT = 'text = "Hello {{ name }}"'
CHANGED = 'text = "Good day {{ name }}"'


@pytest.fixture(autouse=True)
def _logins(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGINS.items():
        monkeypatch.setenv(name, value)


class Launch:
    """A campaign's file and its list on this disk."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, Settings(load())
        self.write(CONTENT)
        self.list("ann", "bob", "eve")

    def write(self, content: str, *, provider: str = "resend", where: str = "") -> None:
        self.file.write_text(
            f'name = "launch"\nprovider = "{provider}"\nfrom = "news@acme.example"\n'
            f'subject = "It is here"\nrecipients = "people.csv"\n{content}\n{where}'
        )

    @property
    def file(self) -> Path:
        return self.folder / "launch.toml"

    def list(self, *names: str) -> None:
        rows = "".join(f"{name}@acme.example,{name}\n" for name in names)
        (self.folder / "people.csv").write_text(f"email,name\n{rows}")

    def send(self, options: Options | None = None) -> Result:
        options = options or Options()
        wanted = opening.read(self.file, options, self.settings)
        with opening.opened(self.settings, wanted, options) as campaign:
            campaign.stage()
            with campaign.asked_again():
                pass
            return campaign.send()

    def mark(self, state: ActState) -> int:
        """Put the campaign into a state, as another process would; return its act."""
        with Ledger(ledger_path()) as ledger:
            act = Acts(ledger).named("campaign", "launch")
            assert act is not None
            Acts(ledger).mark(act.id, state)
            return act.id


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


def got(box: Box) -> Counter[str]:
    return Counter(item.to.partition("@")[0] for item in box.sandbox.world.inbox.items)


def test_the_same_file_again_sends_nothing(box: Box, launch: Launch) -> None:
    assert launch.send().totals == {State.SENT: 3, State.PENDING: 0}
    assert launch.send().error is None
    assert launch.send(Options(limit=1)).totals[State.SENT] == 3
    assert got(box) == Counter(("ann", "bob", "eve"))
    assert box.calls("/emails/batch") == 1


def test_an_unknown_provider_is_said_with_the_file(box: Box, launch: Launch) -> None:
    launch.write(CONTENT, provider="resnd")
    with pytest.raises(InvalidInput, match=r"^launch.toml:2: provider: unknown .*resnd") as caught:
        launch.send()
    assert caught.value.hint == "did you mean resend?"


def test_a_condition_is_read_before_the_list_is(launch: Launch) -> None:
    (launch.folder / "people.csv").unlink()
    for where in ("where = \"name = 'ann'\"", "[segment]\nwhere = \"name = 'ann'\""):
        launch.write(CONTENT, where=where)
        with pytest.raises(InvalidInput, match=r"^launch.toml:\d+: where: .*character 6") as caught:
            launch.send()
        assert caught.value.hint == "== compares"


def test_a_misspelt_column_is_told_the_nearest_one(box: Box, launch: Launch) -> None:
    launch.write('text = "Hello {{ nmae }}"')
    with pytest.raises(InvalidInput, match="no column nmae; it has email, name") as caught:
        launch.send()
    assert caught.value.hint.startswith("did you mean name?")


def test_two_columns_of_one_variable_are_told_apart_by_nobody(box: Box, launch: Launch) -> None:
    text = "email,First name,first-name,X,x\nann@acme.example,Ann,Anna,1,2\n"
    (launch.folder / "people.csv").write_text(text)
    launch.write('text = "Hello {{ first_name }}"')
    with pytest.raises(InvalidInput, match="'First name' and 'first-name' are both"):
        launch.send()
    launch.write('text = "Hello"')
    launch.send()
    assert got(box) == Counter(["ann"])


@pytest.mark.parametrize("name", ["a/b", "x" * 101, "a\nb"])
def test_another_name_is_one_that_a_file_could_give(launch: Launch, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^--as: must "):
        launch.send(Options(name=name))


def test_a_saved_condition_is_named_with_its_file(launch: Launch) -> None:
    config = config_dir() / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("[segments]\nfew = \"name = 'ann'\"\n")
    launch.settings = Settings(load())
    with pytest.raises(InvalidInput, match=r"config.toml: segments.few: .*character 6"):
        launch.send(Options(segment="few"))


def test_answers_go_where_the_vendor_lets_them(launch: Launch) -> None:
    launch.write('text = "x"\nreply_to = "desk@acme.example"', provider="mailchimp")
    with pytest.raises(InvalidInput, match=r"^launch.toml:7: reply_to: Mailchimp"):
        launch.send()


def test_a_longer_list_sends_to_who_is_new(box: Box, launch: Launch) -> None:
    launch.send()
    launch.list("new", "eve", "ann", "more")
    launch.send()
    assert got(box) == Counter(("ann", "bob", "eve", "new", "more"))


def test_another_content_after_it_went_out_is_refused(box: Box, launch: Launch) -> None:
    launch.send(Options(limit=1))
    launch.write(CHANGED)
    with pytest.raises(InvalidInput, match="with another content") as caught:
        launch.send()
    assert "--keep-content" in caught.value.hint
    assert "--as NAME" in caught.value.hint
    assert launch.send(Options(keep_content=True)).left == 0
    assert got(box) == Counter(("ann", "bob", "eve"))
    assert all("Hello" in text for text in box.texts)


def test_what_is_kept_goes_on_where_it_began(box: Box, launch: Launch) -> None:
    launch.send(Options(limit=1))
    launch.write(CHANGED, provider="sendgrid")
    with pytest.raises(InvalidInput, match="began with resend:default"):
        launch.send(Options(keep_content=True))
    assert got(box) == Counter(["ann"])


def test_another_name_is_another_campaign(box: Box, launch: Launch) -> None:
    launch.send()
    launch.write(CHANGED)
    launch.send(Options(name="second"))
    assert got(box) == Counter({"ann": 2, "bob": 2, "eve": 2})
    assert sum("Good day" in text for text in box.texts) == 3


def test_another_content_before_anything_went_out_takes_its_place(box: Box, launch: Launch) -> None:
    box.breaks("401=100%")
    assert launch.send().error is not None
    launch.write(CHANGED)
    launch.list("ann", "ida")
    box.breaks()
    assert launch.send().totals == {State.SENT: 2, State.PENDING: 0}
    assert got(box) == Counter(("ann", "ida"))
    assert all("Good day" in text for text in box.texts)


@pytest.mark.parametrize(
    ("state", "words", "hint"),
    [
        ("paused", "is paused", "mktool campaign resume launch"),
        ("cancelled", "was cancelled", "--as NAME begins a new one"),
    ],
)
def test_what_a_person_has_stopped_stays_so(
    box: Box, launch: Launch, state: ActState, words: str, hint: str
) -> None:
    launch.send(Options(limit=1))
    launch.mark(state)
    for options in (Options(), Options(keep_content=True)):
        with pytest.raises(InvalidInput, match=words) as caught:
            launch.send(options)
        assert caught.value.hint == hint
    assert got(box) == Counter(["ann"])


def test_a_file_that_is_gone_is_not_begun_anew(box: Box, launch: Launch) -> None:
    launch.send(Options(limit=1))
    kept = path_of(launch.mark("open"))
    kept.rename(kept.with_suffix(".moved"))
    for content in (CONTENT, CHANGED):
        launch.write(content)
        with pytest.raises(StorageError, match="nobody knows who was sent to"):
            launch.send()
    assert not kept.exists()
    kept.with_suffix(".moved").rename(kept)
    launch.write(CONTENT)
    launch.send()
    assert got(box) == Counter(("ann", "bob", "eve"))


def test_another_process_has_it(launch: Launch) -> None:
    wanted = opening.read(launch.file, Options(), launch.settings)
    with (
        opening.opened(launch.settings, wanted, Options()),
        pytest.raises(Busy, match=r"the campaign 'launch' is held by pid .*mktool send-campaign"),
    ):
        launch.send()


def test_it_goes_on_from_the_ledger_alone(box: Box, launch: Launch) -> None:
    launch.send(Options(limit=1))
    id = launch.mark("open")
    launch.file.unlink()
    (launch.folder / "people.csv").unlink()
    with Ledger(ledger_path()) as ledger:
        act = Acts(ledger).get(id)
    sent, error = opening.go_on(launch.settings, act)
    assert (sent, error) == (2, None)
    assert got(box) == Counter(("ann", "bob", "eve"))


def test_no_login_leaves_nothing_behind(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKTOOL_RESEND_API_KEY")
    with pytest.raises(NeedsLogin):
        launch.send()
    assert not ledger_path().exists()


def test_what_the_command_line_changes(launch: Launch) -> None:
    launch.write(CONTENT, where="[segment]\nwhere = \"name != 'bob'\"\n")
    said: dict[str, Any] = {
        "name": "other",
        "account": "work",
        "recipients": "more.csv",
        "skip_invalid": True,
    }
    wanted = opening.read(launch.file, Options(**said), launch.settings)
    plain = opening.read(launch.file, Options(), launch.settings)
    assert replace(plain, **said) == wanted
    assert launch.send().totals == {State.SENT: 2, State.PENDING: 0}


def test_who_is_suppressed_while_suppressions_are_read_is_left_out(
    box: Box, launch: Launch
) -> None:
    class Busy(Suppressions):
        """Another process suppresses somebody in the middle of it."""

        def reason(self, address: str, lists: Sequence[str]) -> str:
            self.add([Suppressed("eve@acme.example", "manual")], source="test")
            return super().reason(address, lists)

    wanted = opening.read(launch.file, Options(), launch.settings)
    with opening.opened(launch.settings, wanted, Options()) as campaign:
        campaign.suppressions = Busy(campaign.session.ledger)
        campaign.suppressions.add([Suppressed("ann@acme.example", "manual")], source="test")
        campaign.stage()
        campaign.send()
    assert got(box) == Counter(["bob"])


def test_who_failed_is_sent_to_again_when_asked_and_suppressions_count(
    box: Box, launch: Launch
) -> None:
    launch.send()
    with Ledger(ledger_path()) as ledger:
        Suppressions(ledger).add([Suppressed("bob@acme.example", "manual")], source="test")
    with CampaignFile(path_of(launch.mark("open"))) as file, file.transaction():
        file.note([Outcome(seq, State.FAILED, "", "550") for seq in (1, 2)])
        file.db.execute("update batches set implied = 0")
    launch.send()  # a run in between sees the suppression, while nobody waits
    result = launch.send(Options(retry=(State.FAILED,)))
    assert result.totals[State.SUPPRESSED] == 1
    assert got(box) == Counter({"ann": 2, "bob": 1, "eve": 1})


def test_who_is_unknown_stays_so_until_sending_again_is_confirmed(box: Box, launch: Launch) -> None:
    launch.send()
    with CampaignFile(path_of(launch.mark("open"))) as file, file.transaction():
        file.note([Outcome(seq, State.UNKNOWN) for seq in (1, 2)])
        file.db.execute("update batches set implied = 1")
    again = Options(retry=(State.UNKNOWN,))
    wanted = opening.read(launch.file, again, launch.settings)
    with opening.opened(launch.settings, wanted, again) as campaign:
        campaign.stage()
        with suppress(InvalidInput), campaign.asked_again():
            assert (campaign.to_send(), campaign.doubtful) == (2, 2)
            raise InvalidInput("nobody confirms it")
    assert launch.send().totals[State.UNKNOWN] == 2
    assert got(box) == Counter(["ann", "bob", "eve"])
    launch.send(again)
    assert got(box) == Counter({"ann": 2, "bob": 2, "eve": 1})


def test_a_limit_bounds_who_of_the_unknown_is_sent_to_again(box: Box, launch: Launch) -> None:
    launch.send()
    with CampaignFile(path_of(launch.mark("open"))) as file, file.transaction():
        file.note([Outcome(seq, State.UNKNOWN) for seq in (1, 2)])
        file.db.execute("update batches set implied = 1")
    launch.send(Options(retry=(State.UNKNOWN,), limit=1))
    assert got(box) == Counter({"ann": 2, "bob": 1, "eve": 1})
    assert launch.send().totals[State.UNKNOWN] == 1  # nobody said that the other one may have it
    assert got(box) == Counter({"ann": 2, "bob": 1, "eve": 1})


def test_a_run_that_lost_answers_says_who_may_have_it(box: Box, launch: Launch) -> None:
    wanted = opening.read(launch.file, Options(), launch.settings)
    with opening.opened(launch.settings, wanted, Options()) as campaign:
        lost = OutcomeUnknown("no answer", Context("resend", "default", "send"))
        error = campaign.verdict(Result({State.PENDING: 3}, error=lost))
    assert error is lost
    assert error.hint.startswith("mktool campaign show launch --unknown")
