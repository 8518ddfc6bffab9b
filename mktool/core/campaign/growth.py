"""
Templates that could grow without end are first rendered where they can do no harm.

The engine counts its steps, but not how much each of them makes: ``{% set x = x ~ x %}`` thirty
times is a gigabyte, and a lack of memory ends the engine's process without a word. So a template
that has the means is rendered once in a process of its own, with a limit on its memory.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import lru_cache

from ...errors import InvalidInput
from ...text.template import Segment, scan
from .prepare import Parts

MEMORY = 256 << 20  # bytes beyond what the process itself takes
PATIENCE = 20.0  # seconds
LENGTH = 1_000  # characters of each value

_STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")
_FILTER = re.compile(r"\|\s*(\w+)")
# What a tag can make of a value without these is bounded by how long the tag can be.
_KEEPS = {"set", "with", "macro", "call", "filter", "do"}
_LINEAR = {
    "default", "d", "upper", "lower", "title", "capitalize", "trim", "e", "escape", "safe",
    "urlencode", "length", "count", "first", "last", "min", "max", "int", "float", "round", "abs",
    "bool", "string", "sort", "unique", "reverse", "join", "split", "items", "list",
}  # fmt: skip
# A child needs no secret, and leaves a memory image of what it has.
_NEEDED = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "SYSTEMROOT")
_READY, _DONE = "ready", "done"


def check_growth(parts: Parts) -> None:
    """Raise InvalidInput for templates whose outcome does not fit into memory."""
    if any(can_grow(segment) for template in parts for segment in scan(template)):
        _rehearse(parts)


def can_grow(segment: Segment) -> bool:
    """Tell whether a tag can make much out of little: by itself, or together with others."""
    if segment.kind not in ("value", "block"):
        return False
    code = _STRING.sub("", segment.inner)
    filters = set(_FILTER.findall(code)) - _LINEAR
    return segment.word in _KEEPS or bool(filters) or "*" in code or "range" in code


@lru_cache(maxsize=16)
def _rehearse(parts: Parts) -> None:
    try:
        said = subprocess.run(
            [sys.executable, "-P", "-m", __name__], input=json.dumps(parts), encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False,
            env={name: os.environ[name] for name in _NEEDED if name in os.environ},
        ).stdout  # fmt: skip
        why = f"takes more than {MEMORY >> 20} MB of memory"
    except subprocess.TimeoutExpired:
        said, why = _READY, f"takes longer than {PATIENCE:.0f} seconds"
    if said.split() == [_READY]:  # where a child cannot even begin, nothing is known
        raise InvalidInput(
            f"the content cannot be rendered: that {why}",
            hint="look for a {% set %}, or a loop, that makes a value longer and longer",
        )


def _main() -> None:
    """Render what stands on stdin, in a process that may end at any moment."""
    from .content import Content

    parts = Parts(*json.load(sys.stdin))
    _limit()
    print(_READY, flush=True)
    try:
        content = Content(parts)
        content.problem(dict.fromkeys(content.variables, "a" * LENGTH))
    except InvalidInput:
        pass  # as it will be said where somebody listens
    print(_DONE, flush=True)


def _limit() -> None:
    """Let this process take no more than `MEMORY`, and leave no core file."""
    try:
        import resource
    except ImportError:  # not a Unix
        return
    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _main()
