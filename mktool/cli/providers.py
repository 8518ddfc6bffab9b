"""`mktool providers`: what each can do, and how to set it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from .. import providers as vendors
from ..capability import CAPABILITIES, CanTrace, capabilities
from ..http.auth import (
    Basic,
    ClientCredentials,
    HeaderKey,
    OAuth2,
    QueryKey,
    ServiceAccount,
    UrlKey,
)
from ..provider import Provider
from ..spec import MB, Field, Limit, Scheme, Spec
from ..store.vault.environment import variables
from .completion import provider_names
from .terminal import folded, span, terminal

app = typer.Typer(rich_markup_mode=None)

COLUMNS = (
    "name", "what it is", "can", "login", "text", "media", "campaigns", "records", "rate limits",
)  # fmt: skip
CHANNELS = {"email": "e-mail", "sms": "SMS"}
LOGINS: Mapping[type, str] = {
    ServiceAccount: "service account", ClientCredentials: "client credentials",
    OAuth2: "browser", HeaderKey: "key", QueryKey: "key", Basic: "key", UrlKey: "webhook",
}  # fmt: skip


@app.command("providers", epilog="Example: mktool providers x")
def show(
    name: Annotated[
        str, typer.Argument(help="One provider, in full.", autocompletion=provider_names)
    ] = "",
) -> None:
    """What each provider can do, and how to set one up."""
    if name:
        cls = vendors.load(name)
        terminal().result(facts(cls), text=folded(guide(cls)))
        return
    classes = [vendors.load(known) for known in vendors.names()]
    columns = ("name", "can", "login", "text", "media")
    terminal().result([facts(cls) for cls in classes], columns, [_brief(cls) for cls in classes])
    terminal().say("mktool providers NAME says how to set one up")


def _brief(cls: type[Provider]) -> tuple[str, ...]:
    name, _, can, login, text, *_ = row(cls)
    media = ", ".join(f"{k['count']} {kind}" for kind, k in _kinds(cls.spec).items())
    return name, can, login, text, media


def row(cls: type[Provider]) -> tuple[str, ...]:
    """Return one line of the full table of providers, as the README has it."""
    spec = cls.spec
    names = " ".join((spec.name, *(f"({alias})" for alias in spec.aliases)))
    limits = _limits(spec)
    shown = "; ".join(limits[:2]) + ("; …" if limits[2:] else "")
    return (
        names, spec.title, ", ".join(_can(cls)), ", ".join(logins(spec)), _text(spec),
        _media(spec), _campaigns(cls), _records(spec), shown,
    )  # fmt: skip


def facts(cls: type[Provider]) -> dict[str, Any]:
    """Return all of it, for ``--json``."""
    spec = cls.spec
    return {
        "name": spec.name, "title": spec.title, "aliases": spec.aliases, "docs": spec.docs,
        "base_url": spec.base_url, "can": _can(cls), "login": logins(spec),
        "text": {"limit": spec.text.limit, "unit": spec.text.unit} if spec.text else None,
        "media": _kinds(spec),
        "campaigns": {
            "channel": spec.campaigns.channel, "batch": spec.campaigns.batch, "lost": _lost(cls),
            "audience": spec.audience.batch if spec.audience else None,
        } if spec.campaigns else None,
        "records": {
            kind.name: {"key": kind.key, "batch": kind.batch, "bulk": kind.bulk}
            for kind in spec.records
        },
        "finds": spec.finds, "export_fields": spec.exports,
        "limits": [
            {"calls": n.calls, "seconds": n.per, "counts": n.bucket, "per": n.scope}
            for n in spec.limits
        ],
        "fields": [
            {
                "name": f.name, "help": f.help, "secret": f.secret, "required": f.required,
                "variables": variables(spec, f.name), "default": f.default or None,
            }
            for f in spec.fields
        ],
        "setup": spec.setup,
    }  # fmt: skip


def guide(cls: type[Provider]) -> str:
    """Return the set-up guide of one provider, for people."""
    spec = cls.spec
    parts = [
        f"{spec.title} ({spec.name})   {spec.docs}",
        _facts_for_people(cls),
        _section("Set-up", spec.setup.rstrip().splitlines()),
        _section("Fields", [line for field in spec.fields for line in _field(spec, field)]),
        _section("Rate limits, counted in the ledger", _limits(spec)),
    ]
    return "\n\n".join(part for part in parts if part)


def logins(spec: Spec) -> list[str]:
    """Return the ways to log in, in words."""
    return list(dict.fromkeys(_login(scheme) for scheme in spec.auth))


def _login(scheme: Scheme) -> str:
    word = next((word for kind, word in LOGINS.items() if isinstance(scheme, kind)), "key")
    device = isinstance(scheme, OAuth2) and scheme.device_url
    return f"{word}, device code" if device else word


def _can(cls: type[Provider]) -> list[str]:
    found = capabilities(cls)
    return [name for name in CAPABILITIES if name in found]


def _text(spec: Spec) -> str:
    return f"{spec.text.limit:,} {spec.text.unit}" if spec.text else ""


def _kinds(spec: Spec) -> dict[str, dict[str, int]]:
    files = spec.files.kinds if spec.files else {}
    return {kind: {"count": count, "bytes": size} for kind, (count, size) in files.items()}


def _media(spec: Spec) -> str:
    kinds = _kinds(spec).items()
    return ", ".join(f"{kind}: {k['count']} of {_size(k['bytes'])}" for kind, k in kinds)


def _campaigns(cls: type[Provider]) -> str:
    """Return what goes out how, and what is done about a request whose answer was lost."""
    ways = ((cls.spec.delivery, ""), (cls.spec.audience, " to its audience"))
    told = [f"{CHANNELS[way.channel]}{to}, {way.batch:,} a request" for way, to in ways if way]
    return f"{', or '.join(told)}; lost answer: {_lost(cls)}" if told else ""


def _lost(cls: type[Provider]) -> str:
    way = cls.spec.delivery
    if way is None or way.key_seconds:
        return "sent again"
    return "looked up" if issubclass(cls, CanTrace) else "unknown"


def _records(spec: Spec) -> str:
    """Return the kinds of records that are kept in step."""
    return ", ".join(kind.name if kind.batch else f"{kind.name} (read)" for kind in spec.records)


def _size(count: int) -> str:
    return f"{count / MB:.0f} MB" if count < 1024 * MB else f"{count / MB / 1024:.0f} GB"


def _limits(spec: Spec) -> list[str]:
    return [_limit(limit) for limit in spec.limits]


def _limit(limit: Limit) -> str:
    counts = "" if limit.bucket == "*" else f"{limit.bucket} "
    shared = " (whole app)" if limit.scope == "app" else ""
    return f"{counts}{limit.calls:,} in {span(limit.per)}{shared}"


def _facts_for_people(cls: type[Provider]) -> str:
    spec = cls.spec
    facts = {
        "Can": ", ".join(_can(cls)), "Login": ", ".join(logins(spec)), "Text": _text(spec),
        "Media": _media(spec), "Campaigns": _campaigns(cls), "Records": _records(spec),
        "Finds": ", ".join(spec.finds),
    }  # fmt: skip
    return "\n".join(f"{name:11}{value}" for name, value in facts.items() if value)


def _field(spec: Spec, field: Field) -> list[str]:
    marks = [*(["secret"] if field.secret else []), *(["required"] if field.required else [])]
    note = f" ({', '.join(marks)})" if marks else ""
    default = f"; default {field.default}" if field.default else ""
    names = ", ".join(variables(spec, field.name))
    return [f"{field.name}{note}: {field.help}{default}", f"    or in the environment: {names}"]


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)]) if lines else ""
