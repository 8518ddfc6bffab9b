"""One campaign, and a vendor that does what a test says: the vendor alone is invented."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mktool import errors as e
from mktool.capability import CanDeliver, CanTrace
from mktool.core.campaign.compose import Composer
from mktool.core.campaign.content import compile
from mktool.core.campaign.engine import Engine
from mktool.core.campaign.prepare import Parts
from mktool.core.campaign.run import Course, Run
from mktool.core.session import Session
from mktool.core.settings import Settings
from mktool.http.auth import HeaderKey
from mktool.http.client import Calls
from mktool.http.reply import Response
from mktool.http.request import Request
from mktool.message import Batch, Mailbox, Receipt
from mktool.provider import Provider
from mktool.spec import Delivery, Endpoint, Field, Limit, Spec
from mktool.store.campaigns import CampaignFile, Claim, State
from mktool.store.config import load
from tests.store.campaign import stage

SEND = Endpoint("send", "POST", "/send")
WHERE = e.Context("toy", "default", "send", 422)
LOST = e.OutcomeUnknown("no answer", WHERE)
BAD = e.Rejected("no such mailbox", WHERE)

Answer = Receipt | Exception | None


class Answering:
    """The wire to a vendor that is content with whatever it gets."""

    def send(self, request: Request, timeout: float) -> Response:
        return Response(200, {}, b"{}")

    def close(self) -> None:
        pass


@dataclass
class Vendor:
    """What the vendor was given, and what it has.

    ``answer`` is asked about each batch: None takes it, an error does not; an error with
    ``taken`` set has it taken all the same. A vendor of ``keys`` takes each key once.
    """

    answer: Callable[[Batch], Answer] = lambda batch: None
    keys: bool = False
    requests: list[Batch] = field(default_factory=list)
    got: Counter[str] = field(default_factory=Counter)
    traced: list[Batch] = field(default_factory=list)
    traces: Exception | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: set[str] = field(default_factory=set)

    def deliver(self, batch: Batch, client: Calls) -> Receipt:
        with self.lock:
            self.requests.append(batch)
        answer = self.answer(batch)
        if not isinstance(answer, Exception):
            client.call(SEND)
        with self.lock:
            if isinstance(answer, Exception):
                raise answer
            refused = answer.refused if answer else {}
            if not (self.keys and batch.key in self._seen):
                taken = (m.to for place, m in enumerate(batch.messages) if place not in refused)
                self.got.update(taken)
            self._seen.add(batch.key)
        return answer or Receipt(ids=[f"id-{m.seq}" for m in batch.messages])

    def took(self, batch: Batch) -> None:
        """Have taken a batch whose answer will be lost."""
        with self.lock:
            if not (self.keys and batch.key in self._seen):
                self.got.update(m.to for m in batch.messages)
            self._seen.add(batch.key)

    def trace(self, batch: Batch) -> Mapping[int, str]:
        with self.lock:
            self.traced.append(batch)
            if self.traces:
                raise self.traces
            return {p: f"id-{m.seq}" for p, m in enumerate(batch.messages) if m.to in self.got}

    @property
    def sizes(self) -> list[int]:
        return [len(batch.messages) for batch in self.requests]

    def provider(
        self, delivery: Delivery, limits: Sequence[Limit], *, trace: bool
    ) -> type[Provider]:
        vendor = self
        described = Spec(
            name="toy", title="Toy", docs="https://toy.test", base_url="https://toy.test",
            auth=(HeaderKey("api_key"),), fields=(Field("api_key", "the key", secret=True),),
            delivery=delivery, limits=tuple(limits), timeout=0.05,
        )  # fmt: skip

        class Toy(Provider, CanDeliver):
            spec = described

            def deliver(self, batch: Batch, /) -> Receipt:
                return vendor.deliver(batch, self.client)

            def pack(self, batch: Batch, /) -> bytes:
                return "\n".join(names(batch)).encode()

        class Asked(Toy, CanTrace):
            spec = described

            def trace(
                self, batch: Batch, since: float, known: frozenset[str], /
            ) -> Mapping[int, str]:
                return vendor.trace(batch)

        return Asked if trace else Toy


@dataclass
class Rig:
    """A campaign on this disk; every run opens it anew, as another process would."""

    folder: Path
    vendor: Vendor
    delivery: Delivery
    trace: bool = False
    limits: Sequence[Limit] = ()
    now: Callable[[], float] | None = None
    settings: Settings = field(
        default_factory=lambda: Settings(load(), environ={"MKTOOL_TOY_API_KEY": "12345678"})
    )

    @contextmanager
    def file(self) -> Iterator[CampaignFile]:
        path = self.folder / "campaign.db"
        with CampaignFile(path, create=not path.exists()) as file:
            yield file

    def stage(self, people: Sequence[str]) -> None:
        with self.file() as file:
            stage(file, people)

    @contextmanager
    def session(self) -> Iterator[Session]:
        provider = self.vendor.provider(self.delivery, self.limits, trace=self.trace)
        session = Session(self.settings, provider)
        session.exchange._wire = Answering()
        if self.now:
            session.ledger.clock = self.now
        try:
            yield session
        finally:
            session.close()

    def courses(self) -> list[Course]:
        content = compile(Parts("It is here", "", "Hello {{ email }}", ""))
        batch = Batch("launch", "", Mailbox("news@acme.example"), ())
        return [Course(None, Composer(content, (), "email"), batch)]

    def run(
        self, *, before: Callable[[Session, CampaignFile], object] = lambda *_: None, **asked: Any
    ) -> Engine:
        """Make one run; what it should do otherwise is in ``asked`` (see `Run`)."""
        run = Run(**{
            "act": 1, "token": "t", "delivery": self.delivery, "courses": self.courses(),
            "concurrency": 1, **asked,
        })  # fmt: skip
        with self.session() as session, self.file() as file:
            before(session, file)
            engine = Engine(session, file, run)
            engine.go()
        return engine

    def claim(self, lo: int, hi: int, at: float) -> Claim:
        """Claim a batch as a run that was killed did."""
        with self.file() as file, file.transaction():
            return file.claim(lo, hi, None, retry=False, at=at)

    def totals(self) -> dict[str, int]:
        with self.file() as file:
            return {state.name.lower(): n for state, n in file.totals().items() if n}

    def states(self, *wanted: State) -> dict[str, str]:
        with self.file() as file:
            return {row["address"]: row["state"] for row in file.outcomes(wanted)}


def delivery(**changes: Any) -> Delivery:
    return Delivery("email", SEND, **{"batch": 4, "group": 4, **changes})


def names(batch: Batch) -> list[str]:
    return [message.to for message in batch.messages]
