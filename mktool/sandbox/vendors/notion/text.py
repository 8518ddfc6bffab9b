"""Rich text and blocks of Notion: what they may hold, and how they come back.

https://developers.notion.com/reference/request-limits and /reference/block (read 2026-11). A
length is that of JavaScript: an emoji counts as two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .desk import ident, invalid, made

Data = dict[str, Any]
LONGEST = 2000  # of one text, and of an address
RUNS = 100  # texts in one list
CHILDREN = 100  # blocks in one list
DEEPEST = 2  # lists of blocks inside of blocks, in one request
BLOCKS = 1000  # in one request
_PLAIN = {"bold": False, "italic": False, "strikethrough": False, "underline": False,
          "code": False, "color": "default"}  # fmt: skip
_WRITTEN = {"paragraph", "heading_1", "heading_2", "heading_3", "heading_4", "bulleted_list_item",
            "numbered_list_item", "to_do", "toggle", "quote", "callout", "code"}  # fmt: skip
_FILES = {"image", "video", "file", "pdf", "audio"}
_LINKS = {"bookmark", "embed"}
_EMPTY = {"divider", "breadcrumb", "table_of_contents", "column"}
_OTHER = {"equation", "table", "table_row", "column_list", "synced_block", "link_to_page",
          "template", "tab", "meeting_notes", "transcription"}  # fmt: skip
_PARENTS = _WRITTEN - {"code"} | {"table", "column_list", "column", "synced_block", "tab"}


def length(text: str) -> int:
    """Return how long a text is in UTF-16, as JavaScript counts."""
    return len(text.encode("utf-16-le")) // 2


def written(value: Any, where: str) -> list[Data]:
    """Return rich text as Notion gives it back, or refuse it."""
    if not isinstance(value, list):
        raise invalid(f"{where} should be an array, instead was `{type(value).__name__}`.")
    if len(value) > RUNS:
        raise invalid(f"{where}.length should be ≤ `{RUNS}`, instead was `{len(value)}`.")
    return [_run(one, f"{where}[{number}]") for number, one in enumerate(value)]


def plain(runs: Any) -> str:
    """Return the words of rich text that was kept."""
    return "".join(run["plain_text"] for run in runs)


def _run(one: Any, where: str) -> Data:
    if not isinstance(one, dict):
        raise invalid(f"{where} should be an object.")
    kind = one.get("type") or next((k for k in ("text", "mention", "equation") if k in one), "")
    inner = one.get(kind) if isinstance(kind, str) else None
    if kind not in ("text", "mention", "equation") or not isinstance(inner, dict):
        raise invalid(f"{where}.text should be defined, instead was `undefined`.")
    run: Data = {"type": kind, kind: inner, "annotations": _annotations(one, where), "href": None}
    if kind == "text":
        run |= _text(inner, f"{where}.text")
    elif kind == "equation":
        run["plain_text"] = bounded(inner.get("expression"), 1000, f"{where}.equation.expression")
    else:
        run["plain_text"] = f"@{next(iter(inner), '')}"
    return run


def _text(inner: Data, where: str) -> Data:
    content = bounded(inner.get("content"), LONGEST, f"{where}.content")
    link = inner.get("link")
    href = address(link.get("url"), f"{where}.link.url") if isinstance(link, dict) else None
    return {"text": {"content": content, "link": {"url": href} if href else None},
            "plain_text": content, "href": href}  # fmt: skip


def _annotations(one: Data, where: str) -> Data:
    given = one.get("annotations") or {}
    if not isinstance(given, dict) or not given.keys() <= _PLAIN.keys():
        raise invalid(f"{where}.annotations is not valid.")
    for name, value in given.items():
        if not isinstance(value, type(_PLAIN[name])):
            raise invalid(f"{where}.annotations.{name} is not valid.")
    return {**_PLAIN, **given}


def bounded(value: Any, most: int, where: str) -> str:
    """Return a text that is not too long, or refuse it."""
    if not isinstance(value, str):
        raise invalid(f"{where} should be a string, instead was `{type(value).__name__}`.")
    if length(value) > most:
        raise invalid(f"{where}.length should be ≤ `{most}`, instead was `{length(value)}`.")
    return value


def address(value: Any, where: str) -> str:
    """Return a link, or refuse it."""
    found = bounded(value, LONGEST, where)
    if not found.startswith(("http://", "https://", "mailto:", "/", "#", "tel:")):
        raise invalid(f"{where}: Invalid URL for link.")
    return found


def blocks(children: Any, where: str, deep: int = 0) -> list[Data]:
    """Return blocks as they are kept, each with its ``children`` beside it, or refuse them."""
    if not isinstance(children, list):
        raise invalid(f"{where} should be an array.")
    if len(children) > CHILDREN:
        raise invalid(f"{where}.length should be ≤ `{CHILDREN}`, instead was `{len(children)}`.")
    if deep > DEEPEST:
        raise invalid(f"{where} should be not present: blocks are nested too deep.")
    found = [_block(one, f"{where}[{number}]", deep) for number, one in enumerate(children)]
    if deep == 0 and sum(1 for _ in every(found)) > BLOCKS:
        raise invalid(f"{where} should hold at most {BLOCKS} blocks.")
    return found


def every(found: list[Data]) -> Iterator[Data]:
    """Yield blocks and those inside of them, in the order of reading."""
    for block in found:
        yield block
        yield from every(block["children"])


def _block(one: Any, where: str, deep: int) -> Data:
    if not isinstance(one, dict):
        raise invalid(f"{where} should be an object.")
    known = _WRITTEN | _FILES | _LINKS | _EMPTY | _OTHER
    kind = one.get("type") or next((name for name in one if name in known), "")
    inner = one.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, dict) or kind not in known:
        raise invalid(f"{where}.{kind or 'type'} should be defined, instead was `undefined`.")
    if set(one) - {"object", "type", kind}:
        raise invalid(f"{where} should have one type only.")
    content = {name: value for name, value in inner.items() if name != "children"}
    nested: list[Data] = []
    if inner.get("children"):
        if kind not in _PARENTS:
            raise invalid(f"{where}.{kind}.children should be not present.")
        nested = blocks(inner["children"], f"{where}.{kind}.children", deep + 1)
    return {"type": kind, "content": _content(kind, content, f"{where}.{kind}"),
            "children": nested}  # fmt: skip


def _content(kind: str, content: Data, where: str) -> Data:
    """Return what is inside of a block, or refuse it."""
    if kind in _WRITTEN:
        return _writing(kind, content, where)
    if kind in _LINKS:
        return {"caption": [], **content, "url": address(content.get("url"), f"{where}.url")}
    if kind in _FILES:
        _file(content, where)
    elif kind == "equation":
        bounded(content.get("expression"), 1000, f"{where}.expression")
    elif kind == "table_row":
        return {"cells": _cells(content.get("cells"), f"{where}.cells")}
    elif kind == "table" and type(content.get("table_width")) is not int:
        raise invalid(f"{where}.table_width should be a number.")
    return content


def _file(content: Data, where: str) -> None:
    outside = content.get("external")
    if isinstance(outside, dict):
        address(outside.get("url"), f"{where}.external.url")
    elif not isinstance(content.get("file_upload"), dict):
        raise invalid(f"{where}.external should be defined, instead was `undefined`.")


def _cells(cells: Any, where: str) -> list[list[Data]]:
    if not isinstance(cells, list):
        raise invalid(f"{where} should be an array.")
    return [written(cell, f"{where}[{number}]") for number, cell in enumerate(cells)]


def _writing(kind: str, content: Data, where: str) -> Data:
    usual: Data = {"color": "default"}
    if kind == "to_do":
        usual["checked"] = False
    elif kind == "code":
        usual = {"caption": []}
        if not isinstance(content.get("language"), str):
            raise invalid(f"{where}.language should be defined, instead was `undefined`.")
    elif kind.startswith("heading"):
        usual["is_toggleable"] = False
    allowed = {*usual, "rich_text", "icon", "language", "caption"}
    strange = sorted(content.keys() - allowed)
    if strange:
        raise invalid(f"{where}.{strange[0]} should be not present.")
    if not isinstance(content.get("checked", False), bool):
        raise invalid(f"{where}.checked should be a boolean.")
    return {
        **usual,
        **content,
        "rich_text": written(content.get("rich_text"), f"{where}.rich_text"),
    }


def words(block: Data) -> str:
    """Return the text of a block, for the inbox."""
    content, kind = block["content"], block["type"]
    mark = {"bulleted_list_item": "• ", "numbered_list_item": "1. ", "to_do": "☐ "}.get(kind, "")
    if content.get("checked"):
        mark = "☑ "
    if kind == "table_row":
        return " | ".join(map(plain, content["cells"]))
    return mark + plain(content.get("rich_text") or ())


def user(id: str) -> Data:
    return {"object": "user", "id": id}


def pointed(parent: Any) -> tuple[str, str]:
    """Return kind and id of a parent, "" for what is none."""
    if not isinstance(parent, dict):
        return "", ""
    kind = next((k for k in ("data_source_id", "page_id", "database_id", "block_id",
                             "discussion_id") if k in parent), "")  # fmt: skip
    return kind, ident(parent.get(kind)) if kind else ""


__all__ = ["address", "blocks", "bounded", "every", "made", "plain", "pointed", "user", "words",
           "written"]  # fmt: skip
