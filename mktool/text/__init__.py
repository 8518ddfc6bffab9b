"""Counting, cutting and escaping text: pure functions over `str`."""

from __future__ import annotations


def words(name: str) -> frozenset[str]:
    """Return the words of a data file that lies in this package; lines in ``#`` are comments."""
    from importlib.resources import files

    lines = (files(__name__) / name).read_text("utf-8").splitlines()
    return frozenset(word for line in lines if line[:1] != "#" for word in line.split())
