"""Pipedrive. API v1 and v2: https://developers.pipedrive.com/docs/api/v1 (read 2026-11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from .. import errors as e
from ..capability import CanCheck, CanExport, CanFind, CanLocate, CanPull, CanPush
from ..http.auth import HeaderKey, OAuth2
from ..model import Account, Login, Posted
from ..provider import Provider
from ..records import Found, Page, Record, Row, Wish, Written
from ..report import Export, Piece
from ..spec import DAY, HOUR, Endpoint, Field, Limit, RecordKind, Rule, Signed, Spec, Throttle
from . import _pipedrive_find, _pipedrive_note, _pipedrive_push
from ._pipedrive_crm import COSTS, Crm
from ._pipedrive_values import LISTS
from ._pipedrive_write import Writer

ME = Endpoint("me", "GET", "/v1/users/me")
HUB = "https://developers.pipedrive.com"
HOST = "api.pipedrive.com"
# How soon a search knows what was written is not documented; half a minute is to be enough.
ROWS: Any = {"batch": 1, "page": 500, "lags": True}


@dataclass(frozen=True)
class Key(HeaderKey):
    """A personal token works at the common host."""

    def sign(self, login: Login) -> Signed:
        return replace(super().sign(login), options={"host": HOST})


@dataclass(frozen=True)
class Bearer(OAuth2):
    """A token of an app is for the host of its company, which comes with it."""

    def sign(self, login: Login) -> Signed:
        told = login.value("api_domain") if login.has("api_domain") else ""
        host = urlsplit(told).hostname or ""
        own = host if host.endswith(".pipedrive.com") else HOST  # no reply leads a token elsewhere
        return replace(super().sign(login), options={"host": own})


class Pipedrive(Provider, CanCheck, CanExport, CanLocate, CanFind, CanPull, CanPush):
    spec = Spec(
        name="pipedrive", title="Pipedrive", docs=f"{HUB}/docs/api/v1", base_url="https://{host}",
        auth=(Key("api_token", "x-api-token", "{}"), Bearer(
            "https://oauth.pipedrive.com/oauth/authorize",
            "https://oauth.pipedrive.com/oauth/token", (),  # its scopes are set in the app
            revoke_url="https://oauth.pipedrive.com/oauth/revoke", pkce=False, client_auth="basic",
            redirect_host="localhost", redirect_ports=(18920, 18921, 18922),
            keep=("api_domain",))),
        fields=(
            Field("api_token", "personal API token", True, env=("PIPEDRIVE_API_TOKEN",)),
            Field("client_id", "or an app's OAuth client id", env=("PIPEDRIVE_CLIENT_ID",)),
            Field("client_secret", "and its secret", True, env=("PIPEDRIVE_CLIENT_SECRET",)),
            Field("access_token", "or a ready OAuth token", True, env=("PIPEDRIVE_ACCESS_TOKEN",)),
            Field("api_domain", "https://COMPANY.pipedrive.com", env=("PIPEDRIVE_API_DOMAIN",),
                  pattern=r"https://[\w-]+\.pipedrive\.com"),
            Field("calls_per_2s", "if the plan has more than 20", pattern=r"[1-9]\d{0,6}"),
            Field("tokens_per_day", "if plan and seats have more than 30,000",
                  pattern=r"[1-9]\d{0,8}")),
        # https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting (2026-09): each call
        # takes tokens of the company's day, and a token has calls in two seconds.
        limits=(Limit(20, 2.0, setting="calls_per_2s"), Limit(10, 2.0, "search"),
                Limit(30_000, DAY, "*", "app", "tokens_per_day", COSTS)),
        throttle=Throttle("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
                          "seconds"),
        failed=("success", False), error_code=("code", "errorCode"), error_text=("error",),
        rules=(
            # A day begins at midnight where the company's data is, which nothing tells.
            Rule(e.RateLimited, 429, header=("x-daily-ratelimit-token-remaining", "0"), after=HOUR,
                 message="the company's API tokens of the day are used up"),
            # What the vendor has against one record, or one activity, is an answer.
            Rule(None, 400, operation="(add|change) (record|lead)|activity"),
            Rule(None, 404, operation="change (record|lead)"),
            Rule(None, 422, operation="(add|change) (record|lead)|activity"),
            Rule(None, 403, operation="users"),  # without the right to see users nobody owns
            Rule(e.Forbidden, 403, text="scope", hint=f"give the app the scope in {HUB}")),
        finds=("person", "organization", "deal", "lead"), exports=("note", "task"),
        records=(
            RecordKind("contacts", "persons", "email", others=LISTS, **ROWS),
            RecordKind("companies", "organizations", "name", **ROWS),
            RecordKind("deals", "deals", "title", tells_deletes=True, **ROWS),
            RecordKind("leads", "leads", "title", **ROWS)),
        setup=f"""\
1. https://app.pipedrive.com/settings/api: copy your personal API token.
2. mktool authorize pipedrive, then mktool test-integration pipedrive
   An app ({HUB}) logs in with --field client_id=ID instead. Its scopes:
   base deals:full contacts:full activities:full leads:full search:read users:read
   Its callback URL: http://localhost:18920/callback
3. With more than 30,000 tokens a day: mktool authorize pipedrive --field tokens_per_day=N""",
    )  # fmt: skip

    def check(self) -> Account:
        me = self.client.call(ME)
        company = f"{me.get('data.company_domain') or me.get('data.company_name') or ''}"
        return Account(me.need("data.id"), f"{me.need('data.name')} at {company}",
                       details={"company": company} if company else {})  # fmt: skip

    def pieces(self, export: Export, /) -> Sequence[Piece]:
        return _pipedrive_note.pieces(export)

    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        return self._writer.write(piece, before)

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        return self._writer.locate(piece, before, since, known)

    def find(self, kind: str, term: str, /) -> Iterator[Found]:
        return _pipedrive_find.find(self._crm, kind, term)

    def fields(self, kind: RecordKind, /) -> Mapping[str, bool]:
        return {}  # its lists of fields name neither the main address nor who may write what

    def pull(self, kind: RecordKind, wish: Wish, /) -> Iterator[Page]:
        return self._crm.leads(wish) if kind.name == "leads" else self._crm.pull(kind, wish)

    def fetch(
        self, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...], /
    ) -> Iterator[Record]:
        return self._crm.fetch(kind, field, values, fields)

    def push(self, kind: RecordKind, rows: Sequence[Row], key: str, /) -> Sequence[Written]:
        return [_pipedrive_push.push(self._crm, kind.object, row) for row in rows]

    @cached_property
    def _crm(self) -> Crm:
        return Crm(self.client)

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self._crm)


PROVIDER = Pipedrive
