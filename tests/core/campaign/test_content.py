"""A recipient's copy of the content, and what is done to it before anybody's is made."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mktool.core.campaign import content
from mktool.core.campaign.content import Parts, Rendered, variable_name
from mktool.errors import InvalidInput, Unsupported


def parts(subject: str = "", html: str = "", text: str = "", unsubscribe: str = "") -> Parts:
    return Parts(subject, html, text, unsubscribe)


def prepared(
    given: Parts,
    *,
    preheader: str = "",
    postal_address: str = "",
    inline_css: bool = False,
    utm: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Parts:
    return content.prepare(
        given,
        preheader=preheader,
        postal_address=postal_address,
        inline_css=inline_css,
        utm=utm or {},
        defaults=defaults or {},
    )


def rendered(template: str, **values: str) -> str:
    return content.compile(parts(text=template)).render(values).text


def test_each_part_escapes_as_it_must() -> None:
    whole = content.compile(
        parts(
            "{{ name }}", "<p>{{ name }}</p>{{ unsubscribe }}", "{{ name }}\n",
            "https://acme.example/u/{{ id }}?n={{ name }}",
        )
    )  # fmt: skip
    assert whole.variables == ("id", "name")
    values = {"name": "Ann <b>\r\n&", "id": "a/b 1"}
    assert whole.render(values) == Rendered(
        "Ann <b>  &",
        "<p>Ann &lt;b&gt;\r\n&amp;</p>https://acme.example/u/a/b%201?n=Ann%20%3Cb%3E%0D%0A%26",
        "Ann <b>\r\n&\n",
        "https://acme.example/u/a/b%201?n=Ann%20%3Cb%3E%0D%0A%26",
    )
    assert whole.unsubscribe(values) == whole.render(values).unsubscribe


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("{{ a }}", {"a": "{{ 7*7 }}{% if %}"}, "{{ 7*7 }}{% if %}"),
        ("{{ a }}", {"a": "\x1f\x1f\x00😀"}, "\x1f\x1f\x00😀"),
        ("{{ a | default('there') }}", {}, "there"),
        ("{% if a %}{{ a }}{% else %}none{% endif %}", {}, "none"),
        ("{{ a or b }}", {"b": "B"}, "B"),
        ("{{ o.city }}", {"o": '{"city": "Oz"}'}, "Oz"),
        ("{{ o.tags[0].name }}", {"o": '{"tags": [{"name": "x"}]}'}, "x"),
        ("{{ o.city | default('?') }}", {"o": '{"city": null}'}, "?"),
        ("{{ o.city | default('?') }}", {}, "?"),
        ("{{ o.upper() }}", {"o": "x"}, "X"),
        ("{{ o }}", {"o": '{"city": "Oz"}'}, '{"city": "Oz"}'),
        ("{{ template_name }}{{ self }}", {"template_name": "t", "self": "s"}, "ts"),
        ("{% raw %}{{ a }}{% endraw %}", {}, "{{ a }}"),
        ("{% set x = a %}{{ x }}", {"a": "1"}, "1"),
    ],
)
def test_values_are_data(template: str, values: dict[str, str], expected: str) -> None:
    assert rendered(template, **values) == expected


@pytest.mark.parametrize(
    ("template", "values", "problem"),
    [
        ("{{ a }} {{ b }}", {"b": "x"}, "a is empty"),
        ("{{ a }} {{ b }}", {"a": "x", "b": "x"}, ""),
        ("{{ o.city }}", {"o": "{}"}, "o.city is empty"),
        ("{{ o.city }}", {"o": "{" * 5000}, "o.city is empty"),
        ("{{ o.city }}", {"o": '{"a":' * 900 + "1" + "}" * 900}, "o.city is empty"),
        ("\n{{ a | int }}", {"a": "x"}, "text line 2: invalid float literal"),
        ("{% if a == 'x' %}{{ b }}{% endif %}", {"a": "y"}, ""),
        ("{% if a == 'x' %}{{ b }}{% endif %}", {"a": "x"}, "b is empty"),
        ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", {},
         "text line 1: engine ran out of fuel"),
        ("{% for i in range(10**9) %}{% endfor %}", {}, "text line 1: range has too many elements"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", {},
         "text line 1: recursion limit exceeded"),
    ],
)  # fmt: skip
def test_problem_is_what_rendering_would_say(
    template: str, values: dict[str, str], problem: str
) -> None:
    whole = content.compile(parts(html="<p>\n\n</p>", text=template))
    assert whole.problem(values) == whole.problem(values) == problem
    if problem:
        with pytest.raises(ValueError, match=r"\w"):
            whole.render(values)
    else:
        whole.render(values)


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("\n\n{{ a b }}", "html line 3: unexpected identifier"),
        ("\n{{ a ", "html line 2: {{ a  … is not closed"),
        ("{{ 'a }}", "html line 1: "),
        ("{% if a %}", "html line 1: unexpected end of input"),
        ("{# a", "html line 1: {# is not closed"),
        ("{% raw %}a", "html line 1: {% raw %} is not closed"),
        ("a\n{% include 'b' %}", "html line 2: {% include %} is not available"),
        ("{% extends 'b' %}", "html line 1: {% extends %} is not available"),
        ("{% from 'b' import c %}", "html line 1: {% from %} is not available"),
        ("{{ a | nosuch }}", "html line 1: filter nosuch is unknown"),
        ("{{ nosuch() }}", "html line 1: value of type string is not callable"),
        ("{{ debug() }}", "html line 1: value of type string is not callable"),
        ("{{ " + "-" * 100_000 + "1 }}", "html line 1: {{ -"),
        ("{{ " + "-" * 900 + "1 }}{{", "html line 1: {{ … is not closed"),
        ("{% if a %}" + "{% elif a %}" * 5000 + "{% endif %}", "html line 1: more than 200"),
        ("{% if a %}" * 5000 + "{% endif %}" * 5000, "html line 1: template exceeds"),
        ("{{" * 300_000, "html line 1: "),
        ("{{ '" * 200_000, "html line 1: "),
        ("x" * 5_000_000, "html has 5.0 million characters"),
    ],
)
def test_what_cannot_be_read(html: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        content.compile(parts(html=html))
    assert str(caught.value).startswith(message)
    with pytest.raises(InvalidInput, match=r"^html "):
        content.compile(prepared(parts(html=html), inline_css=True, utm={"source": "x"}))


def test_a_name_in_the_list_and_in_the_template() -> None:
    columns = ("First name", "firstName", "E-Mail (work)", "2nd", "Größe", "for", "²", "")
    names = [variable_name(column) for column in columns]
    assert names == ["first_name", "firstName", "e_mail_work", "_2nd", "Größe", "for_", "__", "_"]
    for name in names:
        assert rendered(f"{{{{ {name} }}}}", **{name: "x"}) == "x"


def test_defaults_of_the_campaign() -> None:
    given = parts(
        "{{ name }}{{ name | default('own') }}",
        "{{ name|upper }}{% if name == 'a\"b' %}{{ x.name }}{% endif %}",
        "{% for name in [1] %}{{ name }}{% endfor %}{% set name = name %}{{ 'name' }}{{ name }}",
    )
    defaults = {"name": 'a"b'}
    expected = Rendered('a"bown', "A&quot;Bn", '1namea"b', "")
    values = {"x": '{"name": "n"}'}
    assert content.compile(given, defaults=defaults).render(values) == expected
    once = prepared(given, defaults=defaults)
    assert content.compile(once, defaults=defaults).render(values) == expected
    assert prepared(once, defaults=defaults) == once
    assert content.compile(once).render({**values, "name": "z"}).subject == "zz"


def test_the_postal_address_is_a_constant() -> None:
    given = parts(html="<p>{{ postal_address }}</p>", text="{{ postal_address }}")
    whole = content.compile(prepared(given, postal_address='A & "B"\nStreet 1'))
    assert whole.variables == ()
    assert whole.render({}) == Rendered(
        "", "<p>A &amp; &quot;B&quot;<br>Street 1</p>", 'A & "B"\nStreet 1', ""
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://x.example", "https://x.example?utm_source=news"),
        ("https://x.example/?a=1#top", "https://x.example/?a=1&utm_source=news#top"),
        ("https://x.example/{{ id }}?a=1", "https://x.example/{{ id }}?a=1&utm_source=news"),
        ("https://x.example/{{ id|default('#?') }}",
         "https://x.example/{{ id|default('#?') }}?utm_source=news"),
        ("https://x.example/?{{ q }}", "https://x.example/?{{ q }}&utm_source=news"),
        ("https://x.example/?utm_source=y", "https://x.example/?utm_source=y"),
        ("https://x.example/{% if a %}?b{% endif %}", "https://x.example/{% if a %}?b{% endif %}"),
        ("https://x.example/unsubscribe/1", "https://x.example/unsubscribe/1"),
        ("{{ unsubscribe }}", "{{ unsubscribe }}"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("tel:+31", "tel:+31"),
        ("#top", "#top"),
    ],
)  # fmt: skip
def test_links_are_tagged(before: str, after: str) -> None:
    given = parts(html=f'<a title=">" HREF="{before}">x</a>', text=f"see {before}, it is.")
    tagged = prepared(given, utm={"source": "news"})
    shown = after.replace("&", "&amp;")
    assert tagged.html == f'<a title=">" HREF="{shown}">x</a>'
    assert tagged.text == f"see {after}, it is."
    assert prepared(tagged, utm={"utm_source": "news"}) == tagged


def test_what_differs_may_be_in_a_parameter() -> None:
    given = parts(html='<a href="https://x.example">x</a>', text="https://x.example")
    tagged = prepared(given, utm={"campaign": "a & {{ plan }}"})
    link = content.compile(tagged).render({"plan": "b/c&d"})
    assert link.html == '<a href="https://x.example?utm_campaign=a%20%26%20b/c%26d">x</a>'
    assert link.text == "https://x.example?utm_campaign=a%20%26%20b/c%26d"


def test_the_text_of_html() -> None:
    html = """<html><head><title>t</title><style>p { color: red }</style></head><body>
    <h1>Hi {{ name | default("<you>") }} &amp; all</h1>
    <p>Read <a href="https://x.example/{{ id }}?a=1&amp;b=2">the <b>news</b></a>,
    <a href="https://x.example/">https://x.example</a> <a href="#top">up</a>
    <a href="mailto:a@x.example">write</a> <a href="{{ unsubscribe }}"><img alt="Leave"></a></p>
    <table>{% for x in [1, 2] %}<tr {% if x %}class="a"{% endif %}><td>{{ x }}</td><td>z</td></tr>
    {% endfor %}</table>{% if a %}<ul><li>one</li><li>two</li></ul>{% endif %}</body></html>"""
    text = prepared(parts(html=html)).text
    assert text == (
        'Hi {{ name | default("<you>") }} & all\n\n'
        "Read the news (https://x.example/{{ id }}?a=1&b=2), https://x.example up "
        "write (a@x.example) Leave ({{ unsubscribe }})\n\n"
        "{% for x in [1, 2] %}{{ x }}\tz\n{% endfor %}\n{% if a %}- one\n- two\n{% endif %}"
    )


@pytest.mark.parametrize(
    ("plan", "text"),
    [("pro", "A\n\nB\n\n- 1\n- 2\n\nC D\n\nR\n\nE"), ("free", "A\n\n- 1\n- 2\n\nC\n\nR\n\nE")],
)
def test_the_text_has_no_blank_lines_for_blocks(plan: str, text: str) -> None:
    html = """<p>A</p>{% if plan == 'pro' %}<p>B</p>{% endif %}<ul>{% for n in [1, 2] %}<li>{{ n }}
    </li>{% endfor %}</ul><table><tr><td> C{% if plan == 'pro' %} D{% endif %}</td></tr></table>
    <p>{% raw %}R{% endraw %}</p><p>E</p>"""
    made = content.compile(prepared(parts(html=html))).render({"plan": plan})
    assert made.text == text


def test_a_text_of_ones_own_is_kept() -> None:
    assert prepared(parts(html="<p>a</p>", text="b")).text == "b"


def test_a_text_that_cannot_be_derived() -> None:
    with pytest.raises(InvalidInput, match="html has a block"):
        prepared(parts(html='<p hidden>{% if a %}<b style="display:none">{% endif %}</b></p>'))


def test_style_sheets_are_inlined(tmp_path: Path) -> None:
    (tmp_path / "secret.css").write_text("p { color: blue }")
    html = f"""<link rel="stylesheet" href="file://{tmp_path}/secret.css">
    <style>.x {{ color: {{{{ color }}}} }} @media (width < 9px) {{ p {{ color: green }} }}</style>
    <table>{{% if a %}}<tr><td class=x {{{{ more }}}}>a</td></tr>{{% endif %}}</table>"""
    inlined = prepared(parts(html=html), inline_css=True).html
    assert '<td class="x" {{ more }} style="color: {{ color }};">a</td>' in inlined
    assert inlined.index("<table>{% if a %}") < inlined.index("<tr>") < inlined.index("{% endif %}")
    assert "@media" in inlined
    assert "blue" not in inlined


def test_the_library_that_inlines_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)
    with pytest.raises(Unsupported) as caught:
        prepared(parts(html="<p>a</p>"), inline_css=True)
    assert caught.value.hint == "pip install 'mktool[email]'"


def test_a_block_in_a_style_sheet_is_not_lost_in_silence() -> None:
    html = "<style>{% if a %}p { color: red }{% endif %}</style><p>x</p>"
    with pytest.raises(InvalidInput, match="html has a block"):
        prepared(parts(html=html), inline_css=True)


@pytest.mark.parametrize(
    ("html", "place"),
    [
        ("<!doctype html><html><body bgcolor='>'>Hi", "<!doctype html><html><body bgcolor='>'>"),
        ("<!-- <body> --><html><head></head>Hi", "<!-- <body> --><html><head></head>"),
        ("<p>Hi", ""),
    ],
)
def test_the_preheader_is_the_first_of_the_body(html: str, place: str) -> None:
    whole = prepared(parts(html=html), preheader="See {{ a | default('<') }} & go").html
    assert whole.startswith(f'{place}<div style="display:none')
    assert "See {{ a | default('<') }} &amp; go" in whole


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000, "<table><tr><td>" * 60_000, "<" * 300_000, "<a " * 100_000,
        "<!--" * 200_000, "<p a='" * 60_000, "<a href=x>" * 100_000, "</" * 400_000,
        "<style>" * 100_000, "&" * 400_000, "<pre>" + " " * 500_000 + "x", "zq1q" * 200_000,
        "<b></i>" * 50_000, "\x00<p>\x00",
    ],
    ids=lambda html: html[:6],
)  # fmt: skip
def test_html_that_is_none(html: str) -> None:
    text = Parts("", html, "", "")
    if html.startswith(("<div", "<table", "<a href", "<b>")):
        with pytest.raises(InvalidInput, match="elements in each other"):
            prepared(text, inline_css=True, utm={"source": "x"}, preheader="x")
    else:
        mail = prepared(text, inline_css=True, utm={"source": "x"}, preheader="x").html
        assert mail.count("&zwnj;") == 100


def test_what_looks_like_a_stand_in_is_text() -> None:
    html = '<a href="https://x.example/zq0qv0z?ZQ1Q=1">zq0qv0z {{ a }} zq0qb0z</a>'
    assert prepared(parts(html=html), inline_css=True, utm={"source": "s"}).html == (
        '<html><head></head><body><a href="https://x.example/zq0qv0z?ZQ1Q=1&amp;utm_source=s">'
        "zq0qv0z {{ a }} zq0qb0z</a></body></html>"
    )
