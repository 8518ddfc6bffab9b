"""One account, ready to be used: where its login and its settings come from."""

from __future__ import annotations

import pytest

from mktool import errors as e
from mktool.core.session import Session, open_session
from mktool.core.settings import Settings, environment_accounts, ledger_path
from mktool.store import accounts
from mktool.store.accounts import Entry
from mktool.store.config import Config, load
from mktool.store.paths import config_dir


def opened(provider: str, account: str = "") -> Session:
    session = open_session(Settings(load()), provider, account)
    session.close()
    return session


def entry(account: str = "default", **options: str) -> None:
    accounts.save(Entry("slack", account, "file", "https://slack.com", options, id="U1"))


def test_the_environment_is_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    session = opened("slack")
    assert (session.name, session.entry) == ("slack:default", None)
    assert session.credential.login().secrets["bot_token"].reveal() == "xoxb-1"
    assert environment_accounts(session.settings) == ["slack"]


def test_a_login_may_need_a_name_that_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "0" * 32)
    with pytest.raises(e.NeedsLogin, match="TWILIO_ACCOUNT_SID"):
        opened("twilio")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", sid := f"AC{1:032}")
    assert opened("twilio").options["account_sid"] == sid


def test_a_named_account_is_not_the_environment_s(
    monkeypatch: pytest.MonkeyPatch, vault_key: None
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_CHANNEL", "#wrong")
    entry("work", channel="#right")
    session = opened("slack", "work")
    assert session.entry is not None
    assert session.options["channel"] == "#right"
    assert session.options["account_id"] == "U1"


def test_settings_flag_over_environment_over_account_over_file_over_default(
    monkeypatch: pytest.MonkeyPatch, vault_key: None
) -> None:
    config_dir().mkdir(parents=True)
    file = config_dir() / "config.toml"
    file.write_text('[providers.slack]\nchannel = "#file"\nworkspace = "https://file"\n')
    entry(channel="#account")
    assert opened("slack").options["channel"] == "#account"
    assert opened("slack").options["workspace"] == "https://file"
    monkeypatch.setenv("SLACK_CHANNEL", "#environment")
    assert opened("slack").options["channel"] == "#environment"


def test_a_setting_that_cannot_be_right_is_said_where_it_stands(
    monkeypatch: pytest.MonkeyPatch, vault_key: None
) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", "pat-1")
    config_dir().mkdir(parents=True)
    file = config_dir() / "config.toml"
    file.write_text("[providers.hubspot]\ncalls_per_day = 0\n")
    with pytest.raises(e.ConfigError, match=r"config\.toml: \[providers.hubspot\] calls_per_day"):
        opened("hubspot")
    file.write_text("[providers.hubspot]\ncalls_per_10s = 190\n")
    assert opened("hubspot").spec.limits[0].calls == 190
    monkeypatch.setenv("MKTOOL_HUBSPOT_CALLS_PER_10S", "many")
    with pytest.raises(e.ConfigError, match=r"^\$MKTOOL_HUBSPOT_CALLS_PER_10S does") as raised:
        opened("hubspot")
    assert "if the plan has more than 100" in raised.value.hint


@pytest.mark.parametrize(
    ("account", "says", "hint"),
    [
        ("", "no account 'default' is connected; there is work", "mktool authorize slack"),
        ("home", "no account 'home' is connected", "mktool authorize slack --account home"),
    ],
)
def test_an_account_that_is_missing_leaves_no_ledger(account: str, says: str, hint: str) -> None:
    entry("work")
    with pytest.raises(e.NeedsLogin, match=says) as caught:
        opened("slack", account)
    assert caught.value.hint == hint
    assert not ledger_path().exists()


@pytest.mark.parametrize("url", ["http://vendor.example", "ftp://vendor.example", "nonsense"])
def test_tokens_go_nowhere_in_the_clear(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("MKTOOL_SLACK_BASE_URL", url)
    with pytest.raises(e.ConfigError, match="MKTOOL_SLACK_BASE_URL"):
        opened("slack")


def test_waits_end_when_it_is_stopped() -> None:
    settings = Settings(Config(config_dir() / "none.toml"))
    settings.sleep(0.0)
    settings.breathe()
    settings.stop.set()
    with pytest.raises(e.Interrupted):
        settings.sleep(60.0)
    with pytest.raises(e.Interrupted):
        settings.breathe()
