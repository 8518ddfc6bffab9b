"""What is filled without the engine is what the engine makes of it."""

from __future__ import annotations

import random

import pytest
from minijinja import Environment

from mktool.core.campaign.columns import columns

VALUES = (
    "Ada",
    "O'Neil",
    "<b>&amp;</b>",
    'a "b"',
    "a/b",
    "%s %%",
    "Zoë 😀",
    "{{ x }}",
    "a\r\nb",
    " ",
)
TEXTS = ("Hi ", " 100% ", "\n", "<a href='/x'>", "{# no #}", "{% raw %}{{ x }}{% endraw %}", "é")
TAGS = (
    "{{ one }}", "{{two}}", "{{- one -}}", "{{ three | default('none & \"one\"') }}",
    "{{ three|d('n') }}", "{{ 'a<b' | safe }}",
)  # fmt: skip


def engine(template: str, values: dict[str, str], *, html: bool) -> str:
    made = Environment(
        keep_trailing_newline=True, templates={f"a.{'html' if html else 'txt'}": template}
    )
    return str(made.render_template(f"a.{'html' if html else 'txt'}", **values))


@pytest.mark.parametrize("seed", range(40))
def test_the_same_as_the_engine(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [
        ("".join(chance.choices(TEXTS + TAGS, k=chance.randrange(6))), chance.random() < 0.5)
        for _ in range(chance.randrange(1, 5))
    ]
    values = {name: chance.choice(VALUES) for name in ("one", "two")}
    if chance.random() < 0.5:
        values["three"] = chance.choice(VALUES)
    made = columns(pieces, slashes=False)
    assert made is not None
    assert made.fill(values) == [engine(text, values, html=html) for text, html in pieces]


@pytest.mark.parametrize(
    "template",
    [
        "{% if one %}a{% endif %}",
        "{{ one | upper }}",
        "{{ one.two }}",
        "{{ true }}",
        "a\x1fb {{ one }}",
    ],
)
def test_what_is_left_to_the_engine(template: str) -> None:
    assert columns([("{{ one }}", False), (template, True)], slashes=False) is None


@pytest.mark.parametrize("values", [{}, {"one": "a\x1f<b"}, {"two": "a"}])
def test_values_that_are_left_to_the_engine(values: dict[str, str]) -> None:
    made = columns([("{{ one }}", True), ("{{ one }}", True)], slashes=True)
    assert made is not None
    assert made.fill(values) is None
