"""
Reports as Markdown: front matter for what is short, a section for each of the rest.

    ---
    title: Weekly
    start: 2026-12-01T09:00
    timezone: Europe/Amsterdam
    participants: [Ada Lovelace <ada@example.com>, Bob]
    ---
    ## Summary
    We agreed.
    ## Key points
    - The beta is out
    ## Decisions
    - Ship it
    ## Action items
    - [ ] Write the notes @ada@example.com (due 2026-12-01) !high
    - [x] Book a room @[Ada Lovelace] (https://example.com/1)
    ## Transcript
    Ada: Hello.

Front matter is YAML between lines of ``---`` or TOML between lines of ``+++``, its keys are those
of the JSON schema. What stands at the end of an action item is, in any order: ``@owner``, a name
of one word, an address, ``@[Name]`` or ``@[Name](mailto:address)``; ``(due YYYY-MM-DD)``;
``!low``, ``!high`` or ``!urgent``; and a link in round brackets. ``[x]`` is done, ``[-]``
cancelled. A heading that is none of these belongs to the section that it stands in.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from datetime import time as clock
from typing import Any

from ...errors import InvalidInput
from ...report import Action, Block, Person, Report, Span
from ...text.document import parse, to_markdown
from ...text.markup import escape
from .schema import as_data

_SECTIONS = {
    "summary": "summary overview abstract recap tldr executivesummary meetingsummary",
    "key_points": "keypoints highlights takeaways keytakeaways mainpoints keyhighlights",
    "decisions": "decisions decisionsmade keydecisions decision",
    "actions": "actionitems actions action nextsteps todo todos tasks followups followup",
    "participants": "participants attendees people present",
    "transcript": "transcript transcription fulltranscript",
}
_NAMES = {word: section for section, words in _SECTIONS.items() for word in words.split()}
_HEADING = re.compile(r"[ ]{0,3}(#{1,6})[ \t]++(.*)")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})(.*)")
_ITEM = re.compile(
    r"[ ]{0,3}(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[(?P<mark>[ xX-])\][ \t]+)?(?P<text>.*)"
)
_TAIL = re.compile(
    r"(?:^|(?<=\s))(?:"
    r"@\[(?P<name>(?:[^\[\]\\]|\\.)+)\](?:\(<?mailto:(?P<mail>[^\s<>()]+)>?\))?"
    r"|@(?P<word>[^\s@\[\]()]+(?:@[^\s@\[\]()]+)?)"
    r"|\(due:?\s+(?P<due>[^\s()]+)\)"
    r"|!(?P<priority>low|normal|high|urgent)"
    r"|\(<?(?P<link>https?://[^\s<>]+?)>?\)"
    r")\s*$"
)
_ESCAPED = re.compile(r"\\(?=[@!(])|\\([!-/:-@\[-`{-~])")
_BREAK = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_MARKS = dict(zip(" x-", ("open", "done", "cancelled"), strict=True))
_SHORT = (
    "version", "id", "title", "start", "end", "timezone", "participants", "link",
    "transcript_link", "metadata",
)  # fmt: skip


def notes_of(text: str, source: str) -> dict[str, Any]:
    """Return Markdown as an object of the JSON schema; `InvalidInput` if its front matter is none.

    A heading of the first level is the title if the front matter has none.
    """
    data, body = _front_matter(text.replace("\r\n", "\n").replace("\r", "\n"), source)
    lines = body.split("\n")
    headings = dict(_headings(lines))
    if title := _title(lines, headings, data.get("title") or ""):
        data["title"] = title
    sections = _sections(lines, headings)
    for name, lines in sections.items():
        if name in data and lines:
            raise InvalidInput(f"{source}: {name} is in the front matter and a section, too",
                               hint="keep one of them")  # fmt: skip
        if lines or name not in data:
            data[name] = _SECTION[name](lines)
    return {name: value for name, value in data.items() if value not in ("", [])}


# -- sections ----------------------------------------------------------------------------------


def _title(lines: list[str], headings: dict[int, re.Match[str]], known: str) -> str:
    """Take the heading that a document begins with out of it, and return it, if it is a title."""
    first = next(iter(headings), 0)
    above = "".join(lines[:first]).replace("-", "").strip()
    if first not in headings or len(headings[first][1]) > 1 or above:
        return ""
    words = _plain(headings[first][0])
    if known != words and (known or _named(words)):
        return ""
    del headings[first]
    lines[: first + 1] = [""] * (first + 1)
    return words


def _sections(lines: list[str], headings: Mapping[int, re.Match[str]]) -> dict[str, list[str]]:
    """Return the lines of each section; those before the first are of the summary."""
    depth = min((len(h[1]) for h in headings.values() if _named(h[2])), default=0)
    found: dict[str, list[str]] = {name: [] for name in _SECTIONS}
    now = "summary"
    for at, line in enumerate(lines):
        level = len(headings[at][1]) if at in headings else 7
        if level == depth and (name := _named(headings[at][2])):
            now = name
        else:
            now = now if level > depth else "summary"
            found[now].append(line)
    return {name: _trimmed(lines) for name, lines in found.items()}


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the headings that are in no fence, each with its place."""
    fence = ""
    for at, line in enumerate(lines):
        mark = _FENCE.fullmatch(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.fullmatch(line):
            yield at, heading


def _named(heading: str) -> str:
    """Return the section that a heading names, whatever decorates it, or ""."""
    return _NAMES.get("".join(filter(str.isalpha, heading.casefold())), "")


def _trimmed(lines: list[str]) -> list[str]:
    full = [at for at, line in enumerate(lines) if line.strip()]
    return lines[full[0] : full[-1] + 1] if full else []


def _plain(markdown: str) -> str:
    return " ".join("".join(block.plain for block in parse(markdown)).split())


def _items(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (mark of a task, text) of each list item; a paragraph is one, too."""
    item: list[str] = []
    mark = ""
    for line in [*lines, ""]:
        found = _ITEM.fullmatch(line)
        if (found or not line.strip()) and item:
            yield mark, "\n".join(item)
            item = []
        if found:
            mark, item = (found["mark"] or "").lower(), [found["text"].strip()]
        elif line.strip():
            mark = mark if item else ""
            item.append(line.strip())


def _texts(lines: Sequence[str]) -> list[str]:
    return [f"[{mark}] {text}" if mark else text for mark, text in _items(lines) if text]


def _people(lines: Sequence[str]) -> list[str]:
    return [_ESCAPED.sub(r"\1", text) for text in _texts(lines)]


def _actions(lines: Sequence[str]) -> list[dict[str, Any]]:
    return [_action(mark, text) for mark, text in _items(lines) if text]


def _action(mark: str, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"status": _MARKS.get(mark, "open")}
    while tail := _TAIL.search(text):
        made = {name: value for name, value in tail.groupdict().items() if value}
        if "word" in made:
            made = {"owner": made["word"]}
        elif "name" in made:
            name = _ESCAPED.sub(r"\1", made["name"])
            made = {"owner": {"name": name, "email": made.get("mail", "")}}
        if made.keys() & found.keys():
            break
        found |= made
        text = text[: tail.start()].rstrip()
    return {**found, "text": re.sub(r"\\(?=[@!(])", "", text)}


def _transcript(lines: Sequence[str]) -> str:
    """Return the lines as they are, without a fence around all of them."""
    first = _FENCE.fullmatch(lines[0]) if len(lines) > 1 else None
    return "\n".join(lines[1:-1] if first and lines[-1].strip() == first[1] else lines)


_SECTION: Mapping[str, Any] = {
    "summary": "\n".join, "key_points": _texts, "decisions": _texts, "actions": _actions,
    "participants": _people, "transcript": _transcript,
}  # fmt: skip


# -- front matter ------------------------------------------------------------------------------


def _front_matter(text: str, source: str) -> tuple[dict[str, Any], str]:
    for mark, read in (("---", _yaml), ("+++", _toml)):
        first, _, rest = text.lstrip("\n").partition("\n")
        if first.rstrip() != mark:
            continue
        parts = re.split(rf"(?m)^{re.escape(mark)}[ \t]*$\n?", rest, maxsplit=1)
        if len(parts) < 2:
            if mark == "---":  # a line across the page
                continue
            raise InvalidInput(
                f"{source}: the front matter is not closed", hint=f"end it with {mark}"
            )
        try:
            data = read(parts[0])
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else error
            raise InvalidInput(
                f"{source}: front matter: {reason}", hint="one key: value on each line"
            ) from None
        if isinstance(data, str):  # two lines across the page
            continue
        if not isinstance(data, dict):
            raise InvalidInput(f"{source}: the front matter is no list of keys", hint="title: …")
        return {str(name): value for name, value in data.items()}, parts[1]
    return {}, text


def _toml(text: str) -> Any:
    import tomllib

    return _written(tomllib.loads(text))


def _written(value: Any) -> Any:
    """Return a value with its dates as text, as JSON has them."""
    if isinstance(value, dict):
        return {name: _written(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_written(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime | clock) else value


def _yaml(text: str) -> Any:
    """Return YAML as the core schema of YAML 1.2 reads it; ValueError with the line."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Knows no dates, no yes and no, no 9:30 as a number, no aliases, and no key twice."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the base class has it

        def compose_node(self, parent: Any, index: int) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("aliases are not known here")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            counted = Counter(str(key.value) for key, _ in node.value)
            if twice := [key for key, times in counted.items() if times > 1]:
                raise yaml.MarkedYAMLError(
                    problem=f"{twice[0]} is there twice", problem_mark=node.start_mark
                )
            return super().construct_mapping(node, deep)

    for tag, pattern, first in (
        ("null", r"~|null|Null|NULL|", "~nN\0"),
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?[0-9]{1,18}", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
    ):
        Loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})$"), list(first)
        )
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise ValueError(f"line {line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from None


# -- writing -----------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """Return a report as Markdown that `notes_of` reads again."""
    data = {name: value for name, value in as_data(report).items() if name in _SHORT}
    front = "".join(f"{name}: {_flow(value)}\n" for name, value in data.items())
    parts = [f"---\n{front}---", to_markdown([Block("heading", (Span(report.title),), 1)])]
    if report.summary:
        parts.append(f"## Summary\n\n{_section(report.summary)}")
    for heading, texts in (("Key points", report.key_points), ("Decisions", report.decisions)):
        if texts:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {_one_item(one)}" for one in texts))
    if report.actions:
        parts.append("## Action items\n\n" + "\n".join(map(_action_line, report.actions)))
    if report.transcript:
        longest = max(map(len, re.findall("`+", report.transcript)), default=0)
        fence = "`" * max(3, longest + 1)
        parts.append(f"## Transcript\n\n{fence}text\n{report.transcript}\n{fence}")
    return "\n\n".join(parts) + "\n"


def _flow(value: Any) -> str:
    """Return a value as JSON, which is YAML, too, but for what YAML takes for a line break."""
    return _BREAK.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False)
    )


def _section(text: str) -> str:
    """Return Markdown whose headings are below those of the sections."""
    lines = text.split("\n")
    for at, heading in _headings(lines):
        if len(heading[1]) < 3:
            lines[at] = f"### {heading[2]}"
    return "\n".join(lines)


def _one_item(text: str) -> str:
    """Return the Markdown of a list item, in lines that are all of it."""
    return re.sub(r"\n\s*", "\n  ", text.strip())


def _action_line(action: Action) -> str:
    mark = next(mark for mark, status in _MARKS.items() if status == action.status)
    text = _one_item(action.text)
    if tail := _TAIL.search(text):  # what looks like an owner, and is text
        text = f"{text[: tail.start()]}\\{text[tail.start() :]}"
    words = [f"- [{mark}] {text}", _owner(action.owner)]
    words += [f"(due {action.due})"] if action.due else []
    words += [f"!{action.priority}"] if action.priority != "normal" else []
    words += [f"(<{action.link}>)"] if action.link else []
    return " ".join(filter(None, words))


def _owner(owner: Person | None) -> str:
    if owner is None:
        return ""
    if not owner.name:
        return f"@{owner.email}"
    return f"@[{escape(owner.name)}]" + (f"(mailto:{owner.email})" if owner.email else "")
