"""Every key of a TOML file is found on its line."""

from __future__ import annotations

import tomllib

import pytest

from mktool.core.campaign.locate import Keys, key_lines


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a = 1\n\n# b = 2\nc = 3 # d = 4\n", {("a",): 1, ("c",): 4}),
        ("a = 1\r\nb = 2\r\n", {("a",): 1, ("b",): 2}),
        ("[t]\na = 1\n[t.u]\nb = 2", {("t",): 1, ("t", "a"): 2, ("t", "u"): 3, ("t", "u", "b"): 4}),
        ("\nt.a = 1\nt.b = 2", {("t",): 2, ("t", "a"): 2, ("t", "b"): 3}),
        ("'a b'.\"c\\u00e9\" = 1", {("a b",): 1, ("a b", "cé"): 1}),
        ('[ "x y" ]\n[ z . \'w\' ]', {("x y",): 1, ("z", "w"): 2, ("z",): 2}),
        ("a = { b = 1, c = { d = 2 } }", {("a",): 1, ("a", "b"): 1, ("a", "c"): 1,
                                          ("a", "c", "d"): 1}),
        ("a = {}\nb = [{}]\nc = []\nd = 1", {("a",): 1, ("b",): 2, ("c",): 3, ("d",): 4}),
        ("a = [ # ]\n  'x = 1',\n  \"]\",\n]\nb = 1", {("a",): 1, ("b",): 5}),
        ("a = [1,\n{ b = 1 },\n[{ c = 2 }, 3]\n]\nd = 1", {("a",): 1, ("a", "b"): 2,
                                                           ("a", "c"): 3, ("d",): 5}),
        ('a = """\nb = 1\n[c]\n"""\nd = 1', {("a",): 1, ("d",): 5}),
        ('a = """x\\""" y""""\nd = 1', {("a",): 1, ("d",): 2}),
        ("a = '''it's\n[x]'''''\nd = 1", {("a",): 1, ("d",): 3}),
        ("a = \"it's # no\" # it's\nd = 'say \"'", {("a",): 1, ("d",): 2}),
        ("a = 1.5\nb = 2026-01-01T00:00:00.5\nc = -inf", {("a",): 1, ("b",): 2, ("c",): 3}),
        ("[[t]]\na = 1\n[[t]]\na = 2", {("t",): 1, ("t", "a"): 2}),
    ],
)  # fmt: skip
def test_lines(text: str, wanted: dict[Keys, int]) -> None:
    tomllib.loads(text)  # it is TOML
    assert key_lines(text) == wanted
