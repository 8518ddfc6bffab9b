"""Zoho CRM. API v8: https://www.zoho.com/crm/developer/docs/api/v8/ (read 2026-11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .. import errors as e
from ..capability import CanCheck, CanExport, CanFind, CanLocate, CanPull, CanPush
from ..http.auth import OAuth2
from ..model import Account, Posted
from ..provider import Provider
from ..records import Found, Page, Record, Row, Wish, Written
from ..report import Export, Piece
from ..spec import DAY, HOUR, MINUTE, Endpoint, Field, Limit, RecordKind, Rule, Spec
from . import _zoho_export as document
from . import _zoho_find as finding
from . import _zoho_notes as notes
from . import _zoho_pull as reading
from . import _zoho_records as records
from ._zoho_crm import CRM, Crm

WHOAMI = Endpoint("whoami", "GET", f"{CRM}/users")
SCOPES = ("ZohoCRM.modules.ALL", "ZohoCRM.settings.fields.READ", "ZohoCRM.users.READ",
          "ZohoCRM.coql.READ", "ZohoSearch.securesearch.READ")  # fmt: skip
CONSOLE = "https://api-console.zoho.com"
# A search shows after some seconds what was written.
ROWS: Any = {"upserts": True, "batch": 100, "page": 200, "tells_deletes": True, "lags": True}


class Zoho(Provider, CanCheck, CanExport, CanLocate, CanFind, CanPull, CanPush):
    spec = Spec(
        name="zoho", title="Zoho CRM", aliases=("zoho-crm",),
        docs="https://www.zoho.com/crm/developer/docs/api/v8/",
        base_url="https://www.zohoapis.com",
        # The data centre of a person is told by the redirect and by the token's api_domain:
        # https://www.zoho.com/accounts/protocol/oauth/multi-dc/client-authorization.html (2026-11)
        auth=(OAuth2(
            "{accounts_server}/oauth/v2/auth", "{accounts_server}/oauth/v2/token", SCOPES,
            revoke_url="{accounts_server}/oauth/v2/token/revoke", pkce=False, scope_separator=",",
            authorize_params={"access_type": "offline", "prompt": "consent"},
            redirect_host="localhost", redirect_ports=(18920, 18921, 18922), lifetime=HOUR,
            dead_codes=("invalid_grant", "invalid_code"),
            # Ten in ten minutes (…/docs/api/v8/token-validity.html, 2026-11), whatever the status.
            throttled={"Access Denied": 10 * MINUTE}, keep=("api_domain",), home="api_domain",
            server="accounts-server", console_codes=True, prefix="Zoho-oauthtoken",
            hosts=r"([\w-]+\.)+zoho(apis|cloud)?\.(com|eu|in|com\.au|jp|com\.cn|sa|uk|ca)"),),
        fields=(
            Field("client_id", "client ID of the app", env=("ZOHO_CLIENT_ID",)),
            Field("client_secret", "client secret; each data centre has its own", True,
                  env=("ZOHO_CLIENT_SECRET",)),
            Field("access_token", "a ready access token, which lives an hour", True,
                  env=("ZOHO_ACCESS_TOKEN",)),
            Field("api_domain", "the data centre it is for", pattern=r"https?://\S+",
                  env=("ZOHO_API_DOMAIN",), default="https://www.zohoapis.com"),
            Field("accounts_server", "where people of your data centre log in",
                  pattern=r"https?://\S+", env=("ZOHO_ACCOUNTS_SERVER",),
                  default="https://accounts.zoho.com"),
            Field("trigger", "automations to run on what is written, none by default: workflow,"
                  "approval,blueprint", env=("ZOHO_TRIGGER",)),
            Field("daily_credits", "API credits of the organization in 24 hours", pattern=r"\d+")),
        # A write of 100 records takes 10 credits; 50,000 is the least of a paid edition:
        # https://www.zoho.com/crm/developer/docs/api/v8/api-limits.html (2026-11)
        limits=(Limit(50_000, DAY, setting="daily_credits",
                      costs=dict.fromkeys(("insert", "update", "upsert"), 10)),),
        error_code=("code",), error_text=("message",),
        rules=(
            Rule(None, 304),  # nothing was changed since
            Rule(None, 400, code="", operation="insert|update|upsert"),  # row by row
            Rule(e.Forbidden, code="OAUTH_SCOPE_MISMATCH", hint="the login lacks a scope: mktool"
                 " authorize {provider}{account}"),
            Rule(e.Unauthorized, code="INVALID_TOKEN|AUTHENTICATION_FAILURE"),
            Rule(e.Forbidden, code="NO_PERMISSION|NOT_APPROVED|FEATURE_NOT_SUPPORTED"),
            Rule(e.RateLimited, code=r"TOO_MANY_REQUESTS|API_LIMIT_EXCEEDED"),
            Rule(e.Duplicate, code="DUPLICATE_DATA"),
            Rule(e.NotFound, code="INVALID_MODULE|INVALID_URL_PATTERN|NOT_FOUND|NO_RECORDS_FOUND")),
        records=(
            RecordKind("leads", "Leads", "Email", **ROWS),
            RecordKind("contacts", "Contacts", "Email", **ROWS),
            RecordKind("companies", "Accounts", "Account_Name", aliases=("accounts",), **ROWS),
            RecordKind("deals", "Deals", "Deal_Name", aliases=("opportunities",), **ROWS),
            RecordKind("campaigns", "Campaigns", "Campaign_Name", **ROWS)),
        finds=tuple(finding.KINDS), exports=("Notes", "Tasks"), timeout=30.0, patience=60.0,
        setup=f"""\
1. {CONSOLE}: make a Server-based application with the redirect URIs
   http://localhost:18920/callback and the same with 18921 and 18922, and enable it for your data
   centre (Settings, Multi DC).
2. mktool authorize zoho --field client_id=CLIENT_ID (outside the US, add for instance
   --field accounts_server=https://accounts.zoho.eu), then mktool test-integration zoho
   Or make a Self Client, generate a code with the scopes {','.join(SCOPES)}
   and paste it: mktool authorize zoho --paste --field client_id=CLIENT_ID
3. mktool export report.json --to zoho; --set module=Deals --set id=ID names another record""",
    )  # fmt: skip

    @cached_property
    def crm(self) -> Crm:
        return Crm(self.client)

    def check(self) -> Account:
        me = self.client.call(WHOAMI, query={"type": "CurrentUser"})
        name = me.get("users.0.email") or me.get("users.0.full_name")
        return Account(me.need("users.0.id"), str(name or me.need("users.0.id")))

    def pieces(self, export: Export, /) -> Sequence[Piece]:
        return document.pieces(export)

    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        return notes.write(self.crm, piece, before)

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        return notes.locate(self.crm, piece, before, since)

    def find(self, kind: str, term: str, /) -> Iterator[Found]:
        return finding.find(self.crm, kind, term)

    def fields(self, kind: RecordKind, /) -> Mapping[str, bool]:
        return {c.name: c.writable for c in self.crm.columns(kind.object).values()}

    def pull(self, kind: RecordKind, wish: Wish, /) -> Iterator[Page]:
        return reading.pull(self.crm, kind, wish)

    def fetch(
        self, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...], /
    ) -> Iterator[Record]:
        return records.fetch(self.crm, kind, field, values, fields)

    def push(self, kind: RecordKind, rows: Sequence[Row], key: str, /) -> Sequence[Written]:
        return records.push(self.crm, kind, rows, key)


PROVIDER = Zoho
