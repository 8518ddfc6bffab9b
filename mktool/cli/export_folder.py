"""`mktool export --from-dir`: one report of a folder after another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import errors as e
from ..core.settings import DEFAULT, login_of
from . import acting
from .failure import as_ours
from .terminal import Status, many, name, terminal

if TYPE_CHECKING:
    from ..core.acting import Published
    from ..core.export.folder import Filed
    from ..core.rehearsal import Rehearsal
    from ..store.acts import Act
    from .export import Order

COLUMNS = ("report", "to", "state", "sent", "where")


def run(order: Order, folder: Path, since: str, *, dry_run: bool) -> int:
    """Export what is new in a folder; a file that cannot be read stops no other."""
    from ..core.export import folder as folders
    from ..core.export.prepare import day

    after = day(since, order.given.config.get("schedule", "zone")) if since else None
    filed, wrong = folders.survey(folder, order.read, after)
    if dry_run:
        return _not_at_all(order, filed, wrong)
    if order.due is not None:
        return _later(order, filed, wrong)
    return _report(filed, _each(order, filed), wrong)


def _each(order: Order, filed: list[Filed]) -> list[list[Published]]:
    """Return what became of the reports at each account; the accounts are served side by side."""
    from ..core.acting import Published
    from ..core.export.folder import export_all
    from ..core.session import open_session
    from ..core.side import each

    def at(target: tuple[str, str]) -> list[Published]:
        done, spoken = list[Published](), acting.speaker(name(*target), len(order.targets) > 1)
        try:
            session = open_session(order.given, *target)
            try:
                for result in export_all(
                    session, filed, order.read, lambda one: order.made(session.spec, one),
                    again=order.again, say=spoken,
                ):  # fmt: skip
                    done.append(result)
            finally:
                session.close()
        except Exception as error:  # one that fails, for whatever reason, stops no other
            provider, account = target
            done.append(Published(provider, account or DEFAULT, error=as_ours(error)))
        return done

    return each(order.given, at, order.targets) if filed else []


def _report(
    filed: Sequence[Filed], done: Sequence[Sequence[Published]], wrong: Sequence[e.MktoolError]
) -> int:
    """Print what is news, and return the exit code."""
    out = terminal()
    told = [(one, result) for results in done for one, result in zip(filed, results, strict=False)]
    news = [(one, result) for one, result in told if not result.repeated]
    failed = [*wrong, *(result.error for _, result in news if result.error is not None)]
    data = [
        {"report": str(one.path), **acting.as_data(result), "message": str(result.error or "")}
        for one, result in told
    ]
    rows = [(one.path.name, *acting.as_row(result)) for one, result in news]
    went = any(result.posted for _, result in told)
    if out.json:
        status: Status = "success" if not failed else ("partial" if went else "error")
        out.envelope(status, data, failed)
    else:
        out.result(data, COLUMNS, rows, shorten="report")
        for error in wrong:
            out.error(error)
        for one, result in news:
            if result.error is not None:
                out.error(result.error, about=one.path.name)
    out.say(_summary(len(told) - len(news), len(filed) * len(done) - len(told)))
    return acting.partly(failed) if failed else 0


def _summary(before: int, left: int) -> str:
    told = [f"{many(before, 'export')} went out before"] if before else []
    told += [f"{many(left, 'export')} not tried"] if left else []
    return "; ".join(told) or "that is all there is to export"


def _later(order: Order, filed: Sequence[Filed], wrong: Sequence[e.MktoolError]) -> int:
    from .. import providers
    from ..core.session import open_session

    acts: list[Act] = []
    refused = list(wrong)
    for provider, account in order.targets:
        login_of(order.given, providers.load(provider).spec, account)  # raises `NeedsLogin`
    for target in order.targets:
        session = open_session(order.given, *target)
        try:
            for one in filed:
                key = None if order.again else one.key
                try:
                    acts.append(order.enter(session, order.read(one.path), key))
                except e.MktoolError as error:
                    refused.append(error)
        finally:
            session.close()
    return acting.scheduled([act for act in acts if act.state == "scheduled"], refused)


def _not_at_all(order: Order, filed: Sequence[Filed], wrong: Sequence[e.MktoolError]) -> int:
    plans: list[Rehearsal] = []
    failed = list(wrong)
    for one in filed:
        for target in order.targets:
            key = None if order.again else one.key
            try:
                plans.append(order.rehearsed(order.read(one.path), *target, key))
            except e.MktoolError as error:
                failed.append(error)
    return acting.rehearsed(plans, order.due, failed)
