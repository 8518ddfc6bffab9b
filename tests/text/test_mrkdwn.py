"""Markdown in, mrkdwn out."""

from __future__ import annotations

import random
import re

import pytest

from mktool.report import Block, Span
from mktool.text.mrkdwn import escape, from_block, from_markdown, mentioned


def test_escape_touches_three_characters() -> None:
    assert escape("a & b < c > d \"e\" 'f' *g* &amp;") == (
        "a &amp; b &lt; c &gt; d \"e\" 'f' *g* &amp;amp;"
    )


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("**bold** and __bold__", "*bold* and *bold*"),
        ("*italic* and _italic_", "_italic_ and _italic_"),
        ("***both***", "*_both_*"),
        ("**bold *and italic* in it**", "*bold _and italic_ in it*"),
        ("*italic **and bold** in it*", "_italic *and bold* in it_"),
        ("~~gone~~", "~gone~"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name and __init__.py", "snake_case_name and *init*.py"),
        ("_a snake_case word_", "_a snake_case word_"),
        (r"\*as it is\*", "*as it is*"),
        ("**open", "**open"),
        ("****", "****"),
        ("# Title", "*Title*"),
        ("### A **bold** _title_ ##", "*A bold _title_*"),
        ("#hashtag", "#hashtag"),
        ("- one\n* two\n+ **three**\n1. four", "- one\n* two\n+ *three*\n1. four"),
        ("* *x*", "* _x_"),
        ("[text](https://example.com)", "<https://example.com|text>"),
        ("[a](https://example.com/?x=1&y=2)", "<https://example.com/?x=1&amp;y=2|a>"),
        ("[a](https://example.com/A_(b)) b", "<https://example.com/A_(b)|a> b"),
        ('[a](https://example.com "title")', "<https://example.com|a>"),
        ("[**a**](https://example.com)", "<https://example.com|a>"),
        ("**[a](https://example.com)**", "*<https://example.com|a>*"),
        ("[](https://example.com)", "<https://example.com>"),
        ("[a|b>](https://example.com)", "<https://example.com|a¦b&gt;>"),
        ("![alt](https://example.com/i.png)", "<https://example.com/i.png|alt>"),
        ("<https://example.com>", "<https://example.com>"),
        ("[mail](mailto:a@example.com)", "<mailto:a@example.com|mail>"),
        ("https://example.com/a_b_c?x=_y_&z", "https://example.com/a_b_c?x=_y_&amp;z"),
        ("**https://example.com/a_b_**", "*https://example.com/a_b_*"),
        ("`a < **b**`", "`a &lt; **b**`"),
        ("> quoted **text**", "> quoted *text*"),
        ("```python\nif a < b: **x**\n```\n**y**", "```\nif a &lt; b: **x**\n```\n*y*"),
        ("~~~\n```\n~~~", "```\n```\n```"),
        ("```\nopen", "```\nopen\n```"),
        ("a\r\n\r\nb", "a\n\nb"),
    ],
)
def test_from_markdown(markdown: str, expected: str) -> None:
    assert from_markdown(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("<!channel> <@U1> <b>", "&lt;!channel&gt; &lt;@U1&gt; &lt;b&gt;"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[<!here>](https://example.com)", "<https://example.com|&lt;!here&gt;>"),
        ("[x](https://example.com|<!here>)", "[x](https://example.com|&lt;!here&gt;)"),
        ("<https://example.com|<!here>>", "&lt;https://example.com|&lt;!here&gt;&gt;"),
        ("`<!here>`", "`&lt;!here&gt;`"),
        ("\\<!here\\>", "&lt;!here&gt;"),
    ],
)
def test_nothing_can_be_smuggled_in(markdown: str, expected: str) -> None:
    assert from_markdown(markdown) == expected


PIECES = [
    "*", "**", "_", "__", "~~", "`", "```", "[", "]", "(", ")", "](", "![", "<", ">", "|", "\\",
    "!here", "@U1", "https://example.com", "#", "# ", "> ", "- ", "\n", " ", "a", "日", "&",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(300))
def test_only_our_own_angle_brackets_remain(seed: int) -> None:
    chance = random.Random(seed)
    made = from_markdown("".join(chance.choices(PIECES, k=chance.randint(0, 80))))
    without_quotes = re.sub(r"(?m)^>", "", made)
    without_links = re.sub(r"<https://[^\s<>|]*(\|[^<>|]+)?>", "", without_quotes)
    assert not set("<>") & set(without_links), made
    assert not re.search("&(?!amp;|lt;|gt;)", made)


@pytest.mark.parametrize("unit", ["*", "_", "__", "**a ", "*a**b", "`a``b", "[a](", "~~a ", "[\\"])
def test_odd_input_ends_soon(unit: str) -> None:
    assert from_markdown(unit * 3000)


BLOCKS = (
    (Block("heading", (Span("A *b*\nc"),), level=2), "*A *b* c*"),
    (Block("text", (Span("bold \nmore", bold=True), Span("!"))), "*bold* \n*more*!"),
    (Block("bullet", (Span("x"),), level=1), "    • x"),
    (Block("number", (Span("x\ny"),)), "7. x\ny"),
    (Block("todo", (Span("x", strike=True),), done=True), "☑ ~x~"),
    (Block("quote", (Span("<a>\n&"),)), ">&lt;a&gt;\n>&amp;"),
    (Block("code", (Span("a ``` <!here>"),)), "```\na ` ` ` &lt;!here&gt;\n```"),
    (Block("text", (Span("x|<y>", link="https://a.example/?b=1&c=|"),)),
     "<https://a.example/?b=1&amp;c=%7C|x¦&lt;y&gt;>"),
    (Block("text", (Span("far", link="https://a.example/" + "&" * 500),)), "far"),
    (Block("text", (Span("Ada", email="ada@a.example"),)), "<@ada@a.example|Ada>"),
    (Block("text", (Span("Eve", email="a|<!here>@x"),)), "Eve"),
    (Block("divider"), "———"),
)  # fmt: skip


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_blocks(block: Block, expected: str) -> None:
    assert from_block(block, 7) == expected


def test_people_are_mentioned_where_they_are_known() -> None:
    text = "<@ada@a.example|Ada> &lt;@bob@a.example|Bob&gt; <@bob@a.example|Bob>"
    ids = {"ada@a.example": "U1"}
    said = mentioned(text, lambda email: ids.get(email, ""))
    assert said == "<@U1> &lt;@bob@a.example|Bob&gt; Bob"
