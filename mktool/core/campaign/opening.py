"""
Which campaign a file means: a new one, or one to go on with.

A campaign is an act of the ledger whose key is its name: the same name again goes on with it. What
its recipients see is kept in the act, so that a crash, or an edit of the file, changes nothing
about what is under way.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ... import errors as e
from ... import providers
from ...store.acts import CAMPAIGN, Act, Acts, Wanted
from ...store.campaigns import CampaignFile, path_of
from ...store.locks import lock_path, named_lock
from ..lists.recipients import shown
from ..settings import DEFAULT
from . import condition, definition, overview
from .campaign import Campaign, Options
from .definition import Definition
from .keys import PLAIN
from .way import delivery_of

if TYPE_CHECKING:
    from ..session import Session
    from ..settings import Settings

Standing = Literal["same", "kept", "anew"]
"""The file as it is, what the campaign began with, or, as nothing of it went out, a new content."""


def read(path: Path, options: Options, settings: Settings) -> Definition:
    """Return the definition in a file, as the command line changes it."""
    found = definition.load(path)
    changed: dict[str, Any] = {}
    if options.name:
        changed["name"] = _checked_name(options.name)
    if options.account:
        changed["account"] = options.account
    if options.recipients:
        changed["recipients"] = options.recipients
    with _in_file(found, "where"):
        condition.check(found.where)
    if name := options.segment or found.segment:
        saved = _saved(settings, name)
        terms = filter(None, (found.where, saved))
        changed |= {"segment": name, "where": " and ".join(f"({term})" for term in terms)}
    if options.skip_invalid:
        changed["skip_invalid"] = True
    found = replace(found, **changed) if changed else found
    with _in_file(found, "provider"):
        delivery = delivery_of(found)
    definition.check_channel(found, delivery.channel)
    senders = {variant.sender.address for variant in found.variants}
    if not delivery.replies and found.reply_to not in senders | {""}:
        problem = f"{providers.load(found.provider).spec.title} sends answers to the sender only"
        raise definition.fault(found, "reply_to", problem, "leave it out")
    return found


def _checked_name(name: str) -> str:
    try:
        return str(PLAIN["name"].read(name))
    except ValueError as problem:
        raise e.InvalidInput(f"--as: {problem}", hint="such as --as launch-2") from None


@contextlib.contextmanager
def _in_file(found: Definition, key: str) -> Iterator[None]:
    """Say of an error about a value where in the campaign's file that stands."""
    try:
        yield
    except e.InvalidInput as error:
        raise definition.fault(found, key, error.message, error.hint) from None


def _saved(settings: Settings, name: str) -> str:
    """Return the condition of a saved segment; `InvalidInput` if it is none."""
    saved = settings.config.segment(name)
    try:
        condition.check(saved)
    except e.InvalidInput as error:
        place = f"{settings.config.path}: segments.{name}"
        raise e.InvalidInput(f"{place}: {error.message}", hint=error.hint) from None
    return saved


@contextlib.contextmanager
def opened(settings: Settings, wanted: Definition, options: Options) -> Iterator[Campaign]:
    """Open the campaign of a file, new or begun, and hold its lock: `Busy` names who else does."""
    from ..session import open_session

    session = open_session(settings, wanted.provider, wanted.account, many=True)
    try:
        with locked(wanted.name):
            campaign = Campaign(session, _act(session, wanted, options), options, wanted.recipients)
            with campaign.file:  # when it is closed its log is folded into it
                yield campaign
    finally:
        session.close()


@contextlib.contextmanager
def resumed(settings: Settings, act: Act, options: Options) -> Iterator[Campaign]:
    """Open a campaign from the ledger alone: its list was read, and is not read again."""
    from ..session import open_session

    account = "" if act.account == DEFAULT else act.account
    session = open_session(settings, act.provider, account, many=True)
    try:
        with locked(str(act.key)):
            campaign = Campaign(session, Acts(session.ledger).get(act.id), options)
            with campaign.file:  # when it is closed its log is folded into it
                yield campaign
    finally:
        session.close()


def go_on(settings: Settings, act: Act) -> tuple[int, e.MktoolError | None]:
    """Send a campaign whose time has come; return how many were sent to, and what went wrong."""
    with resumed(settings, act, Options()) as campaign:
        campaign.heed()
        result = campaign.send()
        return result.progress.sent, campaign.verdict(result)


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a campaign among all processes."""
    short = hashlib.sha256(name.encode()).hexdigest()[:16]  # a name may be longer than a file's
    path = lock_path(f"campaign-{short}")
    with named_lock(path, "mktool send-campaign", about=f"the campaign {name!r}"):
        yield


def standing(found: Act, wanted: Definition, options: Options) -> Standing:
    """Return how a campaign goes on that is on record under this name.

    `InvalidInput` where it does not: stopped by a person, or begun with another content.
    """
    if found.state == "paused":
        raise e.InvalidInput(
            f"the campaign {wanted.name!r} is paused",
            hint=overview.command("resume", wanted.name),
        )
    if found.state == "cancelled":
        raise e.InvalidInput(
            f"the campaign {wanted.name!r} was cancelled", hint="--as NAME begins a new one"
        )
    if found.digest == definition.digest(wanted):  # the provider is part of it
        return "same"
    if options.keep_content:
        _check_account(found, wanted)
        return "kept"
    if found.content.get("ready"):
        with CampaignFile(path_of(found.id)) as file:
            if file.begun():
                raise e.InvalidInput(
                    f"the campaign {wanted.name!r} went out, at least in part,"
                    " with another content",
                    hint="--keep-content goes on with that one, --as NAME sends this one as a new"
                    " campaign",
                )
    return "anew"


def _check_account(found: Act, wanted: Definition) -> None:
    """Raise `InvalidInput` if a campaign that is kept would go on elsewhere than it began: only
    that vendor knows its keys, and what it has taken."""
    here = (providers.load(wanted.provider).spec.name, wanted.account or DEFAULT)
    if here != (found.provider, found.account):
        raise e.InvalidInput(
            f"the campaign {wanted.name!r} began with {found.provider}:{found.account}",
            hint="give its file that provider and account again; --as NAME begins a new campaign",
        )


def _act(session: Session, wanted: Definition, options: Options) -> Act:
    """Return the act of a campaign: begun, or new; refuses another content under its name."""
    acts = Acts(session.ledger)
    digest = definition.digest(wanted)
    found = acts.named(CAMPAIGN, wanted.name)
    if found is None:
        if options.retry:
            raise e.InvalidInput(
                f"there is no campaign {wanted.name!r} of which some could be sent to again",
                hint="mktool campaign list",
            )
        return _begin(acts, session, wanted, digest)
    found = _ready(acts, found)
    if (way := standing(found, wanted, options)) != "anew":
        return _refreshed(acts, found, wanted) if way == "same" else found
    if found.provider != session.spec.name or found.account != session.account:
        acts.mark(found.id, "cancelled", code="replaced", error="begun anew elsewhere")
        return _begin(acts, session, wanted, digest)
    mended = _wanted(session, wanted, digest, found.content["token"])
    with CampaignFile(path_of(found.id)) as file:
        file.forget()
    return _ready(acts, acts.rewrite(found.id, mended))


def _begin(acts: Acts, session: Session, wanted: Definition, digest: str) -> Act:
    return _ready(acts, acts.open(_wanted(session, wanted, digest, uuid.uuid4().hex)))


def _ready(acts: Acts, act: Act) -> Act:
    """Make the file of a new campaign. Only one that never had a file may get one: an empty one
    in the place of one that is lost would send to everybody again."""
    if not act.content.get("ready"):
        with CampaignFile(path_of(act.id), create=True):
            pass
        acts.keep(act.id, {**act.content, "ready": True})
    return acts.get(act.id)


def _wanted(session: Session, wanted: Definition, digest: str, token: str) -> Wanted:
    content = {
        "token": token,
        "definition": _kept(wanted),
        "postal_address": session.settings.config.get("campaign", "postal_address"),
    }
    return Wanted(CAMPAIGN, session.spec.name, session.account, wanted.name, digest, content)


def _kept(wanted: Definition) -> str:
    """Return a definition as the ledger keeps it: without the password of a database."""
    return definition.to_json(replace(wanted, recipients=shown(wanted.recipients)))


def _refreshed(acts: Acts, act: Act, wanted: Definition) -> Act:
    """Keep what may change while a campaign is under way: its list, its pace, its figures."""
    content = {**act.content, "definition": _kept(wanted)}
    if content != act.content:
        acts.keep(act.id, content)
    return act._replace(content=content)
