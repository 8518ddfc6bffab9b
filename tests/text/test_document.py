"""Markdown becomes blocks, and blocks become Markdown, HTML, text and parts that fit."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from mktool.report import Block, Span
from mktool.text.document import (
    parse,
    split_blocks,
    split_text,
    to_html,
    to_markdown,
    to_plain,
)
from mktool.text.markup import escape

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
ARABIC = "مرحبا بالعالم، هذا نص."
DOCUMENT = """# Weekly *review*

Intro **bold**, ~~gone~~ and `code`, see https://example.com/a_b.
A line of its own.

- [ ] write it
- [x] ship it
  with notes
  - nested
    1. deep
- plain

> somebody said

```python
x = "````"
```

| who | what |
|-----|------|
| Ada | **notes** |

***
"""


def text(words: str) -> Block:
    return Block("text", (Span(words),))


def size(blocks: Sequence[Block]) -> int:
    return sum(len(block.plain) for block in blocks)


def test_all_kinds_of_blocks() -> None:
    found = [(block.kind, block.level, block.done, block.plain) for block in parse(DOCUMENT)]
    assert found == [
        ("heading", 1, False, "Weekly review"),
        (
            "text", 0, False,
            "Intro bold, gone and code, see https://example.com/a_b.\nA line of its own.",
        ),
        ("todo", 0, False, "write it"),
        ("todo", 0, True, "ship it\nwith notes"),
        ("bullet", 1, False, "nested"),
        ("number", 2, False, "deep"),
        ("bullet", 0, False, "plain"),
        ("quote", 0, False, "somebody said"),
        ("code", 0, False, 'x = "````"'),
        ("text", 0, False, "who | what"),
        ("text", 0, False, "Ada | notes"),
        ("divider", 0, False, ""),
    ]  # fmt: skip


def test_styles_and_links() -> None:
    (block,) = parse("a **b *c*** ~~d~~ `e` [f](https://x.y) <mailto:a@b.c> https://z.y/?a=b.")
    assert [span for span in block.spans if span.text.strip()] == [
        Span("a "),
        Span("b ", bold=True),
        Span("c", bold=True, italic=True),
        Span("d", strike=True),
        Span("e", code=True),
        Span("f", link="https://x.y"),
        Span("mailto:a@b.c", link="mailto:a@b.c"),
        Span("https://z.y/?a=b", link="https://z.y/?a=b"),
        Span("."),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        'a <b onclick="x()">b</b>',
        "<!-- hidden -->",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](data:text/html,x)",
        "[a](file:///etc/passwd)",
        "[a](//example.com)",
        "[a](/relative)",
    ],
)
def test_what_is_not_safe_is_text(source: str) -> None:
    (block,) = parse(source)
    assert (block.kind, block.plain, {span.link for span in block.spans}) == ("text", source, {""})


def test_images_are_links() -> None:
    assert parse("![alt *t*](https://x.y/i.png)![](https://x.y/j)") == (
        Block(
            "text",
            (Span("alt t", link="https://x.y/i.png"), Span("https://x.y/j", link="https://x.y/j")),
        ),
    )


def test_empty() -> None:
    for source in ("", " \n\n", "- \n-", "#", "```\n```", "[x]: https://x.y"):
        assert parse(source) == ()
    assert (to_html(()), to_plain(()), to_markdown(())) == ("", "", "")


def test_html() -> None:
    assert to_html(parse("# A & B\n\n- a\n  1. b\n- [x] c\n\nd\n**e** <i>")) == (
        "<h1>A &amp; B</h1><ul><li>a<ol><li>b</li></ol></li><li>☑ c</li></ul>"
        "<p>d<br><strong>e</strong> &lt;i&gt;</p>"
    )
    quoted = Block("text", (Span('"', link='https://x.y/"onmouseover="x'),))
    assert to_html([quoted]) == (
        '<p><a href="https://x.y/&quot;onmouseover=&quot;x">&quot;</a></p>'
    )


class Balance(HTMLParser):
    """The elements that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_plain() -> None:
    assert to_plain(parse(DOCUMENT)) == (
        "Weekly review\n\nIntro bold, gone and code, see https://example.com/a_b.\n"
        "A line of its own.\n\n☐ write it\n☑ ship it\n  with notes\n  • nested\n    1. deep\n"
        '• plain\n\n> somebody said\n\nx = "````"\n\nwho | what\n\nAda | notes\n\n———'
    )
    assert to_plain(parse("[a](https://x.y) <mailto:a@b.c>\n1. x\n2. y")) == (
        "a (https://x.y) mailto:a@b.c (a@b.c)\n\n1. x\n2. y"
    )


def test_markdown_is_read_again() -> None:
    blocks = parse(DOCUMENT)
    assert parse(to_markdown(blocks)) == blocks


PARTS = [
    *"*_`~[]()<>!#-+.1 \n|&;\\ab:='\"x ", "**", "https://a.b/c_d", "\n\n", "- ", "1. ", "> ",
    "    ", "```", "&amp;", "é", "😀", "ش", "\t", "---", "[ ] ", "@a", "[a](http://b)",
]  # fmt: skip


def test_whatever_is_parsed_keeps_its_words() -> None:
    """Structure and text are as they were; of styles side by side one may be lost in a thousand."""
    chance = random.Random(7)
    lost = 0
    for _ in range(1500):
        blocks = parse("".join(chance.choices(PARTS, k=chance.randint(1, 25))))
        again = parse(to_markdown(blocks))
        lost += [(b.kind, b.level, b.plain) for b in blocks] != [
            (b.kind, b.level, b.plain) for b in again
        ]
        balance = Balance()
        balance.feed(to_html(blocks))
        assert balance.open == []
    assert lost <= 2


def test_an_escaped_text_is_itself() -> None:
    chance = random.Random(8)
    for _ in range(1500):
        words = " ".join("".join(chance.choices(PARTS, k=chance.randint(1, 15))).split())
        assert [(b.kind, b.plain) for b in parse(escape(words))] == [("text", words)] * bool(words)


@pytest.mark.parametrize(
    "source",
    [
        "[" * 200_000,
        "![" * 50_000,
        "*a " * 50_000,
        "> " * 5000 + "a",
        "\n".join("  " * depth + "- a" for depth in range(200)),
        "[a](" * 50_000,
        "`a" * 50_000,
    ],
    ids=lambda source: source[:4],
)
def test_hostile_markdown_takes_no_time(source: str) -> None:
    start = time.perf_counter()
    assert parse(source)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("run", [" ", ".", "`", "*", "_", "\\", "&", "#", "👍🏽", "e\u0301"])
def test_hostile_texts_take_no_time(run: str) -> None:
    start = time.perf_counter()
    words = f"a{run * 30_000}b"
    block = Block("text", (Span(words, bold=True), Span("c")))
    assert len(to_markdown([block])) >= len(words)
    assert "".join(split_text(words, 65_536 // 2)) == words
    assert time.perf_counter() - start < 3


def test_right_to_left_and_emoji_stay() -> None:
    (block,) = parse(f"{ARABIC} {FAMILY}")
    assert block.plain == f"{ARABIC} {FAMILY}"
    assert to_html([block]) == f"<p>{ARABIC} {FAMILY}</p>"


@pytest.mark.parametrize(
    ("words", "limit", "parts"),
    [
        ("", 5, []),
        ("short", 5, ["short"]),
        ("One two.\n\nThree four.", 12, ["One two.\n\n", "Three four."]),
        ("one two\nthree", 10, ["one two\n", "three"]),
        ("One. Two three", 12, ["One. ", "Two three"]),
        ("several words here", 10, ["several ", "words here"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        (f"ab{FAMILY}c", 8, ["ab", f"{FAMILY}c"]),
        ("e\u0301e\u0301e\u0301", 3, ["e\u0301", "e\u0301", "e\u0301"]),
        ("a" + "\u0301" * 100, 40, ["a" + "\u0301" * 39, "\u0301" * 40, "\u0301" * 21]),
    ],
)
def test_split_text(words: str, limit: int, parts: list[str]) -> None:
    found = split_text(words, limit)
    assert "".join(found) == words
    assert found == parts


def test_split_text_counts_as_the_vendor_does() -> None:
    def units(words: str) -> int:
        return len(words.encode("utf-16-le")) // 2

    parts = split_text("😀" * 5, 4, units)
    assert parts == ["😀😀", "😀😀", "😀"]
    with pytest.raises(ValueError, match="less than a single character"):
        split_text("😀", 1, units)


def test_split_blocks() -> None:
    blocks = [Block("heading", (Span("Head"),), 2), text("x" * 8), text("y" * 8), text("z")]
    groups = split_blocks(blocks, 12, size)
    assert [[block.plain for block in group] for group in groups] == [
        ["Head", "x" * 8],
        ["y" * 8, "z"],
    ]
    heading_last = [text("a" * 8), Block("heading", (Span("Head"),), 2), text("b" * 6)]
    assert [len(group) for group in split_blocks(heading_last, 12, size)] == [1, 2]
    assert split_blocks([], 12, size) == []


def test_a_block_that_is_too_large_keeps_its_styles() -> None:
    spans = (Span("plain "), Span("bold bold bold", bold=True), Span(" end"))
    groups = split_blocks([Block("bullet", spans, 1)], 12, size)
    flat = [block for group in groups for block in group]
    assert "".join(block.plain for block in flat) == "plain bold bold bold end"
    assert all(block.kind == "bullet" and block.level == 1 for block in flat)
    bold = "".join(s.text for block in flat for s in block.spans if s.bold)
    assert bold == "bold bold bold"
    assert all(size(group) <= 12 for group in groups)


def test_a_megabyte_is_fast() -> None:
    lines = [text(f"Ada: words number {n} that were said") for n in range(30_000)]
    start = time.perf_counter()
    groups = split_blocks(lines, 3000, size)
    assert [block for group in groups for block in group] == lines
    whole = "\n".join(block.plain for block in lines)
    assert "".join(split_text(whole, 2000)) == whole
    assert len(to_html(lines)) > 1_000_000
    assert time.perf_counter() - start < 5
