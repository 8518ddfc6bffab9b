"""A missing peer skips a test here and fails it where MKTOOL_STRICT=1."""

from __future__ import annotations

import pytest

from tests.peers import need


def test_an_installed_program_is_no_reason_to_skip() -> None:
    need("sh")


@pytest.mark.parametrize(
    ("strict", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_one_is_named(
    monkeypatch: pytest.MonkeyPatch, strict: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("MKTOOL_STRICT", strict)
    with pytest.raises(outcome, match="not installed: no-such-program"):
        need("sh", "no-such-program")
