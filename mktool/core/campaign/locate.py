"""On which line of a TOML file each key stands, which `tomllib` does not tell."""

from __future__ import annotations

import re

Keys = tuple[str, ...]
DEEPEST = 8  # keys; nobody asks for the line of what is deeper

_TOKEN = re.compile(
    r'''(?P<word>"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\''''
    r"""|[^\s\[\]{}=,.\#"']+)|(?P<mark>[\[\]{}=,\n])|\#[^\n]*""",
    re.DOTALL,
)


def key_lines(text: str) -> dict[Keys, int]:
    """Return the line, from 1, of every table and every key in valid TOML; the first, if several.

    What stands in a list of tables has the path of the list.
    """
    walk = _Walk()
    for token in _TOKEN.finditer(text):
        if word := token["word"]:
            walk.word(word)
        elif mark := token["mark"]:
            walk.mark(mark)
        walk.line += token[0].count("\n")
    return walk.found


class _Walk:
    """Where in the file we are: in a ``[header]``, a key, or a value."""

    def __init__(self) -> None:
        self.found: dict[Keys, int] = {}
        self.line = 1
        self.state = "key"
        self.table: Keys = ()
        self.path: Keys = ()
        self.key: list[str] = []
        self.nested: list[tuple[str, Keys]] = []  # open brackets, each with what it belongs to

    def word(self, word: str) -> None:
        if self.state != "value":
            self.key.append(_plain(word))

    def mark(self, mark: str) -> None:
        if mark == "\n":
            if not self.nested:
                self._key()
        elif self.state == "value":
            self._in_value(mark)
        elif self.state == "header":
            self._in_header(mark)
        else:
            self._in_key(mark)

    def _in_header(self, mark: str) -> None:
        if mark == "]":
            self.table = tuple(self.key)
            self._note(self.table, 0)

    def _in_key(self, mark: str) -> None:
        if mark == "[":
            self.state = "header"
        elif mark == "}":  # of an empty table
            self._close()
        elif mark == "=":
            base = self.nested[-1][1] if self.nested else self.table
            self.path = (*base, *self.key)
            self._note(self.path, len(base))
            self.state = "value"

    def _in_value(self, mark: str) -> None:
        if mark in "[{":
            self.nested.append((mark, self.path))
            if mark == "{":
                self._key()
        elif mark in "]}":
            self._close()
        elif mark == "," and self.nested[-1][0] == "{":
            self._key()

    def _key(self) -> None:
        self.state, self.key = "key", []

    def _close(self) -> None:
        _, self.path = self.nested.pop()
        self.state = "value"

    def _note(self, path: Keys, known: int) -> None:
        """Note a key and the tables that its dots imply beyond the ``known`` ones."""
        for end in range(known + 1, min(len(path), DEEPEST) + 1):
            self.found.setdefault(path[:end], self.line)


def _plain(word: str) -> str:
    """Return the name that a bare or quoted key stands for."""
    import tomllib

    return str(tomllib.loads(f"key = {word}")["key"]) if word[0] in "\"'" else word
