"""`mktool post`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import errors as e
from ..core import content
from ..core.settings import Settings, login_of
from ..model import Post
from . import acting
from .completion import provider_names
from .settings import settings

if TYPE_CHECKING:
    from ..core.acting import Published
    from ..core.session import Session

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool post x linkedin --text 'It is here' --media cat.png='A cat'")
def post(
    providers: Annotated[
        list[str],
        typer.Argument(
            metavar="PROVIDER[:ACCOUNT]…",
            help="Where to, and `-` to read the text from stdin.",
            autocompletion=provider_names,
        ),
    ],
    text: Annotated[str, typer.Option(help="The text.")] = "",
    file: Annotated[Path | None, typer.Option(help="A file that holds the text.")] = None,
    thread: Annotated[
        bool, typer.Option("--thread", help="Split at lines of `---`, or where the limit is.")
    ] = False,
    media: Annotated[
        list[str] | None, typer.Option(metavar="PATH[=ALT]", help="An image or a video.")
    ] = None,
    link: Annotated[str, typer.Option(help="A link to add, as a card where there is one.")] = "",
    at: acting.At = None,
    key: Annotated[str | None, typer.Option(help="Publish once for ever under this key.")] = None,
    again: acting.Again = False,
    options: acting.Set = None,
    dry_run: acting.DryRun = False,
) -> int:
    """Publish a post or a thread, to one or several providers.

    The same content goes to the same account once in 24 hours, unless --again. A thread that
    broke goes on where it broke when the same command is run again.
    """
    targets = acting.targets(providers)
    what = content.Content(
        _text(text, file, stdin="-" in providers),
        thread,
        tuple(content.media_from(m) for m in media or ()),
        link,
        acting.options(options or []),
    )
    acting.check_key(key)
    given = settings()
    due = None if at is None else acting.due(given, at)
    if dry_run:
        return _dry_run(given, targets, what, key, again, due)
    plans = _composed(given, targets, what, later=due is not None)
    if due is not None:
        return _schedule(given, targets, plans, due, key, again)
    return _publish(given, targets, plans, key, again)


def _text(text: str, file: Path | None, *, stdin: bool) -> str:
    if (bool(text) + bool(file) + stdin) > 1:
        raise e.InvalidInput("one text at a time", hint="--text, --file or -")
    if stdin or str(file) == "-":
        return content.decoded(sys.stdin.buffer.read(content.MAX_TEXT + 1), "stdin")
    if file is not None:
        return content.read_file(file)
    return content.decoded(text.encode("utf-8", "surrogateescape"), "--text")


def _composed(
    given: Settings, targets: list[tuple[str, str]], what: content.Content, *, later: bool
) -> list[list[Post]]:
    """Check the content for every account before anything is sent to the first.

    For ``later`` every account must be connected; else a missing one stops only itself.
    """
    from ..core import rehearsal

    plans = []
    for provider, account in targets:
        bound, _, connected = rehearsal.rehearse(given, provider, account)
        posts = content.compose(bound.spec, what)
        if connected:
            content.check(bound, posts)
        elif later:
            login_of(given, bound.spec, account)  # raises `NeedsLogin`
        plans.append(posts)
    return plans


# -- publishing --------------------------------------------------------------------------------


def _publish(
    given: Settings, targets: list[tuple[str, str]], plans: list[list[Post]], key: str | None,
    again: bool,
) -> int:  # fmt: skip
    from ..core import publish

    def work(number: int, session: Session, say: Callable[[str], None]) -> Published:
        want = publish.wanted(session, plans[number], key=key)
        return publish.publish(session, want, plans[number], again=again, say=say)

    return acting.carry_out(given, targets, work, [len(posts) for posts in plans])


# -- later -------------------------------------------------------------------------------------


def _schedule(
    given: Settings, targets: list[tuple[str, str]], plans: list[list[Post]],
    due: tuple[float, str], key: str | None, again: bool,
) -> int:  # fmt: skip
    from ..core import schedule
    from ..core.session import open_session

    at, zone = due
    acts, refused = [], []
    for (provider, account), posts in zip(targets, plans, strict=True):
        session = open_session(given, provider, account)
        try:
            acts.append(schedule.add(session, posts, due=at, zone=zone, key=key, again=again))
            acting.warn_of_expiry(session, at)
        except e.Duplicate as duplicate:
            refused.append(duplicate)
        finally:
            session.close()
    return acting.scheduled(acts, refused)


# -- not at all --------------------------------------------------------------------------------


def _dry_run(
    given: Settings, targets: list[tuple[str, str]], what: content.Content, key: str | None,
    again: bool, due: tuple[float, str] | None,
) -> int:  # fmt: skip
    from ..core import rehearsal

    plans = [
        rehearsal.post(given, provider, account, what, key=key, again=again)
        for provider, account in targets
    ]
    return acting.rehearsed(plans, due)
