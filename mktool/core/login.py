"""Connecting an account and letting it go: every way to log in, with one end."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from .. import errors as e
from ..http.auth import OAuth2, Tokens
from ..http.classify import printable
from ..http.oauth import Handshake, TokenClient
from ..http.target import origin
from ..model import Account, Login, Secret
from ..spec import Spec
from ..store import accounts
from ..store.accounts import Entry
from . import record as records
from .fields import Flow, asked_for, default_flow, given_login, lacking
from .loopback import Params, Receiver
from .record import Grant, Record
from .signals import deferred_signals
from .tokens import described, token_client

if TYPE_CHECKING:
    from ..http.exchange import Exchange
    from ..http.target import Target
    from ..store.vault import Vault

PATIENCE = 600.0  # seconds between the question and a pasted answer
Identify = Callable[[Login], Account | None]
_GRANTS: Mapping[Flow, Grant] = {
    "browser": "refresh_token",
    "paste": "refresh_token",
    "device": "refresh_token",
    "client-credentials": "client_credentials",
    "service-account": "jwt_bearer",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who logs in: is told things, pastes an address, and has a browser opened if possible."""

    say: Callable[[str], None]
    read: Callable[[str], str]
    open_browser: Callable[[str], bool]


def authorize(
    spec: Spec, target: Target, exchange: Exchange, vault: Vault, account: str,
    fields: Mapping[str, str | Secret], person: Person,
    *, flow: Flow | None = None, scopes: Sequence[str] = (), identify: Identify | None = None,
) -> Entry:  # fmt: skip
    """Log in, keep the credential in ``vault`` and return the account as listed.

    ``flow`` is by default what the given fields are enough for; ``scopes`` those of the scheme.
    ``identify`` asks the vendor whose login it is. A key is proven before it replaces another;
    tokens are kept first, because a second login may be impossible.
    Raises `InvalidInput` for fields that do not fit, `NeedsLogin` if the vendor or the person
    refuses, `ProviderError` and `VaultError`.
    """
    given, flow = ready(spec, fields, flow)
    kept: Mapping[str, str] = {}
    if flow == "key":
        record = _from_key(spec, target, given)
    else:
        attempt = _Attempt(spec, target, exchange, given, tuple(scopes), person)
        record, kept = attempt.run(flow)
    entry = Entry(spec.name, account, vault.home, target.origin, {**given.options, **kept})
    login = Login(entry.options, record.secrets, record.generation)
    who = identify(login) if identify and record.tokens is None else None
    entry = _store(vault, _with_owner(spec, described(entry, record), who), record)
    if identify and record.tokens is not None and (who := identify(login)):
        entry = accounts.save(_with_owner(spec, entry, who))
    return entry


def ready(spec: Spec, fields: Mapping[str, str | Secret], flow: Flow | None) -> tuple[Login, Flow]:
    """Return the fields, sorted, and the flow they are enough for; nothing is opened for it.

    Raises `InvalidInput` that names what is missing, `Unsupported` for a flow the vendor lacks.
    """
    given = given_login(spec, fields)
    flow = flow or default_flow(spec, given)
    if flow != "key":
        scheme = _scheme(spec, flow)
        if not all(map(given.has, asked_for(scheme))):
            raise lacking(spec, given, scheme)
    return given, flow


def revoke(
    spec: Spec, target: Target, exchange: Exchange, vault: Vault, entry: Entry,
    say: Callable[[str], None], *, force: bool = False,
) -> None:  # fmt: skip
    """Log an account out: at the vendor, then in the vault, then in the list of accounts.

    If the vendor or the vault refuses, nothing is forgotten, unless ``force`` says so.
    """
    with accounts.account_lock(entry.key):
        try:
            _revoke_at_vendor(spec, target, exchange, vault, entry, say)
            vault.delete(entry.key)
        except (e.ProviderError, e.VaultError, e.NeedsLogin, e.InvalidInput) as error:
            if not force:
                forget = "to forget it here all the same, add --force"
                error.hint = f"{error.hint}; {forget}" if error.hint else forget
                raise
            say(f"{error} - forgotten here only")
            with suppress(e.VaultError):
                vault.delete(entry.key)
        accounts.remove(entry.provider, entry.account)


def open_browser(url: str) -> bool:
    """Open ``url`` and tell whether a browser with a window of its own was found."""
    import os
    import sys

    screen = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    if sys.platform == "linux" and not any(map(os.environ.get, screen)):
        return False  # a text browser would take over the terminal
    import subprocess

    # A process of its own, as a browser passes its environment on to all that it starts, and may
    # return only when it is closed, while the answer must be received.
    command = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
    environ = {name: v for name, v in os.environ.items() if not name.startswith("MKTOOL_")}
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", command, url],
        env=environ, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True,
    )  # fmt: skip
    try:
        return child.wait(3.0) == 0
    except subprocess.TimeoutExpired:
        return True


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One login that yields tokens."""

    spec: Spec
    target: Target
    exchange: Exchange
    given: Login
    scopes: tuple[str, ...]
    person: Person

    def run(self, flow: Flow) -> tuple[Record, Mapping[str, str]]:
        """Return the record to keep, and the options that the vendor's answer adds."""
        grant = _GRANTS[flow]
        scheme = _scheme(self.spec, flow)
        record = _new_record(self.target, self.given.secrets, grant)
        client = token_client(self.spec, self.target, self.exchange, record, self.given.options)
        wanted = self.scopes or scheme.scopes
        tokens = self._tokens(flow, client, scheme, wanted)
        if tokens.scopes is None:  # silence means "as asked" (RFC 6749 section 5.1)
            tokens = replace(tokens, scopes=frozenset(wanted))
        return replace(record, tokens=tokens), tokens.kept

    def _tokens(
        self, flow: Flow, client: TokenClient, scheme: OAuth2, wanted: Sequence[str]
    ) -> Tokens:
        if flow == "browser":
            return self._by_browser(client, scheme, wanted)
        if flow == "paste":
            return self._by_paste(client, scheme, wanted)
        if flow == "device":
            return self._by_device(client, wanted)
        if flow == "client-credentials":
            return client.client_credentials(wanted)
        return client.jwt_bearer(wanted)

    def _by_browser(self, client: TokenClient, scheme: OAuth2, wanted: Sequence[str]) -> Tokens:
        shake = Handshake()
        with Receiver(
            shake.state, path=scheme.redirect_path, ports=scheme.redirect_ports,
            host=scheme.redirect_host,
        ) as receiver:  # fmt: skip
            url = client.authorization_url(shake, receiver.redirect_uri, wanted)
            if self.person.open_browser(url):
                self.person.say(f"The browser shows {self.spec.title}. If it does not, open\n{url}")
            else:
                self.person.say(
                    f"Open this address in a browser on this machine:\n{url}\n"
                    f"Logged in from afar? First: ssh -L {receiver.port}:127.0.0.1:{receiver.port}"
                    " HOST, or run the same command with --paste"
                )
            params = receiver.wait()
            return self._trade(client, params, shake, scheme, receiver.redirect_uri)

    def _by_paste(self, client: TokenClient, scheme: OAuth2, wanted: Sequence[str]) -> Tokens:
        shake, asked_at = Handshake(), time.monotonic()
        # Nothing listens there: a port by chance is not one that some program waits on.
        port = (scheme.redirect_ports or (49152 + secrets.randbelow(16384),))[0]
        redirect_uri = f"http://{scheme.redirect_host}:{port}{scheme.redirect_path}"
        url = client.authorization_url(shake, redirect_uri, wanted)
        self.person.say(
            f"Open this address in any browser and agree:\n{url}\n"
            "The browser then says that it cannot connect: that is right. Copy the whole address"
            " it shows."
        )
        params = pasted(self.person.read("Paste it here: "))
        if time.monotonic() - asked_at > PATIENCE:
            raise self._refused("the answer came too late")
        if "state" not in params and not scheme.issuer:
            # The code alone: of no use to anyone but the holder of the verifier, or of the secret.
            if scheme.pkce or scheme.console_codes:
                params = {**params, "state": shake.state}
            if scheme.console_codes:
                redirect_uri = ""
        return self._trade(client, params, shake, scheme, redirect_uri)

    def _trade(
        self, client: TokenClient, params: Params, shake: Handshake, scheme: OAuth2,
        redirect_uri: str,
    ) -> Tokens:  # fmt: skip
        """Return the tokens for the code in an answer, from the server that it names."""
        code = self._code(params, shake, scheme)
        server = params.get(scheme.server, "") if scheme.server else ""
        moved = {scheme.server.replace("-", "_"): server} if server else {}
        tokens = client.at(moved).exchange_code(code, shake, redirect_uri)
        return replace(tokens, kept={**tokens.kept, **moved})

    def _by_device(self, client: TokenClient, wanted: Sequence[str]) -> Tokens:
        device = client.device_start(wanted)
        self.person.say(f"Open {device.url} on any device and enter {device.user_code}")
        return client.device_poll(device)

    def _code(self, params: Params, shake: Handshake, scheme: OAuth2) -> Secret:
        """Return the code in an answer that is ours (RFC 6749 section 10.12, RFC 9207)."""
        if not hmac.compare_digest(params.get("state", "").encode(), shake.state.encode()):
            raise self._refused("the answer belongs to another login: its state differs")
        if not self._issued_by_us(params.get("iss", ""), scheme):
            raise self._refused("the answer comes from another server: its issuer differs")
        if error := params.get("error"):
            words = printable(params.get("error_description") or error)
            raise self._refused("you did not agree" if error == "access_denied" else words)
        if not params.get("code"):
            raise self._refused("the answer holds no code; copy the whole address")
        return Secret(params["code"])

    def _issued_by_us(self, issuer: str, scheme: OAuth2) -> bool:
        if scheme.issuer:
            return issuer in (scheme.issuer, self.target.move(scheme.issuer))
        ours = (scheme.authorize_url, self.target.move(scheme.authorize_url))
        return not issuer or origin(issuer) in map(origin, ours)

    def _refused(self, words: str) -> e.NeedsLogin:
        again = e.login_command(self.spec.name, self.exchange.account)
        return e.NeedsLogin(f"{self.spec.title}: {words}", hint=f"begin again: {again}")


def _scheme(spec: Spec, flow: Flow) -> OAuth2:
    scheme = records.scheme_of(spec, _GRANTS[flow])
    if scheme is None or (flow == "device" and not scheme.device_url):
        raise e.Unsupported(
            f"{spec.title} has no {flow} login", hint=f"mktool providers {spec.name}"
        )
    return scheme


def pasted(text: str) -> Params:
    """Return the parameters in a pasted address, or in a code alone.

    Raises `InvalidInput` for anything else.
    """
    text = text.strip().strip("<>\"'")
    query = urlsplit(text).query or text
    pairs = parse_qsl(query)
    params = dict(pairs)
    if len(params) == len(pairs) and ("code" in params or "error" in params):
        return params
    if re.fullmatch(r"[\x21-\x7e]{4,}", text) and "://" not in text:
        return {"code": text}
    raise e.InvalidInput(
        "that is neither the address nor the code", hint="copy all of the browser's address bar"
    )


def _from_key(spec: Spec, target: Target, given: Login) -> Record:
    """Return a record of what was given; a pair of tokens is kept so that it can be renewed."""
    if not any(all(map(given.has, scheme.needs)) for scheme in spec.auth):
        ways = " or ".join(" and ".join(scheme.needs) for scheme in spec.auth)
        raise e.InvalidInput(f"{spec.title} needs {ways}", hint=f"mktool providers {spec.name}")
    given_secrets = dict(given.secrets)
    refresh = given_secrets.pop("refresh_token", None)
    if refresh is None or "access_token" not in given_secrets:
        return _new_record(target, given_secrets, "static")
    tokens = Tokens(given_secrets.pop("access_token"), refresh)
    return replace(_new_record(target, given_secrets, "refresh_token"), tokens=tokens)


def _new_record(target: Target, fields: Mapping[str, Secret], grant: Grant) -> Record:
    # A login begins at the time of day: above every generation of the logins it replaces.
    return Record(target.origin, dict(fields), grant, generation=int(time.time() * 1000))


def _store(vault: Vault, entry: Entry, record: Record) -> Entry:
    """Keep a login: the vault first, so that the list never promises what is not there."""
    with accounts.account_lock(entry.key), deferred_signals():
        before = accounts.find(entry.provider, entry.account)
        vault.put(entry.key, record.to_json())
        kept = accounts.save(entry)
        if before is not None and before.home != kept.home:
            from ..store.vault import open_vault

            with suppress(e.VaultError):  # unreachable there: it is no longer pinned to it
                open_vault(before.home).delete(entry.key)
        return kept


def _revoke_at_vendor(
    spec: Spec, target: Target, exchange: Exchange, vault: Vault, entry: Entry,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    data = vault.get(entry.key)
    if data is None:
        return
    record = records.read(entry.key, data)
    scheme = records.scheme_of(spec, record.grant)
    if record.tokens is None or scheme is None or not scheme.revoke_url:
        say(f"{spec.title} still accepts this credential: delete it there too")
        return
    if not record.origin == entry.origin == target.origin:
        raise e.NeedsLogin(f"authorized for {record.origin}, but it points to {target.origin} now")
    client = token_client(spec, target, exchange, record, entry.options)
    if record.tokens.refresh:  # first: it could make new access tokens
        client.revoke(record.tokens.refresh, "refresh_token")
    client.revoke(record.tokens.access, "access_token")


def _with_owner(spec: Spec, entry: Entry, who: Account | None) -> Entry:
    """Fill in what the vendor says of the account; a detail that is one of our settings too."""
    if who is None:
        return entry
    plain = {f.name for f in spec.fields if not f.secret}
    details = {name: value for name, value in who.details.items() if name in plain}
    return replace(
        entry,
        options={**details, **entry.options},
        id=who.id,
        name=who.name,
        scopes=entry.scopes if who.scopes is None else who.scopes,
        expires_at=entry.expires_at or who.expires_at,
    )
