"""What a person supplies to log in: which fields are enough, and where each one belongs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal

from .. import errors as e
from ..http.auth import ClientCredentials, OAuth2, ServiceAccount
from ..model import Login, Secret
from ..spec import Scheme, Spec
from ..store.vault.environment import variable

Flow = Literal["browser", "paste", "device", "client-credentials", "service-account", "key"]
_OAUTH_SECRETS = frozenset({"access_token", "refresh_token", "client_secret"})


def default_flow(spec: Spec, given: Login) -> Flow:
    """Return what the given fields are enough for; `InvalidInput` names what is missing."""
    if any(all(map(given.has, scheme.needs)) for scheme in spec.auth):
        return "key"
    for scheme in spec.auth:
        if all(map(given.has, asked_for(scheme))):
            return _flow_of(scheme)
    raise lacking(spec, given, *spec.auth)


def meant(spec: Spec, given: Collection[str], flow: Flow | None) -> Scheme:
    """Return the way to log in whose fields a person is asked for: the one that ``flow``, then
    what is given, points at. A signed login is for machines, and the last that is thought of."""
    wanted = "browser" if flow in ("paste", "device") else flow
    ways = [scheme for scheme in spec.auth if _flow_of(scheme) == wanted] or [*spec.auth]
    ways.sort(key=lambda scheme: isinstance(scheme, ServiceAccount))
    return max(ways, key=lambda scheme: sum(name in given for name in asked_for(scheme)))


def lacking(spec: Spec, given: Login, *ways: Scheme) -> e.InvalidInput:
    """Return the error that says what is missing for one of these ways, and how to give it."""
    missing = [[n for n in asked_for(scheme) if not given.has(n)] for scheme in ways]
    keys = {name for scheme in spec.auth for name in scheme.needs}
    how = dict.fromkeys(_giving(spec, name, keys) for way in missing for name in way)
    return e.InvalidInput(
        f"{spec.title} needs {' or '.join(' and '.join(way) for way in missing)}",
        hint=f"{', and '.join(how)}; see mktool providers {spec.name}",
    )


def _giving(spec: Spec, name: str, keys: Collection[str]) -> str:
    if name in keys:
        return "--token-stdin, or type it in a terminal"
    if name in secret_names(spec):
        return f"{variable(spec.name, name)} in the environment, or type it in a terminal"
    return f"--field {name}=…, ${variable(spec.name, name)}, or {name} in [providers.{spec.name}]"


def asked_for(scheme: Scheme) -> tuple[str, ...]:
    """Return the fields a person must supply to log in with a scheme."""
    if isinstance(scheme, ServiceAccount):
        named = (scheme.issuer_field, scheme.subject_field, scheme.key_field)
        return tuple(filter(None, named))
    if not isinstance(scheme, OAuth2):
        return scheme.needs
    secretless = scheme.public or scheme.client_auth == "none"
    if secretless and not isinstance(scheme, ClientCredentials):
        return ("client_id",)
    return ("client_id", "client_secret")


def given_login(spec: Spec, fields: Mapping[str, str | Secret]) -> Login:
    """Return the fields sorted into options and secrets; `InvalidInput` if one does not fit.

    No message repeats a value.
    """
    known = {f.name: f for f in spec.fields}
    hidden = secret_names(spec)
    options, kept = {}, {}
    for name, value in fields.items():
        text = (value.reveal() if isinstance(value, Secret) else value).strip()
        field = known.get(name)
        if field is None and name not in hidden | _plain_names(spec):
            names = ", ".join(sorted({*known, *hidden, *_plain_names(spec)}))
            raise e.InvalidInput(f"{spec.title} has no field {name!r}", hint=f"known: {names}")
        if not text or (field and not re.fullmatch(field.pattern, text, re.DOTALL)):
            raise e.InvalidInput(
                f"{name} does not look right", hint=field.help if field else "copy it whole"
            )
        if name in hidden:
            kept[name] = Secret(text)
        else:
            options[name] = text
    missing = [f.name for f in spec.fields if f.required and f.name not in fields]
    if missing:
        raise e.InvalidInput(
            f"{spec.title} needs {', '.join(missing)}", hint=f"mktool providers {spec.name}"
        )
    return Login(options, kept)


def _flow_of(scheme: Scheme) -> Flow:
    if isinstance(scheme, ServiceAccount):
        return "service-account"
    if isinstance(scheme, ClientCredentials):
        return "client-credentials"
    return "browser" if isinstance(scheme, OAuth2) else "key"


def secret_names(spec: Spec) -> frozenset[str]:
    """Return the names of the fields that never stand on a command line."""
    oauth = _OAUTH_SECRETS if any(isinstance(s, OAuth2) for s in spec.auth) else frozenset()
    keys = {s.key_field for s in spec.auth if isinstance(s, ServiceAccount)}
    declared = {f.name for f in spec.fields}
    needed = {name for scheme in spec.auth for name in scheme.needs} - declared
    return oauth | keys | needed | {f.name for f in spec.fields if f.secret}


def _plain_names(spec: Spec) -> frozenset[str]:
    names = {name for scheme in spec.auth for name in asked_for(scheme)}
    return frozenset(names | {f.name for f in spec.fields}) - secret_names(spec)
