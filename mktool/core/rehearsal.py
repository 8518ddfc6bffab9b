"""What a post or an export would do: the exact requests, cost and what the limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import errors as e
from .. import providers
from ..capability import CanPost, CanThread
from ..http.client import DryRun
from ..model import Posted
from ..provider import Provider
from ..spec import Limit, Spec
from ..store.acts import Wanted
from . import content
from .publish import VERB
from .settings import DEFAULT, Settings, ledger_path, login_of, target_of, usable_options

if TYPE_CHECKING:
    from ..report import Export
    from ..store.acts import Act


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A dry run at one account. ``price`` is US dollars; ``allowed`` are words for people."""

    provider: str
    account: str
    connected: bool
    lengths: list[str]
    requests: list[dict[str, Any]]
    price: float
    allowed: list[str]
    note: str


def rehearse(settings: Settings, provider: str, account: str = "") -> tuple[Provider, DryRun, bool]:
    """Return a provider whose calls are kept and not sent, and whether the account exists.

    The vault stays closed.
    """
    cls, connected = providers.load(provider), True
    try:
        secrets, entry = login_of(settings, cls.spec, account)
    except e.NeedsLogin:
        secrets, entry, connected = {}, None, False
    options = usable_options(settings, cls.spec, entry, environment=not account)
    fields = frozenset(entry.credentials if entry else secrets)
    dry = DryRun(cls.spec, target_of(settings, cls.spec), options, fields)
    return cls(dry), dry, connected


def post(
    settings: Settings, provider: str, account: str, what: content.Content,
    *, key: str | None = None, again: bool = False,
) -> Rehearsal:  # fmt: skip
    """Return what `publish` would send; nothing is sent, and the vault stays closed."""
    bound, dry, connected = rehearse(settings, provider, account)
    spec = bound.spec
    posts = content.compose(spec, what)
    content.check(bound, posts)
    previous = root = None
    for number, plain in enumerate(posts, start=1):
        placed = replace(plain, reply_to=previous, root=root, token=f"dry-run-{number}")
        if isinstance(bound, CanThread) and previous is not None:
            previous = _next(bound.reply(placed), number)
        elif isinstance(bound, CanPost):
            previous = root = bound.post(placed)
    lengths = [
        content.measure(spec.text, p.text, reply=number > 0) if spec.text else str(len(p.text))
        for number, p in enumerate(posts)
    ]
    about = Wanted(VERB, spec.name, account or DEFAULT, key, content.digest(posts), {})
    return _rehearsal(spec, about, dry, lengths, connected=connected, again=again)


def export(
    settings: Settings, provider: str, account: str, what: Export,
    *, key: str | None = None, again: bool = False,
) -> Rehearsal:  # fmt: skip
    """Return what the export of a report would send; nothing is, and the vault stays closed."""
    from .export import pieces

    bound, dry, connected = rehearse(settings, provider, account)
    parts = pieces.pieces(bound, what)
    before = list[Posted]()
    work = pieces.Pieces(bound, parts)
    kinds = list[str]()
    for seq, part in enumerate(parts, start=1):
        sent = len(dry.requests)
        before.append(_next(work.send(seq, f"dry-run-{seq}", before), seq))
        kinds += [part.kind] if len(dry.requests) > sent else []  # some only look at the others
    spec = bound.spec
    about = Wanted(pieces.VERB, spec.name, account or DEFAULT, key, pieces.digest(what), {})
    return _rehearsal(spec, about, dry, kinds, connected=connected, again=again)


def _rehearsal(
    spec: Spec, about: Wanted, dry: DryRun, lengths: list[str], *, connected: bool, again: bool
) -> Rehearsal:
    limits = [
        limit for limit in spec.paced(dry.options).limits if limit.bucket in ("*", *dry.buckets)
    ]
    allowed, note = _record(about, limits, again=again)
    return Rehearsal(
        about.provider, about.account, connected, lengths, dry.requests, dry.price, allowed, note
    )


def _next(posted: Posted, number: int) -> Posted:
    return replace(posted, id=f"{posted.id}#{number}") if posted.id.startswith("‹") else posted


def _record(wanted: Wanted, limits: Sequence[Limit], *, again: bool) -> tuple[list[str], str]:
    """What the ledger, if there is one, says about these limits and about this content."""
    if not ledger_path().exists():
        return [_left(n.calls, n.calls, n.per, n.bucket, n.scope == "app") for n in limits], ""
    from ..store.acts import Acts
    from ..store.ledger import Ledger
    from ..store.limits import usage

    with Ledger(ledger_path()) as ledger:
        now = ledger.clock()
        allowed = [
            _left(max(u.quota - u.used, 0), u.quota, u.per, u.bucket, u.account == "*")
            for u in usage(ledger.db, wanted.provider, wanted.account, limits, now)
            if u.source == "counted"
        ]
        act = Acts(ledger).peek(wanted, again=again)
    return allowed, _note(act) if act else ""


def _left(left: int, quota: int, per: float, bucket: str, shared: bool) -> str:
    whose = f"{bucket}, whole app" if shared else bucket
    return f"{left} of {quota} left in {_per(per)} ({whose})"


def _note(act: Act) -> str:
    if act.state == "done" and act.key:
        return f"would not be sent: act {act.id} went out under this key"
    if act.state == "done":
        return f"would be refused: the same content went out as act {act.id} (--again)"
    if act.state in ("scheduled", "missed"):
        return f"would be refused: act {act.id} is {act.state} with it"
    return f"would go on with act {act.id}, which is {act.state}"


def _per(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
