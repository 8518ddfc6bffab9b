"""Content taken apart for vendors that merge: put together again, it is what it would have been."""

from __future__ import annotations

import random

import pytest

from mktool.core.campaign import growth
from mktool.core.campaign.content import Parts, compile
from mktool.core.campaign.merge import Splitter, merge_tags, split
from mktool.errors import InvalidInput, Unsupported

MARK = "q7Zk"
NAMES = ("a", "b", "first_name")


def joined(splitter: Splitter, values: dict[str, str]) -> tuple[str, ...]:
    parts = list(splitter.merged[:3])
    for token, value in zip(splitter.merged.tokens, splitter.values(values), strict=True):
        parts = [part.replace(token, value) for part in parts]
    return tuple(parts)


def some_expression(chance: random.Random) -> str:
    name = chance.choice(NAMES)
    return chance.choice(
        [name, f"{name} | default('x<&')", f'{name}|d("}}}}")|upper', f"{name} or b",
         f"{name} ~ '/' ~ a", f"({name} if b == 'x' else 'y')", "unsubscribe", f"{name}|safe",
         f"{name} | length", "{'k': {'l': a}}.k.l", "'\\x1f' ~ a", f"{name}[0]"]
    )  # fmt: skip


TEXTS = (" ", "\n", "text ", "<p>", "&amp;", "\t😀", "- ", "'", "}}", "{ %}", "&#x2f;", "AT&")
APART = ("{#- x {{ a }} -#}", "{%- raw %}{{ a }} {% endraw -%}", "{# ' #}", '{{ "<&" | safe }}')
BLOCKS = (
    "{%← if (EXPRESSION) →%}INNER{% else -%} z{% endif →%}",
    "{% if (EXPRESSION) %}INNER{% elif a →%} {% endif %}",
    "{% for i in range(2) →%}INNER{{ i }}{%← endfor →%}",
    "{% with c = (EXPRESSION) →%}INNER{{ c }}{%← endwith %}",
    "{% autoescape true %}INNER{% endautoescape %}",
    "{% autoescape false %}INNER{% endautoescape %}",
    "{% filter upper %}INNER{% endfilter %}",
)


def some_template(chance: random.Random, depth: int = 0) -> str:
    kinds = [TEXTS, TEXTS, ("{{← EXPRESSION →}}",), APART, *([BLOCKS] if depth < 2 else [])]
    done = []
    for _ in range(chance.randint(1, 6)):
        piece = chance.choice(chance.choice(kinds))
        for sign in "←→":
            piece = piece.replace(sign, chance.choice(["", "-", "+"]))
        piece = piece.replace("EXPRESSION", some_expression(chance))
        if "INNER" in piece:
            piece = piece.replace("INNER", some_template(chance, depth + 1))
        done.append(piece)
    return "".join(done)


def some_values(chance: random.Random) -> dict[str, str]:
    pieces = ["x", "O'Hara", '"', "&", "<b>", "😀", "\x1f", "\x00", "\r\n", " ", "{{ 7*7 }}", "/",
              "{% if a %}", "-1-", "\u2028", "{}", '{"k":1}', "é", "\\", "%", "ß"]  # fmt: skip
    return {
        name: "".join(chance.choices(pieces, k=chance.randint(1, 4)))
        for name in NAMES
        if chance.random() < 0.8
    }


def test_put_together_it_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "_rehearse", lambda parts: None)  # 600 processes take a minute
    chance = random.Random(20261121)
    compared = refused = 0
    for _ in range(600):
        subject, html, text = (some_template(chance) for _ in range(3))
        parts = Parts(
            subject, html, text, "https://x.example/{{ a | default('') }}?{{ b | default('') }}"
        )
        splitter = split(parts, mark=MARK)
        assert splitter is not None, parts
        whole = compile(parts)
        for _ in range(5):
            values = some_values(chance)
            problem = whole.problem(values)
            if problem:
                refused += 1
                with pytest.raises(ValueError, match=r"\w"):
                    splitter.values(values)
                continue
            compared += 1
            assert joined(splitter, values) == whole.render(values)[:3], (parts, values)
    assert compared > 500
    assert refused > 100


@pytest.mark.parametrize(
    "html",
    ["&#{{ a }};", "& {%- if a %}{{ a }}{% endif %};", "{{ a | safe }}x2f;", "<i>{{ a }}</i>"],
)
def test_an_entity_half_of_which_is_a_value(html: str) -> None:
    parts = Parts("", html, "", "")
    splitter = split(parts, mark=MARK)
    assert splitter is not None
    for value in ("x2f", "#x2f", "&#", "1/2"):
        assert joined(splitter, {"a": value}) == compile(parts).render({"a": value})[:3]


def test_the_same_in_the_same_part_shares_a_token() -> None:
    parts = Parts("{{ a }}", "{{ a }} {{a}} {{ a|upper }}", "{{ a }} {{- a }}", "")
    splitter = split(parts, mark="m")
    assert splitter is not None
    assert splitter.merged.subject == "-m.1-"
    assert splitter.merged.html == "-m.2- -m.2- -m.3-"
    assert splitter.merged.text == "-m.4--m.4-"
    assert splitter.values({"a": "&\n"}) == ("& ", "&amp;\n", "&amp;\n", "&\n")


def test_what_is_the_same_for_all_is_no_token() -> None:
    splitter = split(Parts("Hi", '{{ "A &amp; B" | safe }}', "{# - #}x", ""), mark="m")
    assert splitter is not None
    assert splitter.merged == ("Hi", "A &amp; B", "x", ())
    assert splitter.values({}) == ()


@pytest.mark.parametrize(
    "text",
    [
        "{% set b = a %}{{ b }}",
        "{% if a %}{% set b = a %}{% endif %}{{ b }}",
        "{% macro m() %}x{% endmacro %}{{ m() }}",
        "{% block b %}{{ a }}{% endblock %}",
        "".join(f"{{{{ a ~ {place} }}}}" for place in range(1000)),
    ],
)
def test_what_reaches_further_is_rendered_whole(text: str) -> None:
    assert split(Parts("", "", text, ""), mark=MARK) is None


def test_a_template_that_cannot_be_read() -> None:
    with pytest.raises(InvalidInput, match="text line 2: "):
        split(Parts("", "", "\n{% if %}", ""), mark=MARK)


def test_a_vendors_own_tags() -> None:
    parts = Parts(
        "{{ first_name | default('you') }}!",
        """<p title="{{ a }}">{{ b | default("x < 'y'", true) }}{# note #}{{ "A<br>B" | safe }}""",
        "{{ a -}}  {% raw %}{{ b }}{% endraw %}\n",
        "{{ unsubscribe }}",
    )
    assert merge_tags(parts, lambda name, default: f"*|{name}:{default}|*") == Parts(
        "*|first_name:you|*!",
        """<p title="*|a:|*">*|b:x &lt; &#x27;y&#x27;|*A<br>B""",
        "*|a:|*{{ b }}\n",
        "*|unsubscribe:|*",
    )


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("\n{{ a | upper }}", r"html line 2: \{\{ a | upper \}\}"),
        ("{% if a %}{% endif %}", r"html line 1: \{% if %\}"),
        ("{{ a.b }}", "html line 1"),
        ("{{ a + 1 }}", "html line 1"),
    ],
)
def test_what_a_vendor_cannot_merge(html: str, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        merge_tags(Parts("", html, "", ""), lambda name, _: name)
