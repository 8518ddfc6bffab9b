"""A sandbox for one test, and the accounts of this process pointed at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from mktool.core.acting import Published
from mktool.core.publish import publish, wanted
from mktool.core.session import Session, open_session
from mktool.core.settings import Settings
from mktool.model import Post
from mktool.store.config import load

if TYPE_CHECKING:
    from mktool.sandbox.server import Sandbox

LOGINS = {
    "MKTOOL_X_ACCESS_TOKEN": "sandbox-x",
    "MKTOOL_LINKEDIN_ACCESS_TOKEN": "sandbox-linkedin",
    "MKTOOL_SLACK_BOT_TOKEN": "xoxb-sandbox-1",
    "MKTOOL_SLACK_CHANNEL": "#general",
}


@dataclass(slots=True)
class Box:
    """The sandbox as a test sees it, at a time that is ``ahead`` of ours by so many seconds."""

    ahead: float = 0.0
    sandbox: Sandbox = field(init=False)

    def clock(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += seconds

    @property
    def texts(self) -> list[str]:
        """What was published and stayed, oldest first."""
        return [item.text for item in self.sandbox.world.inbox.items if not item.deleted]

    @property
    def items(self) -> list[Any]:
        return list(self.sandbox.world.inbox.items)

    def calls(self, path: str, method: str = "POST") -> int:
        """Return how many calls reached the sandbox at a path that ends so."""
        rows = self.sandbox.world.calls
        return sum(row.method == method and row.path.endswith(path) for row in rows)

    @property
    def arriving(self) -> bool:
        """Whether a call came since `breaks`, answered or not."""
        return any(rule.seen for rule in self.sandbox.world.faults.rules)

    def breaks(self, faults: str = "") -> None:
        """Break what comes from now on, counted from now; "" ends it."""
        from mktool.sandbox.faults import Faults

        self.sandbox.world.faults.rules[:] = Faults.parse(f"{faults},503=0%").rules


@contextmanager
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """Start a sandbox and log every vendor in by the environment."""
    from mktool.sandbox.server import Sandbox

    made = Box()
    with Sandbox(approve=True, clock=made.clock) as made.sandbox:
        monkeypatch.setenv("MKTOOL_SANDBOX", made.sandbox.url)
        for name, value in LOGINS.items():
            monkeypatch.setenv(name, value)
        yield made


@dataclass(slots=True)
class Sender:
    """Publishes at one account, each time as a new process would; its waits take no time."""

    provider: str
    box: Box
    said: list[str] = field(default_factory=list)

    def open(self) -> Session:
        session = open_session(Settings(load()), self.provider)
        session.ledger.clock = session.exchange.clock = self.box.clock
        session.exchange.sleep = self.box.sleep
        return session

    def __call__(self, *texts: str, key: str | None = None, again: bool = False) -> Published:
        posts = [Post(text) for text in texts]
        session = self.open()
        self.said = []
        try:
            want = wanted(session, posts, key=key)
            return publish(session, want, posts, again=again, say=self.said.append)
        finally:
            session.close()
