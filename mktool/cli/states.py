"""Options that name the states of recipients, the same for each command that takes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

from ..store.outcomes import State


class Named(NamedTuple):
    """What an option is for."""

    states: tuple[State, ...]
    help: str


OPTIONS = {
    "sent": Named((State.SENT,), "Who was sent to."),
    "failed": Named((State.FAILED,), "Who was refused."),
    "unknown": Named((State.UNKNOWN,), "Who may have got it, or not."),
    "pending": Named((State.PENDING, State.RETRY), "Who is still to be sent to."),
    "suppressed": Named((State.SUPPRESSED,), "Who wants no mail."),
    "invalid": Named((State.INVALID,), "Who cannot be sent to."),
    "cancelled": Named((State.CANCELLED,), "Who was taken back."),
}


def by_state(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with these options in the place of its parameter ``states``, which gets
    the states that were asked for.

    Typer reads the options of a command off its signature and has no group of them.
    """
    flags = [
        Parameter(
            name, Parameter.KEYWORD_ONLY, default=False,
            annotation=Annotated[bool, typer.Option(f"--{name}", help=one.help)],
        )
        for name, one in OPTIONS.items()
    ]  # fmt: skip

    @wraps(command)
    def run(**given: Any) -> None:
        asked = [one.states for name, one in OPTIONS.items() if given.pop(name)]
        command(**given, states=tuple(state for states in asked for state in states))

    own, hints = signature(command), get_type_hints(command, include_extras=True)
    parameters = [
        one.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[name])
        for name, one in own.parameters.items()
        if name != "states"
    ]
    every = [*parameters, *flags]
    run.__signature__ = own.replace(parameters=every)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in every}
    return run
