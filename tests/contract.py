"""
The contract every vendor must keep, and the scripted wire it is tested on.

A vendor's test file subclasses `ProviderContract` and states facts: what is sent, what comes
back, what that means. The behaviour (retries, never sent twice, leaks, a changed API) is
tested here, once.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

import pytest

from mktool import errors as e
from mktool import providers
from mktool.capability import CAPABILITIES, capabilities
from mktool.http.client import Client, DryRun
from mktool.http.exchange import Exchange, Scope
from mktool.http.reply import Cut, Response
from mktool.http.request import Request
from mktool.http.target import Target
from mktool.model import Login, Posted, Secret
from mktool.provider import Provider
from mktool.report import Piece
from mktool.store.ledger import Ledger
from tests import reports

SOURCE = Path(providers.__path__[0])
MAX_LINES = 150
LEAK = "s3cr3t-that-must-not-leak"
NOW = 1_790_000_000.0
WRITES = frozenset({"post", "thread", "deliver", "export", "push", "load"})


@dataclass(frozen=True)
class Wire:
    """One expected exchange. ``path`` is the end of the decoded path; what is listed in
    ``sends`` (JSON or form; a list by position), ``query`` and ``header`` must be there."""

    method: str
    path: str
    sends: Mapping[Any, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    reply: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A capability in use: the call, the exchanges, the result.

    ``repeats``: it is a write that does no harm when it is sent again. ``planned`` are the methods
    of its dry run, where placeholders lead it another way.
    """

    capability: str
    call: Callable[[Any], Any]
    wire: tuple[Wire, ...]
    result: Any
    repeats: bool = False
    planned: tuple[str, ...] = ()


class NotExpected(AssertionError):
    """A request is none, or not the one, that the script has next."""


class ScriptedVendor:
    """Stands at the end of the wire. An unexpected request fails; so does an unused reply."""

    def __init__(self, script: Iterable[Wire | Exception]) -> None:
        self.script = list(script)
        self.requests: list[Request] = []

    def send(self, request: Request, timeout: float) -> Response:
        self.requests.append(request)
        assert timeout > 0
        if not self.script:
            raise NotExpected(f"{request.endpoint.method} {request.url}")
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        try:
            self._compare(step, request)
        except AssertionError as different:
            raise NotExpected(different) from None
        body = step.reply if isinstance(step.reply, bytes) else json.dumps(step.reply).encode()
        headers = {"date": formatdate(NOW, usegmt=True), **step.headers}
        return Response(step.status, headers, body)

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _compare(step: Wire, request: Request) -> None:
        assert request.endpoint.method == step.method
        assert unquote(request.url.split("?")[0]).endswith(step.path), request.url
        sent: Any = request.json if request.json is not None else request.form or {}
        held = dict(enumerate(sent) if isinstance(sent, list) else sent)
        assert step.sends.items() <= held.items(), (step.sends, sent)
        assert step.query.items() <= dict(parse_qsl(request.query)).items(), request.query
        assert step.header.items() <= request.all_headers().items()


class FixedCredential:
    """A login that is always valid; with ``renewed`` it can be renewed once."""

    def __init__(self, login: Login, renewed: Login | None = None) -> None:
        self._login, self.renewed, self.renewals = login, renewed, 0

    def login(self) -> Login:
        return self._login

    def renew(self, rejected: Login) -> Login | None:
        assert rejected is self._login
        self.renewals += 1
        self._login = self.renewed or self._login
        return self.renewed


class ProviderContract:
    """Subclass as ``class TestVendor``; set the facts; add tests only for what is special."""

    provider: ClassVar[str]
    options: ClassVar[dict[str, str]] = {}
    secrets: ClassVar[tuple[str, ...]]
    examples: ClassVar[tuple[Example, ...]]
    failures: ClassVar[tuple[tuple[Wire, type[e.ProviderError]], ...]] = ()
    export_extra: ClassVar[dict[str, str]] = {}  # what an export cannot do without

    @pytest.fixture
    def cls(self) -> type[Provider]:
        return providers.load(self.provider)

    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Ledger:
        return Ledger(tmp_path / "ledger.db", clock=lambda: NOW)

    def open(
        self, cls: type[Provider], ledger: Ledger, script: Iterable[Wire | Exception],
        options: Mapping[str, str] | None = None, secrets: Iterable[str] | None = None,
    ) -> tuple[Any, ScriptedVendor, list[float]]:  # fmt: skip
        """Return the provider, the vendor it talks to, and the waits it made (seconds)."""
        vendor, naps = ScriptedVendor(script), list[float]()
        ledger.clock = lambda: NOW + sum(naps)  # a limit that is waited for has passed
        names = tuple(secrets) if secrets is not None else self.secrets
        chosen = self.options if options is None else options
        login = Login(chosen, {name: Secret(LEAK) for name in names})
        self.credential = FixedCredential(login, replace(login, generation=1))
        exchange = Exchange(
            cls.spec, "default", lambda: vendor, ledger,
            sleep=naps.append, clock=lambda: NOW,
        )  # fmt: skip
        exchange.scope = Scope(1, 1)
        defaults = {f.name: f.default for f in cls.spec.fields if f.default}
        client = Client(
            exchange, Target(cls.spec.base_url), self.credential, {**defaults, **chosen}
        )
        return cls(client), vendor, naps

    def probe(self, kind: str) -> Example:
        """Return an example that reads, or one that writes and must not be repeated."""
        for example in self.examples:
            writes = example.capability in WRITES | {"broadcast"}
            if writes == (kind == "write") and not example.repeats:
                return example
        if kind == "write" and any(example.repeats for example in self.examples):
            pytest.skip("all that it writes may be repeated")
        if kind == "read" and all(example.capability in WRITES for example in self.examples):
            pytest.skip("it can only be written to")
        pytest.fail(f"no {kind} example")

    # -- the data ------------------------------------------------------------------------------

    def test_spec_is_complete(self, cls: type[Provider]) -> None:
        spec = cls.spec
        assert spec.name == self.provider
        assert spec.docs.startswith("https://")
        assert spec.base_url.startswith("https://")
        assert not spec.base_url.endswith("/")
        assert spec.setup.strip()
        assert all(limit.calls > 0 and limit.per > 0 for limit in spec.limits)
        assert all(re.compile(f.pattern) and f.help for f in spec.fields)
        known = {f.name for f in spec.fields}
        assert all(known.issuperset(scheme.needs) for scheme in spec.auth)
        secret = {f.name for f in spec.fields if f.secret}
        assert secret.issuperset(scheme.needs[-1] for scheme in spec.auth)

    def test_module_is_small(self) -> None:
        text = (SOURCE / f"{self.provider.replace('-', '_')}.py").read_text()
        assert len(text.splitlines()) <= MAX_LINES

    def test_every_capability_is_declared_and_has_an_example(self, cls: type[Provider]) -> None:
        structural = {n for n, p in CAPABILITIES.items() if issubclass(cls, p)}
        assert capabilities(cls) == structural
        assert {x.capability for x in self.examples} == capabilities(cls)

    # -- the behaviour -------------------------------------------------------------------------

    def test_examples(self, cls: type[Provider], tmp_path: Path) -> None:
        for number, example in enumerate(self.examples):
            ledger = Ledger(tmp_path / f"{number}.db", clock=lambda: NOW)
            provider, vendor, _ = self.open(cls, ledger, example.wire)
            assert example.call(provider) == example.result, example.capability
            assert vendor.script == []
            (rows,) = ledger.db.execute(
                "select count(*) from calls where outcome = 'ok'"
            ).fetchone()
            assert rows == len(vendor.requests)

    def test_declared_failures(self, cls: type[Provider], tmp_path: Path) -> None:
        example = self.probe("read")
        for number, (wire, kind) in enumerate(self.failures):
            ledger = Ledger(tmp_path / f"{number}.db", clock=lambda: NOW)
            step = replace(wire, method=example.wire[0].method, path=example.wire[0].path)
            provider, _, _ = self.open(cls, ledger, [step] * 10)
            with pytest.raises(e.ProviderError) as caught:
                example.call(provider)
            assert type(caught.value) is kind, wire

    def test_dry_run_sends_nothing_and_masks_secrets(self, cls: type[Provider]) -> None:
        for example in self.examples:
            if example.capability in WRITES:
                dry = DryRun(
                    cls.spec, Target(cls.spec.base_url),
                    {**{f.name: f.default for f in cls.spec.fields if f.default}, **self.options},
                    frozenset(self.secrets),
                )  # fmt: skip
                example.call(cls(dry))
                planned = example.planned or tuple(w.method for w in example.wire)
                assert tuple(r["method"] for r in dry.requests) == planned, example.capability
                assert LEAK not in json.dumps(dry.requests)
                assert "***" in json.dumps(dry.requests)

    # -- exports and records -------------------------------------------------------------------

    @pytest.mark.parametrize("name", reports.EXPORTS)
    def test_pieces_are_made_alone_and_are_the_same_again(
        self, cls: type[Provider], ledger: Ledger, name: str
    ) -> None:
        if "export" not in capabilities(cls):
            return
        export = reports.EXPORTS[name]
        export = replace(export, extra={**export.extra, **self.export_extra})
        provider, vendor, _ = self.open(cls, ledger, [])
        pieces = provider.pieces(export)
        again = self.open(cls, ledger, [])[0].pieces(export)
        kept = [Piece(p.kind, json.loads(json.dumps(p.body)), p.token) for p in again]
        assert pieces
        assert list(pieces) == kept
        assert vendor.requests == []

    def test_an_export_can_be_rehearsed(self, cls: type[Provider]) -> None:
        if "export" not in capabilities(cls):
            return
        export = reports.EXPORTS["usual"]
        export = replace(export, extra={**export.extra, **self.export_extra})
        defaults = {f.name: f.default for f in cls.spec.fields if f.default}
        options, fields = {**defaults, **self.options}, frozenset(self.secrets)
        dry = DryRun(cls.spec, Target(cls.spec.base_url), options, fields)
        provider: Any = cls(dry)
        before: list[Posted] = []
        for number, piece in enumerate(provider.pieces(export)):
            before.append(provider.write(replace(piece, token=f"t{number}"), before))
        assert dry.requests
        assert LEAK not in json.dumps(dry.requests)

    def test_kinds_of_records_are_whole(self, cls: type[Provider]) -> None:
        declared = capabilities(cls)
        assert bool(cls.spec.records) == bool(declared & {"pull", "push"})
        assert bool(cls.spec.finds) == ("find" in declared)
        for kind in cls.spec.records:
            assert cls.spec.kind(kind.name) is cls.spec.kind(kind.object) is kind
            assert kind.page > 0
            assert kind.batch == 0 or "push" in declared
            assert kind.key or not kind.upserts
            assert "load" in declared or not kind.bulk

    # -- what no vendor file has to think about ------------------------------------------------

    @pytest.mark.parametrize(
        ("status", "kind", "tries"),
        [(403, e.Forbidden, 1), (429, e.RateLimited, 5), (500, e.Unavailable, 5)],
    )
    def test_statuses_on_a_read(
        self, cls: type[Provider], ledger: Ledger, status: int, kind: type, tries: int
    ) -> None:
        example = self.probe("read")
        step = Wire(example.wire[0].method, example.wire[0].path, status=status)
        provider, vendor, naps = self.open(cls, ledger, [step] * tries)
        with pytest.raises(kind):
            example.call(provider)
        assert vendor.script == []
        assert len(naps) >= tries - 1

    def test_a_write_is_never_sent_twice(self, cls: type[Provider], tmp_path: Path) -> None:
        *before, last = self.probe("write").wire
        if cls.spec.delivery and cls.spec.delivery.key_seconds:
            return  # see the next test
        lost: tuple[Wire | Exception, ...] = (
            Cut("no answer in time"),
            replace(last, status=500),
            replace(last, status=502, reply=b"<html>bad gateway</html>"),
            replace(last, reply=b"<html>welcome to the hotel network</html>", headers={}),
        )
        for number, step in enumerate(lost):
            ledger = Ledger(tmp_path / f"{number}.db", clock=lambda: NOW)
            provider, vendor, _ = self.open(cls, ledger, [*before, step])
            with pytest.raises(e.OutcomeUnknown):
                self.probe("write").call(provider)
            assert vendor.script == []
            doubt = "select count(*) from calls where repeatable = 0 and outcome = 'unknown'"
            assert ledger.db.execute(doubt).fetchone() == (1,)

    def test_a_lost_write_with_a_key_is_sent_again_as_it_was(
        self, cls: type[Provider], tmp_path: Path
    ) -> None:
        if not (cls.spec.delivery and cls.spec.delivery.key_seconds):
            return  # see the test before
        example = self.probe("write")
        *before, last = example.wire
        lost: tuple[Wire | Exception, ...] = (Cut("no answer in time"), replace(last, status=500))
        for number, step in enumerate(lost):
            ledger = Ledger(tmp_path / f"{number}.db", clock=lambda: NOW)
            provider, vendor, _ = self.open(cls, ledger, [*before, step, last])
            assert example.call(provider) == example.result
            first, second = vendor.requests[-2:]
            assert first.all_headers() == second.all_headers()
            assert first.content() == second.content()
            assert first.all_headers()[first.endpoint.key_header]

    def test_a_lost_write_that_may_be_repeated_is_sent_again(
        self, cls: type[Provider], tmp_path: Path
    ) -> None:
        for number, example in enumerate(x for x in self.examples if x.repeats):
            *before, last = example.wire
            steps: tuple[Wire | Exception, ...] = (Cut("no answer"), replace(last, status=500))
            for kind, lost in enumerate(steps):
                ledger = Ledger(tmp_path / f"{number}-{kind}.db", clock=lambda: NOW)
                provider, vendor, _ = self.open(cls, ledger, [*before, lost, last])
                assert example.call(provider) == example.result, example.capability
                assert vendor.script == []

    def test_a_refused_write_is_sent_again_after_the_wait(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        example = self.probe("write")
        *before, last = example.wire
        refused = replace(last, status=429, headers={"retry-after": "7"}, reply={})
        provider, vendor, naps = self.open(cls, ledger, [*before, refused, last])
        assert example.call(provider) == example.result
        assert vendor.script == []
        assert 7.0 in naps

    def test_a_changed_api_is_reported(self, cls: type[Provider], tmp_path: Path) -> None:
        example = self.probe("read")
        first = example.wire[0]
        for number, reply in enumerate(({}, b"<html>down for maintenance</html>", b"[[[[")):
            ledger = Ledger(tmp_path / f"{number}.db", clock=lambda: NOW)
            odd = Wire(first.method, first.path, reply=reply)
            provider, _, _ = self.open(cls, ledger, [odd])
            with pytest.raises(e.UnexpectedReply):
                example.call(provider)

    def test_a_reply_of_another_form_is_no_crash(self, cls: type[Provider], tmp_path: Path) -> None:
        for number, example in enumerate(self.examples):
            ledger = Ledger(tmp_path / f"{number}.db", clock=lambda: NOW)
            for at, wire in enumerate(example.wire):
                for reply in _odd(wire.reply):
                    steps = [
                        *example.wire[:at],
                        replace(wire, reply=reply),
                        *example.wire[at + 1 :],
                    ]
                    provider, _, _ = self.open(cls, ledger, steps)
                    with contextlib.suppress(e.MktoolError, NotExpected):
                        example.call(provider)

    def test_a_refused_token_is_renewed_once(self, cls: type[Provider], ledger: Ledger) -> None:
        example = self.probe("read")
        refused = Wire(example.wire[0].method, example.wire[0].path, status=401)
        provider, vendor, _ = self.open(cls, ledger, [refused, *example.wire])
        assert example.call(provider) == example.result
        assert vendor.script == []
        assert self.credential.renewals == 1

    def test_secrets_do_not_leak(
        self, cls: type[Provider], ledger: Ledger, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        example = self.probe("read")
        step = Wire(example.wire[0].method, example.wire[0].path, status=401)
        provider, vendor, _ = self.open(cls, ledger, [step, step])
        with pytest.raises(e.Unauthorized) as caught:
            example.call(provider)
        dump = "\n".join(ledger.db.iterdump())
        shown = [str(caught.value), repr(vars(caught.value)), dump, caplog.text]
        shown += [json.dumps(r.shown()) + repr(r) for r in vendor.requests]
        assert not [text for text in shown if LEAK in text]


def _odd(reply: Any) -> Iterator[Any]:
    """Yield a reply again and again, each time with something else in one of its places."""
    yield from (7, [7], {"x": 7})
    places: Iterable[tuple[Any, Any]] = reply.items() if isinstance(reply, dict) else ()
    for place, value in enumerate(reply[:2]) if isinstance(reply, list) else places:
        for odd in _odd(value):
            other = reply.copy()
            other[place] = odd
            yield other
