"""The rules of Block Kit (https://docs.slack.dev/reference/block-kit/blocks, read 2026-11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST = 50  # blocks of one message
_TYPES = {"section", "header", "divider", "image", "context", "actions", "markdown", "rich_text",
          "video", "file", "input", "table"}  # fmt: skip
MARKDOWN = 12_000  # characters of all markdown blocks together


def problems(blocks: object) -> Iterator[str]:
    """Yield what is wrong with the blocks, in the style of ``response_metadata.messages``."""
    if not isinstance(blocks, list) or len(blocks) > MOST:
        yield f"[ERROR] must be an array of at most {MOST} blocks [json-pointer:/blocks]"
        return
    ids = [b["block_id"] for b in blocks if isinstance(b, dict) and "block_id" in b]
    if len(ids) != len(set(map(str, ids))):
        yield "[ERROR] block_id is not unique [json-pointer:/blocks]"
    for number, block in enumerate(blocks):
        for what in _wrong(block if isinstance(block, dict) else {}):
            yield f"[ERROR] {what} [json-pointer:/blocks/{number}]"
    written = sum(
        len(_text(b)) for b in blocks if isinstance(b, dict) and b.get("type") == "markdown"
    )
    if written > MARKDOWN:
        yield f"[ERROR] markdown is longer than {MARKDOWN} [json-pointer:/blocks]"


def plain(blocks: object) -> str:
    """Return the words of the blocks, for the inbox."""
    found = blocks if isinstance(blocks, list) else []
    return "\n\n".join(filter(None, (_words(b) for b in found if isinstance(b, dict))))


def _words(block: dict[str, Any]) -> str:
    parts = [_text(block), *(_text({"text": f}) for f in _list(block, "fields"))]
    parts += [_text(e) for e in _list(block, "elements") if isinstance(e, dict)]
    return "\n".join(filter(None, parts))


def _text(block: dict[str, Any]) -> str:
    """Return a block's text, which is a string or an object that holds one."""
    text = block.get("text")
    inner = text.get("text") if isinstance(text, dict) else text
    return inner if isinstance(inner, str) else ""


def _list(block: dict[str, Any], name: str) -> list[Any]:
    found = block.get(name)
    return found if isinstance(found, list) else []


def _wrong(block: dict[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        yield f"unsupported type: {kind}"
        return
    if len(str(block.get("block_id", ""))) > 255:
        yield "block_id is longer than 255"
    rules = {"section": _section, "header": _header, "image": _image, "context": _elements,
             "actions": _elements}  # fmt: skip
    yield from rules[kind](block) if kind in rules else ()


def _section(block: dict[str, Any]) -> Iterator[str]:
    fields = _list(block, "fields")
    if not _text(block) and not fields:
        yield "missing required field: text or fields"
    for text in [*fields, *([block["text"]] if "text" in block else [])]:
        if not _is_text(text):
            yield "must be a plain_text or mrkdwn object"
    if len(_text(block)) > 3000:
        yield "text is longer than 3000 characters"
    if len(fields) > 10 or any(len(_text({"text": field})) > 2000 for field in fields):
        yield "at most 10 fields of 2000 characters"


def _header(block: dict[str, Any]) -> Iterator[str]:
    text = block.get("text")
    if not isinstance(text, dict) or text.get("type") != "plain_text":
        yield "text must be a plain_text object"
    if not 1 <= len(_text(block)) <= 150:
        yield "text must have 1 to 150 characters"


def _image(block: dict[str, Any]) -> Iterator[str]:
    alt = block.get("alt_text")
    if not isinstance(alt, str) or not 1 <= len(alt) <= 2000:
        yield "alt_text must have 1 to 2000 characters"
    if not block.get("image_url") and not block.get("slack_file"):
        yield "missing required field: image_url or slack_file"
    if len(str(block.get("image_url", ""))) > 3000:
        yield "image_url is longer than 3000"


def _elements(block: dict[str, Any]) -> Iterator[str]:
    most = 10 if block["type"] == "context" else 25
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= most:
        yield f"elements must be an array of 1 to {most}"
        return
    for element in elements:
        one = element if isinstance(element, dict) else {}
        if block["type"] == "context" and one.get("type") == "image":
            yield from _image(one)
        elif block["type"] == "context" and not _is_text(one):
            yield "must be a plain_text, mrkdwn or image object"
        elif one.get("type") == "button":
            yield from _button(one)


def _button(button: dict[str, Any]) -> Iterator[str]:
    text = button.get("text")
    if not isinstance(text, dict) or text.get("type") != "plain_text":
        yield "text of a button must be a plain_text object"
    limits = {"url": 3000, "value": 2000, "action_id": 255}
    if len(_text(button)) > 75:
        yield "text of a button is longer than 75 characters"
    yield from (
        f"{name} is longer than {most}"
        for name, most in limits.items()
        if len(str(button.get(name, ""))) > most
    )


def _is_text(text: object) -> bool:
    """Tell whether this is a text object that says something."""
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", "mrkdwn"):
        return False
    return isinstance(text.get("text"), str) and len(text["text"]) > 0
