"""What is composed for many at once is what is composed for each alone."""

from __future__ import annotations

import pytest

from mktool.core.campaign.compose import Composer
from mktool.core.campaign.content import compile
from mktool.core.campaign.merge import split
from mktool.core.campaign.prepare import Parts
from mktool.store.campaigns import Recipient
from mktool.store.cells import kept

FIELDS = ("city", "name")
CELLS = [
    ("Zürich", "Zoë"), ("O'Neil & <Co>", 'a "b" c/d'), ("100%s", "back\\slash"), ("😀", " x "),
    ("two\nlines", "a\rb"), ("", "nothing"), ("a\x1fb", "mark"), ("tab\there", "{{ name }}"),
]  # fmt: skip
PARTS = [
    Parts("Hello {{ name }}", "<p>{{ name }} 100%</p><a href='/x/'>{{ city }}</a>", "", ""),
    Parts("News", "<p>{{ name | default('you') }}, {{ city | default('here') }}</p>", "Hi", ""),
    Parts("{{ email }}", "<p>{{ city }}</p>", "{{ city }}\n{{ name }}", "https://x.nl/{{ city }}"),
    Parts("{{ name | upper }}", "<p>{% if city %}{{ city }}{% endif %}</p>", "", ""),
]  # fmt: skip


@pytest.mark.parametrize("merges", [True, False])
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("cells", [*([one, CELLS[0]] for one in CELLS), CELLS[:4], CELLS])
def test_together_is_as_each_alone(
    cells: list[tuple[str, str]], parts: Parts, merges: bool
) -> None:
    splitter = split(parts, mark="m" * 12) if merges else None
    composer = Composer(compile(parts), FIELDS, "email", splitter, 10_000)
    people = [Recipient(n, f"p{n}@acme.example", kept(one)) for n, one in enumerate(cells, 1)]
    together = composer.messages(people)
    alone = [message for person in people for message in composer.messages([person])]
    plain = [_slowly(composer, person) for person in people]
    assert list(map(repr, together)) == list(map(repr, alone)) == plain


def _slowly(composer: Composer, person: Recipient) -> str:
    try:
        return repr(composer.message(person))
    except ValueError as reason:
        return repr(reason)
