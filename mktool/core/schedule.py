"""Acts for later: kept in the ledger, sent by `mktool run-due`."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from .. import errors as e
from ..model import Media, Post
from ..store.acts import CAMPAIGN, Act, Acts, Wanted
from ..store.ledger import Ledger
from ..store.locks import lock_path, named_lock
from ..store.paths import data_dir, private_dir, storage_error
from . import acting, content, publish
from .acting import FINAL, Published, items
from .outbox import WAITING
from .session import Session, open_session
from .settings import DEFAULT, Settings, ledger_path

_GO_ON = {
    "open": "run the same command without --at to go on with it",
    "failed": "run the same command without --at to go on with it",
    "unknown": "mktool outbox",
}


def add(
    session: Session, posts: Sequence[Post], *, due: float, zone: str, key: str | None, again: bool
) -> Act:
    """Return the scheduled act. The media are copied, so that the originals may go.

    The same content for the same moment is scheduled once, and one that failed is scheduled
    anew. At another moment, or when it is out already, it is `Duplicate` unless ``again``; under
    a key, the act of that key is returned if it is scheduled or out.
    """
    content.check(session.provider, posts)
    kept = [replace(p, media=tuple(_keep(m) for m in p.media)) for p in posts]
    want = publish.wanted(session, kept, key=key, due=due, zone=zone)
    return enter(session, want, again=again)


def enter(session: Session, want: Wanted, *, again: bool) -> Act:
    """Return the scheduled act of what is wanted, whose content needs no file of the user's."""
    acts, key, due = Acts(session.ledger), want.key, want.due
    act = acts.open(want, again=again)
    if act.state == "failed" and act.digest == want.digest:
        act = acts.rewrite(act.id, want)
    by_key = act.key is not None and act.state in ("scheduled", "done")
    if by_key or (act.state == "scheduled" and act.due == due):
        return act
    cancel = f"mktool schedule cancel {act.id}" + ("" if key else ", or --again")
    raise e.Duplicate(
        f"act {act.id} has this {'key' if key else 'content'} and is {act.state}",
        session.where(want.verb),
        hint=cancel if act.state in ("scheduled", "missed") else _GO_ON.get(act.state, "--again"),
    )


def listed(ledger: Ledger) -> list[Act]:
    """Return what is scheduled or was missed, the next one first."""
    return [act for act in Acts(ledger).listed(("scheduled", "missed", "open")) if act.due]


def cancel(ledger: Ledger, id: int) -> Act:
    """Cancel an act that is scheduled or was missed; `InvalidInput` if it is neither."""
    acts = Acts(ledger)
    act = acts.get(id)
    if not acts.change(id, ("scheduled", "missed"), "cancelled"):
        raise e.InvalidInput(f"act {id} is {act.state}, not scheduled", hint="mktool schedule list")
    _drop_copies(acts, act)
    return acts.get(id)


def run_due(
    settings: Settings, grace: float, say: Callable[[str], None]
) -> Iterator[tuple[Published, bool]]:
    """Send what is due, one act after another; yield (result, whether it is news).

    One process at a time: `Busy` names the other. What fails for a reason that may pass stays
    scheduled; what is later than ``grace`` seconds becomes missed, once.
    """
    with named_lock(lock_path("run-due"), "mktool run-due"), Ledger(ledger_path()) as ledger:
        acts, now = Acts(ledger), ledger.clock()
        for act in acts.listed(("missed",)):
            if act.due and act.due > now - grace:
                acts.change(act.id, ("missed",), "scheduled")
        for act in acts.due(now):
            settings.breathe()
            late = now - (act.due or now)
            missed = late > grace and not _under_way(act)
            yield _missed(acts, act, late) if missed else _send(settings, acts, act, say)


def _send(
    settings: Settings, acts: Acts, act: Act, say: Callable[[str], None]
) -> tuple[Published, bool]:
    result = Published(act.provider, act.account, act.id, items(act))
    if act.verb == CAMPAIGN:
        return _campaign(settings, acts, act, result)
    try:
        account = "" if act.account == DEFAULT else act.account
        session = open_session(settings, act.provider, account)
    except e.MktoolError as error:
        result.error = error
        if isinstance(error, FINAL):
            acts.mark(act.id, "failed", code=error.code, error=error.message)
    else:
        try:
            result = acting.go_on(session, act, _work_of(session, act), say)
        finally:
            session.close()
    if isinstance(result.error, e.Interrupted):
        raise result.error
    if result.error is None:
        _drop_copies(acts, act)
    if result.error is None or isinstance(result.error, FINAL):
        return result, True  # `go_on` has put it on record
    acts.mark(act.id, "scheduled", code=result.error.code, error=result.error.message)
    return result, act.code != result.error.code


def _work_of(session: Session, act: Act) -> Callable[[Act], acting.Work]:
    if act.verb == publish.VERB:
        return partial(publish.Posts.kept, session.provider)
    from .export.pieces import Pieces

    return partial(Pieces.kept, session.provider)


def _campaign(
    settings: Settings, acts: Acts, act: Act, result: Published
) -> tuple[Published, bool]:
    from .campaign.opening import go_on

    try:
        result.recipients, result.error = go_on(settings, act)
    except e.Busy:  # it is being sent, by another process
        return result, False
    except e.MktoolError as error:
        result.error = error
    if isinstance(result.error, e.Interrupted):
        raise result.error
    stopped = acts.state(act.id) in ("paused", "cancelled")  # by a person, meanwhile
    if stopped or result.error is None or isinstance(result.error, (*FINAL, e.Partial)):
        return result, True  # it is on record
    acts.mark(act.id, "scheduled", code=result.error.code, error=result.error.message)
    return result, act.code != result.error.code


def _under_way(act: Act) -> bool:
    """Whether a campaign has begun: it goes on, however late."""
    if act.verb != CAMPAIGN or not act.content.get("ready"):
        return False
    from ..store.campaigns import CampaignFile, path_of

    with CampaignFile(path_of(act.id)) as file:
        return file.begun()


def _missed(acts: Acts, act: Act, late: float) -> tuple[Published, bool]:
    from . import moments

    begun = bool(acts.parts(act.id))
    result = Published(act.provider, act.account, act.id, items(act))
    text = f"was due {moments.ago(late)} and did not go out"
    acts.mark(act.id, "failed" if begun else "missed", code="missed", error=act.error or text)
    result.error = e.Partial(
        f"act {act.id} for {act.provider} {text}" + (f" ({act.error})" if act.error else ""),
        hint=f"mktool run-due --grace {late / 3600 + 1:.0f}h, or mktool schedule cancel {act.id}",
    )
    return result, True


def _keep(media: Media) -> Media:
    """Copy a file into our own folder, named by its content."""
    folder = private_dir(data_dir() / "media" / content.sha256(media)[:32])
    copy = Path(folder) / media.path.name
    try:
        if not copy.exists():
            partial = copy.with_suffix(".partial")
            shutil.copyfile(media.path, partial)
            partial.replace(copy)
    except OSError as error:
        raise storage_error("write", copy, error) from None
    return replace(media, path=copy)


def _drop_copies(acts: Acts, act: Act) -> None:
    """Delete the copied media of an act that needs them no more, but for those others wait for."""
    kept = {path for other in acts.listed(WAITING) for path in _copies(other)}
    for path in _copies(act) - kept:
        with contextlib.suppress(OSError):  # a leftover is harmless
            path.unlink()
            path.parent.rmdir()


def _copies(act: Act) -> set[Path]:
    """Return the files of an act that lie in our own folder."""
    files = {Path(media["path"]) for post in act.content.get("posts", ())
             for media in post["media"]}  # fmt: skip
    return {path for path in files if path.is_relative_to(data_dir() / "media")}
