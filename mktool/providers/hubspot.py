"""HubSpot. CRM API: https://developers.hubspot.com/docs/api-reference/latest/overview (2026-11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .. import errors as e
from ..capability import CanCheck, CanExport, CanFind, CanListMembers, CanLocate, CanPull, CanPush
from ..http.auth import HeaderKey, OAuth2
from ..model import Account, Posted
from ..provider import Provider
from ..records import Found, Page, Record, Row, Wish, Written
from ..report import Export, Piece
from ..spec import DAY, Endpoint, Field, Limit, RecordKind, Rule, Spec, Throttle
from . import _hubspot_find, _hubspot_lists, _hubspot_note, _hubspot_pull, _hubspot_push
from ._hubspot_crm import Crm
from ._hubspot_write import Writer

DETAILS = Endpoint("account", "GET", "/account-info/{}/details")
SCOPES = (
    "oauth", "crm.objects.contacts.read", "crm.objects.contacts.write",
    "crm.objects.companies.read", "crm.objects.companies.write", "crm.objects.deals.read",
    "crm.objects.deals.write", "crm.objects.owners.read", "crm.lists.read",
)  # fmt: skip
# An account without these products cannot grant them.
OPTIONAL = "crm.objects.leads.read crm.objects.leads.write marketing.campaigns.read"
APPS = "https://app.hubspot.com/private-apps"
# A search knows what was written "a few moments" later: /docs/api-reference/search/guide (2026-11)
SEARCHED: Any = {"keys": ("*",), "batch": 100, "tells_deletes": True, "lags": True}


class HubSpot(Provider, CanCheck, CanExport, CanLocate, CanFind, CanPull, CanPush, CanListMembers):
    spec = Spec(
        name="hubspot", title="HubSpot", docs="https://developers.hubspot.com/docs/api-reference",
        base_url="https://api.hubapi.com",
        # Redirects are compared exactly; there is no PKCE; tokens live 30 minutes.
        auth=(HeaderKey("token"), OAuth2(
            "https://app.hubspot.com/oauth/authorize", "https://api.hubapi.com/oauth/v3/token",
            SCOPES, revoke_url="https://api.hubapi.com/oauth/v3/token/revoke", pkce=False,
            redirect_host="localhost", redirect_ports=(18920, 18921, 18922), lifetime=1800.0,
            authorize_params={"optional_scope": OPTIONAL}),),
        fields=(
            Field("token", "token of a private app, or a service key (pat-…)", True,
                  pattern=r"pat-\S+", env=("HUBSPOT_PRIVATE_APP_TOKEN", "HUBSPOT_TOKEN")),
            Field("access_token", "or a ready token of an app", True,
                  env=("HUBSPOT_ACCESS_TOKEN",)),
            Field("client_id", "or an app's OAuth client id", env=("HUBSPOT_CLIENT_ID",)),
            Field("client_secret", "and its secret", True, env=("HUBSPOT_CLIENT_SECRET",)),
            Field("api_version", "v3, or a date of HubSpot's calendar, as in 2026-03", default="v3",
                  pattern=r"v3|20\d\d-(03|09)", env=("HUBSPOT_API_VERSION",)),
            Field("calls_per_10s", "if the plan has more than 100 (110, 190 or 250)",
                  pattern=r"[1-9]\d{0,6}"),
            Field("calls_per_day", "if the plan has more than 250,000", pattern=r"[1-9]\d{0,8}")),
        # https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines (2026-09)
        limits=(Limit(100, 10.0, setting="calls_per_10s"), Limit(5, 1.1, "search"),
                Limit(250_000, DAY, setting="calls_per_day")),
        throttle=Throttle("x-hubspot-ratelimit-max", "x-hubspot-ratelimit-remaining", window=10.0),
        error_code=("errors.0.code", "category", "errorType"), error_text=("message",),
        request_id=("x-hubspot-correlation-id",),
        rules=(
            Rule(e.RateLimited, 423),  # a record is locked for some two seconds: nothing was done
            Rule(e.RateLimited, 477),  # the account is being moved
            Rule(None, 404, code="OBJECT_NOT_FOUND", operation="read"),  # none of a batch is there
            Rule(e.Forbidden, 403, code="MISSING_SCOPES|.*SCOPE.*",
                 hint=f"add the scope at {APPS}, then: mktool authorize hubspot{{account}}"),
            Rule(e.Forbidden, 403, hint="the plan of the account may lack this object")),
        optout=("hs_email_optout",),
        finds=("contact", "company", "deal", "owner", "list"), exports=("note", "task"),
        records=(
            RecordKind("contacts", "contacts", "email", upserts=True, keys=("email", "*"),
                       batch=100, tells_deletes=True, others={"email": "hs_additional_emails"}),
            # HubSpot does not keep two companies from having one domain.
            RecordKind("companies", "companies", "domain", **SEARCHED),
            RecordKind("deals", "deals", "dealname", **SEARCHED),
            RecordKind("leads", "leads", "hs_lead_name", **SEARCHED),
            RecordKind("campaigns", "campaigns", "hs_name"),
            RecordKind("lists", "lists", "name", page=500)),
        setup=f"""\
1. {APPS}: make a private app (or a service key) with the scopes
   {' '.join(SCOPES[1:4])}
   {' '.join(SCOPES[4:7])}
   {' '.join(SCOPES[7:])}
   and, as the plan has them, {OPTIONAL.replace(' crm.objects.leads.write', '')}
2. Copy its access token: mktool authorize hubspot, then mktool test-integration hubspot
   An app of your own logs in with --field client_id=ID instead; register the redirect URLs
   http://localhost:18920/callback and the same with 18921 and 18922.""",
    )  # fmt: skip

    def check(self) -> Account:
        version = self.client.options.get("api_version") or "v3"
        me = self.client.call(DETAILS, version)
        id = me.need("portalId")
        zone = str(me.get("timeZone") or "")
        return Account(id, f"account {id}", details={"time zone": zone} if zone else {})

    def pieces(self, export: Export, /) -> Sequence[Piece]:
        return _hubspot_note.pieces(export)

    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        return self._writer.write(piece, before)

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        return self._writer.locate(piece, before, since, known)

    def find(self, kind: str, term: str, /) -> Iterator[Found]:
        return _hubspot_find.find(self._crm, kind, term)

    def fields(self, kind: RecordKind, /) -> Mapping[str, bool]:
        return self._crm.fields(kind.object) if kind.batch else {}

    def pull(self, kind: RecordKind, wish: Wish, /) -> Iterator[Page]:
        if kind.name in ("campaigns", "lists"):
            some = {"campaigns": _hubspot_lists.campaigns, "lists": _hubspot_lists.lists}
            return some[kind.name](self._crm, wish)
        return _hubspot_pull.Reading(self._crm, kind, wish).pages(wish.cursor)

    def fetch(
        self, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...], /
    ) -> Iterator[Record]:
        if not kind.batch:
            raise e.Unsupported(f"HubSpot reads {kind.name} only as a whole")
        return _hubspot_pull.fetch(self._crm, kind.object, field, values, fields)

    def push(self, kind: RecordKind, rows: Sequence[Row], key: str, /) -> Sequence[Written]:
        return _hubspot_push.push(self._crm, kind, rows, key)

    def members(self, group: str, id: str, fields: tuple[str, ...], /) -> Iterator[Record]:
        if group != "list":
            raise e.Unsupported("HubSpot tells who is in a list only: hubspot:list/ID")
        return _hubspot_lists.members(self._crm, id, fields)

    @cached_property
    def _crm(self) -> Crm:
        return Crm(self.client)

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self._crm)


PROVIDER = HubSpot
