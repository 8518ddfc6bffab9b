"""Breaking things on purpose, the same way every time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from http import HTTPStatus
from typing import NoReturn

from ..errors import InvalidInput

GRAMMAR = """\
--faults ITEM[,ITEM…]
  KIND=N%[:WHERE]      that share of the calls           429=5%   cut=1%   402=100%:POST /2/tweets
  KIND@N[:WHERE]       the Nth call only (1 is the first) cut@3    503@1:POST /rest/posts
  slow=TIME[:WHERE]    wait before every call             slow=200ms   slow=1.5s
  seed=N               other calls are hit
KIND   a status from 400 to 599 | cut (carried out, then hung up) | drop (hung up at once) | html
WHERE  [METHOD ]PATH, where * stands for anything: /2/tweets, POST /api/chat.*, /slack.com/*"""

_ITEM = re.compile(
    r"(?P<kind>[a-z]+|[45]\d\d)(?:=(?P<value>[\d.]+)(?P<unit>%|ms|s|)|@(?P<nth>\d+))(?::(?P<where>.+))?"
)
_WHERE = re.compile(r"(?:(?P<method>[A-Z]+) +)?(?P<path>[/*]\S*)")


@dataclass(slots=True)
class Rule:
    """One item of the grammar; it counts the calls that it looks at."""

    kind: str
    share: float = 0.0
    nth: int = 0
    seconds: float = 0.0
    method: str = ""
    path: str = "*"
    seen: int = 0

    def sees(self, method: str, path: str) -> bool:
        if self.method not in ("", method):
            return False
        below_host = "/" + path.lstrip("/").partition("/")[2]
        return fnmatchcase(path, self.path) or fnmatchcase(below_host, self.path)

    def strikes(self, seed: int) -> bool:
        """Count one call and return whether it is hit."""
        self.seen += 1
        if self.nth:
            return self.seen == self.nth
        # A hash and no generator: the Nth call meets the same fate whatever the others were.
        lot = sha256(f"{seed}/{self.kind}/{self.method}{self.path}/{self.seen}".encode()).digest()
        return int.from_bytes(lot[:8], "big") < self.share * 2**64


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens to one call: ``delay`` seconds, then ``kind`` ("" for nothing)."""

    delay: float = 0.0
    kind: str = ""

    @property
    def status(self) -> int:
        return int(self.kind) if self.kind.isdigit() else 0


@dataclass(slots=True)
class Faults:
    """The rules of one run, asked once for each call."""

    rules: list[Rule] = field(default_factory=list)
    seed: int = 0

    @classmethod
    def parse(cls, spec: str, *, seed: int = 0) -> Faults:
        """Return the faults of a text; `InvalidInput` shows the grammar."""
        faults = cls(seed=seed)
        for item in filter(None, (part.strip() for part in spec.split(","))):
            faults._add(item)
        return faults

    def next(self, method: str, path: str) -> Strike:
        """Return what happens to the next call; ``path`` begins with /HOST."""
        delay, kind = 0.0, ""
        for rule in self.rules:
            if not rule.sees(method, path):
                continue
            if rule.kind == "slow":
                delay += rule.seconds
            elif rule.strikes(self.seed):
                kind = kind or rule.kind
        return Strike(delay, kind)

    def _add(self, item: str) -> None:
        found = _ITEM.fullmatch(item)
        if not found:
            _reject(item)
        if found["kind"] == "seed":
            self.seed = _whole(found, item)
        else:
            self.rules.append(_rule(found, item))


def _rule(found: re.Match[str], item: str) -> Rule:
    where = _WHERE.fullmatch(found["where"] or "*")
    if not where:
        _reject(item)
    rule = Rule(found["kind"], method=where["method"] or "", path=where["path"])
    if rule.kind == "slow":
        rule.seconds = _seconds(found, item)
    elif rule.kind not in ("cut", "drop", "html") and rule.kind not in map(str, HTTPStatus):
        _reject(item)
    elif found["nth"]:
        rule.nth = int(found["nth"]) or _reject(item)
    else:
        rule.share = _share(found, item)
    return rule


def _share(found: re.Match[str], item: str) -> float:
    share = _number(found, item) / 100
    if found["unit"] != "%" or share > 1:
        _reject(item)
    return share


def _seconds(found: re.Match[str], item: str) -> float:
    scale = {"ms": 0.001, "s": 1.0}.get(found["unit"] or "")
    return _number(found, item) * scale if scale else _reject(item)


def _whole(found: re.Match[str], item: str) -> int:
    value = found["value"] or ""
    return int(value) if value.isdigit() and not found["unit"] else _reject(item)


def _number(found: re.Match[str], item: str) -> float:
    try:
        return float(found["value"] or "")
    except ValueError:
        _reject(item)


def _reject(item: str) -> NoReturn:
    raise InvalidInput(f"not a fault: {item!r}", hint=GRAMMAR)
