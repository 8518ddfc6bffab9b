"""
Documents and values from templates over the fields of a report.

The syntax is MiniJinja's (https://docs.rs/minijinja, read November 2026). A template is
Markdown, and what it inserts is text that has no meaning in it; ``| markdown`` inserts what a
field holds as the Markdown that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from ...errors import InvalidInput
from ...report import Action, Block, Report
from ...text.document import parse
from ...text.markup import escape
from ...text.template import Fault, check, scan
from .schema import as_data, near
from .shape import when

FUEL = 1_000_000  # steps of the engine; each action shown takes some fifty
HINT = "mktool help config, or leave the template out"


def rendered(source: str, report: Report, name: str = "template") -> tuple[Block, ...]:
    """Return the document that a Markdown template makes of a report.

    Raises `InvalidInput` with the line of what is wrong with it; ``name`` is what errors call it.
    """
    with _reading(name):
        return parse(_run(source, values(report), markdown=True))


def filled(source: str, report_values: Mapping[str, Any], name: str) -> str:
    """Return the plain text that a template makes of `values`; ``name`` is what errors call it."""
    with _reading(name):
        return _run(source, report_values, markdown=False)


def values(report: Report) -> dict[str, Any]:
    """Return what templates and field maps know a report by: the keys of the JSON schema, each of
    them, with "" for what is unknown, and ``when`` and ``date``."""
    known = as_data(report)
    known.pop("version")
    empty: dict[str, Any] = dict.fromkeys(
        ("id", "start", "end", "timezone", "summary", "link", "transcript", "transcript_link"), ""
    )
    return {
        **empty,
        **known,
        "when": when(report),
        "date": report.start.date().isoformat() if report.start else "",
        "participants": [one._asdict() for one in report.participants],
        "key_points": [*report.key_points],
        "decisions": [*report.decisions],
        "actions": [_action(action) for action in report.actions],
        "metadata": dict(report.metadata),
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "text": action.text,
        "owner": action.owner._asdict() if action.owner else "",
        "due": action.due.isoformat() if action.due else "",
        "priority": action.priority,
        "status": action.status,
        "done": action.status == "done",
        "link": action.link,
    }


def shown(value: Any) -> str:
    """Return a value as text: a person by the name, a list by its members."""
    if isinstance(value, Mapping) and value.keys() == {"name", "email"}:
        return str(value["name"] or value["email"])
    if isinstance(value, list):
        return ", ".join(filter(None, map(shown, value)))
    if isinstance(value, Mapping):
        import json

        return json.dumps(value, ensure_ascii=False, default=str)
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return str(value)


def _run(source: str, context: Mapping[str, Any], *, markdown: bool) -> str:
    from minijinja import Environment, safe

    check(scan(source))
    finalizer: Callable[[Any], Any] = partial(_inserted, markdown)
    environment: Environment = Environment(
        undefined_behavior="chainable",  # a key that metadata lacks is empty
        fuel=FUEL,
        finalizer=finalizer,
    )
    environment.remove_global("debug")
    environment.add_filter("markdown", lambda value: safe(shown(value)))
    environment.add_template("template", source)
    for name in sorted(environment.undeclared_variables_in_template("template")):
        if name not in context and name not in environment.globals:
            raise Fault(f"there is no {name}{near(name, context)}")
    return str(environment.render_template("template", **context))


def _inserted(markdown: bool, value: Any) -> Any:
    if hasattr(value, "__html__"):  # of the filter
        return value
    return escape(shown(value)) if markdown else shown(value)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what is wrong with a template into `InvalidInput`."""
    from minijinja import TemplateError

    try:
        yield
    except Fault as error:
        raise InvalidInput(f"{name}: {error}", hint=HINT) from None
    except TemplateError as error:
        reason = error.detail or error.message.split(" (in ")[0]
        raise InvalidInput(
            f"{name} line {error.line or 1}: {reason.replace('`', '')}", hint=HINT
        ) from None
    except (ValueError, TypeError, RecursionError) as error:  # of a value's own method
        raise InvalidInput(f"{name}: {error}", hint=HINT) from None
