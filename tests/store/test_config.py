"""A wrong setting is said with its file, its key, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mktool.errors import ConfigError
from mktool.store.config import SETTINGS, Config, load


def written(folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> Config:
    file = folder / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file, environ or {})


def test_defaults_are_valid() -> None:
    config = Config(Path("none"))
    for setting in SETTINGS:
        assert config.get(setting.section, setting.key) == setting.default
        assert setting.help


def test_the_first_found_wins(tmp_path: Path) -> None:
    text = "[network]\nmax_wait = 5\n"
    assert written(tmp_path, text).get("network", "max_wait") == 5
    given = written(tmp_path, text, {"MKTOOL_MAX_WAIT": "7.5"})
    assert given.get("network", "max_wait") == 7.5
    empty = written(tmp_path, text, {"MKTOOL_MAX_WAIT": ""})
    assert empty.get("network", "max_wait") == 5
    assert written(tmp_path, "").get("network", "max_wait") == 60.0


def test_which_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, named, flag = tmp_path / "home", tmp_path / "named.toml", tmp_path / "flag.toml"
    home.mkdir()
    for seconds, file in enumerate((home / "config.toml", named, flag)):
        file.write_text(f"[network]\nmax_wait = {seconds}\n")
    monkeypatch.setenv("MKTOOL_HOME", str(home))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "config.toml").write_text("[network]\nmax_wait = 99\n")
    monkeypatch.chdir(tmp_path / "here")  # no file of a cloned repository is picked up
    assert load(None, {}).get("network", "max_wait") == 0
    environ = {"MKTOOL_CONFIG": str(named)}
    assert load(None, environ).get("network", "max_wait") == 1
    assert load(flag, environ).get("network", "max_wait") == 2


def test_a_missing_file_is_an_error_only_if_it_was_named(tmp_path: Path) -> None:
    config = load(None, {})
    assert (config.data, config.path.name) == ({}, "config.toml")
    for named, environ in (
        (tmp_path / "no.toml", {}), (None, {"MKTOOL_CONFIG": str(tmp_path / "no.toml")}),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=r"no\.toml: there is no such file") as caught:
            load(named, environ)
        assert caught.value.exit_code == 3
        assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("[network]\nmax_wait = \n", "line 2", "mktool help config"),
        ("[network\n", "line 1", "mktool help config"),
        ("[network]\n[network]\n", "network", "mktool help config"),
        ("[network]\nmax_wait = 1\nmax_wait = 2\n", "line 3", "mktool help config"),
        ("a = " + "[" * 5000, "config.toml: ", "mktool help config"),
        ("a = " + "9" * 5000, "config.toml: ", "mktool help config"),
        ("[netwrok]\n", "unknown section [netwrok]", "did you mean network?"),
        ("[qqq]\n", "unknown section [qqq]", "known: accounts, campaign, export"),
        ("[network]\nmaxwait = 1\n", "[network] unknown key maxwait", "did you mean max_wait?"),
        ("[schedule]\nxyz = 1\n", "[schedule] unknown key xyz", "known: grace, zone"),
        ("max_wait = 5\n", "max_wait stands in no section", "write it below [network]"),
        ("network = 5\n", "network stands in no section", "mktool help config"),
        ("[[network]]\nmax_wait = 1\n", "network stands in no section", ""),
        ("[providers]\nx = 'y'\n", "[providers] x must be a section", "write [providers.x]"),
        ("[segments]\ndutch = 1\n", "[segments] dutch must be text, not 1", "country == 'NL'"),
        ("[segments.dutch]\nwhere = 'x'\n", "[segments] dutch must be text", "country == 'NL'"),
        ("[map]\nx = 1\n", "[map] x must be a section", "write [map.x.OBJECT]"),
        ("[map.x]\nnote = 1\n", "[map.x] note must be a section", "write [map.x.note]"),
        ("[map.x.note]\na = 1\n", "[map.x.note] a must be text, not 1", "such as project"),
        ("[export]\ntemplate = 'a'\n", "[export] template must be a section", "[export.template]"),
        ("[sync.x]\nkey = 'a'\n", "[sync.x] key must be a section", "write [sync.x.key]"),
        ("[report]\ntitle = 'a'\n", "[report] title must be a section", "[report.title]"),
        ("[campaign]\nmax_error = 1\n", "unknown key max_error", "did you mean max_errors?"),
        ("max_wait = 1".encode("utf-16"), "not UTF-8 (byte 0)", "iconv -f utf-16 -t utf-8"),
        ("# né\n".encode("latin1"), "not UTF-8 (byte 3)", "iconv -f latin1 -t utf-8"),
        (b"\x00\x01", "config.toml: ", "mktool help config"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str | bytes, says: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, text)
    assert str(tmp_path / "config.toml") in caught.value.message
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    text = "\ufeff[network]\nmax_wait = 5\n"
    assert written(tmp_path, text).get("network", "max_wait") == 5


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="directory") as caught:
        load(tmp_path, {})
    assert str(tmp_path) in caught.value.hint


@pytest.mark.parametrize(
    ("section", "key", "value", "says"),
    [
        ("network", "max_wait", "'60'", "must be a number, not '60'"),
        ("network", "max_wait", "true", "must be a number, not True"),
        ("network", "max_wait", "[1]", "must be a number, not [1]"),
        ("network", "max_wait", "-1", "out of range"),
        ("network", "max_wait", "inf", "out of range"),
        ("network", "max_wait", "nan", "out of range"),
        ("network", "max_wait", "1e300", "out of range"),
        ("network", "max_wait", "2026-01-01", "must be a number"),
        ("schedule", "grace", "1", "must be text, not 1"),
        ("vault", "home", "'Keyring'", "'Keyring'"),
    ],
)
def test_a_value_that_is_wrong(
    tmp_path: Path, section: str, key: str, value: str, says: str
) -> None:
    config = written(tmp_path, f"[{section}]\n{key} = {value}\n")
    with pytest.raises(ConfigError) as caught:
        config.get(section, key)
    assert f"{tmp_path / 'config.toml'}: [{section}] {key}" in caught.value.message
    assert says in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("MKTOOL_MAX_WAIT", "soon", "such as 60.0"),
        ("MKTOOL_MAX_WAIT", "-1", "such as 60.0"),
        ("MKTOOL_MAX_WAIT", "nan", "such as 60.0"),
        ("MKTOOL_KEY_AGE_DAYS", "9" * 400, "such as 90"),
        ("MKTOOL_VAULT", "disk", "one of auto, keyring, file"),
    ],
)
def test_a_variable_that_is_wrong(variable: str, value: str, hint: str) -> None:
    setting = next(s for s in SETTINGS if s.env == variable)
    with pytest.raises(ConfigError) as caught:
        Config(Path("none"), {}, {variable: value}).get(setting.section, setting.key)
    assert caught.value.message.startswith(f"${variable}")
    assert hint in caught.value.hint


def test_the_settings_of_a_provider_are_texts(tmp_path: Path) -> None:
    config = written(
        tmp_path, "[providers.toy]\nchannel = '#news'\nversion = 202511\nunfurl = false\n"
    )
    assert config.provider("toy") == {"channel": "#news", "version": "202511", "unfurl": "false"}
    assert config.provider("other") == {}
    for value in ("[1]", "{a = 1}"):
        odd = written(tmp_path, f"[providers.toy]\nchannel = {value}\n")
        with pytest.raises(ConfigError, match=r"\[providers.toy\] channel must be a single"):
            odd.provider("toy")


def test_saved_segments(tmp_path: Path) -> None:
    text = """[segments]\ndutch = "country == 'NL'"\n'big spenders' = "orders >= 10"\n"""
    config = written(tmp_path, text)
    assert config.segment("dutch") == "country == 'NL'"
    assert config.segments() == {"dutch": "country == 'NL'", "big spenders": "orders >= 10"}
    with pytest.raises(ConfigError, match=r"\[segments\] has no dutchh") as caught:
        config.segment("dutchh")
    assert caught.value.hint == "did you mean dutch?"
    with pytest.raises(ConfigError, match="has no dutch") as caught:
        written(tmp_path, "").segment("dutch")
    assert "country == 'NL'" in caught.value.hint


def test_sections_of_the_users_own(tmp_path: Path) -> None:
    text = """
    [map.crm.note]
    project = "metadata.project"
    [export.crm]
    template = "recap.md"
    [report.ours]
    detect = ["meeting"]
    [sync.crm.contacts]
    key = "email"
    conflict = { phone = "ours" }
    """
    config = written(tmp_path, text)
    assert config.mapping("crm") == {"note": {"project": "metadata.project"}}
    assert config.export("crm") == {"template": "recap.md"}
    assert config.reports() == {"ours": {"detect": ["meeting"]}}
    assert config.sync("crm") == {"contacts": {"key": "email", "conflict": {"phone": "ours"}}}
    assert (config.mapping("x"), config.export("x"), config.sync("x")) == ({}, {}, {})
