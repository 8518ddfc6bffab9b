"""Templates that make much out of little."""

from __future__ import annotations

from shutil import which

import pytest

from mktool.core.campaign import content, growth
from mktool.core.campaign.content import Parts
from mktool.errors import InvalidInput
from mktool.text.template import scan

DOUBLED = "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 30 + "{{ x }}"


def compiled(text: str) -> content.Content:
    return content.compile(Parts("", "", text, ""))


@pytest.mark.parametrize(
    "template",
    [
        DOUBLED,
        "{% set x %}{{ name }}{% endset %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 25,
        "{% set n = namespace(x=name) %}{% for i in range(30) %}"
        "{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% with x = name %}" + "{% with x = x ~ x %}" * 20 + "{{ x }}" + "{% endwith %}" * 21,
        "{{ " + "'aaaaaaaaaa'" + "|replace('a', 'aaaaaaaaaa')" * 10 + " }}",
    ],
)
def test_what_does_not_fit_into_memory_is_refused(template: str) -> None:
    with pytest.raises(InvalidInput, match="more than 256 MB"):
        compiled(template)


def test_what_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "PATIENCE", 0.0)
    with pytest.raises(InvalidInput, match="longer than 0 seconds"):
        compiled("{% set slow = 1 %}")


def test_what_fits_is_rendered_as_ever() -> None:
    whole = compiled("{% set full = first ~ ' ' ~ last %}{{ full }}{{ '-' * 20 }}")
    assert whole.render({"first": "Ada", "last": "L."}).text == f"Ada L.{'-' * 20}"
    with pytest.raises(InvalidInput, match="text line 1: filter nothing is unknown"):
        compiled("{% set x = name | nothing %}{{ x }}")


@pytest.mark.parametrize(
    ("template", "can"),
    [
        (
            "{{ first_name | default('* Hello') | upper }}{# set #}"
            "{% raw %}{{ a * b }}{% endraw %}",
            False,
        ),
        ("{% if plan == 'gold' %}{{ a ~ b }}{% elif x %}{% endif %}", False),
        ("{% for one in orders.items %}{{ one.name }}{% endfor %}", False),
        ("{{ n * 2 }}", True),
        ("{% for n in range(9) %}{% endfor %}", True),
        ("{%- set x = 1 -%}", True),
        ("{{ name | indent(900) }}", True),
    ],
)
def test_only_what_can_grow_takes_another_process(template: str, can: bool) -> None:
    assert any(map(growth.can_grow, scan(template))) == can


def test_where_no_process_can_begin_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "_NEEDED", ())
    monkeypatch.setattr("sys.executable", which("false"))
    assert compiled("{% set once = 1 %}{{ once }}").render({}).text == "1"
