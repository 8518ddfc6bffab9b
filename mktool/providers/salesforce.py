"""Salesforce. REST API: https://developer.salesforce.com/docs/platform/api-rest/guide (2026-11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .. import errors as e
from ..capability import CanCheck, CanExport, CanFind, CanListMembers, CanLoad, CanLocate, CanPull
from ..http.auth import ClientCredentials, OAuth2, ServiceAccount
from ..model import Account, Posted
from ..provider import Provider
from ..records import Found, Page, Record, Row, Wish, Written
from ..report import Export, Piece
from ..spec import DAY, HOUR, Endpoint, Field, RecordKind, Rule, Spec, Throttle
from . import _salesforce_activity as activity
from . import _salesforce_export as document
from . import _salesforce_load as jobs
from . import _salesforce_locate as finding
from . import _salesforce_people as people
from . import _salesforce_read as reading
from . import _salesforce_write as writing
from ._salesforce_org import Org

WHOAMI = Endpoint("whoami", "GET", "/services/oauth2/userinfo")
TOKEN, REVOKE = "{login_url}/services/oauth2/token", "{login_url}/services/oauth2/revoke"
# Tokens have no expires_in: two hours is the usual session of an org, and a shorter one shows.
COMMON: dict[str, Any] = {
    "keep": ("instance_url",), "home": "instance_url", "lifetime": 2 * HOUR, "revoke_url": REVOKE,
    "hosts": r"([\w-]+\.)+((salesforce|force|cloudforce)\.com|salesforce\.mil|sfcrmproducts\.cn)",
    "dead_codes": ("invalid_grant", "inactive_user", "inactive_org"),
}  # fmt: skip
ROWS: Any = {"keys": ("*",), "batch": 200, "page": 2000, "tells_deletes": True, "bulk": 2000}


class Salesforce(Provider, CanCheck, CanExport, CanLocate, CanFind, CanPull, CanLoad,
                 CanListMembers):  # fmt: skip
    spec = Spec(
        name="salesforce", title="Salesforce", base_url="https://login.salesforce.com",
        docs="https://developer.salesforce.com/docs/platform/api-rest/guide",
        auth=(
            ServiceAccount(token_url=TOKEN, issuer_field="client_id", subject_field="username",
                           audience="{login_url}", audience_field="audience", **COMMON),
            # The redirect of Salesforce's own command line, compared with its port (2026-11).
            OAuth2("{login_url}/services/oauth2/authorize", TOKEN,
                   ("api", "refresh_token", "openid"), public=True, redirect_host="localhost",
                   redirect_ports=(1717,), redirect_path="/OauthRedirect", **COMMON),
            ClientCredentials(token_url=TOKEN, **COMMON)),
        fields=(
            Field("client_id", "consumer key of the app", env=("SALESFORCE_CLIENT_ID",)),
            Field("client_secret", "consumer secret, if the app has one", True,
                  env=("SALESFORCE_CLIENT_SECRET",)),
            Field("username", "who a signed login is for", env=("SALESFORCE_USERNAME",)),
            Field("private_key", "and the RSA key (PEM) it is signed with", True,
                  env=("SALESFORCE_PRIVATE_KEY",)),
            Field("access_token", "a ready access token", True,
                  env=("SALESFORCE_ACCESS_TOKEN", "SF_ACCESS_TOKEN")),
            Field("instance_url", "and the address of the org it is for", pattern=r"https?://\S+",
                  env=("SALESFORCE_INSTANCE_URL", "SF_ORG_INSTANCE_URL")),
            Field("login_url", "https://test.salesforce.com for a sandbox, or your My Domain",
                  pattern=r"https?://\S+", env=("SALESFORCE_LOGIN_URL",),
                  default="https://login.salesforce.com"),
            Field("audience", "whom a signed login is addressed to, if not login_url",
                  pattern=r"https?://\S+", env=("SALESFORCE_AUDIENCE",)),
            Field("api_version", "version of the API", pattern=r"v?\d+\.\d", default="v65.0",
                  env=("SALESFORCE_API_VERSION",))),
        # All calls of the org in 24 hours: headers.htm of the REST guide (2026-11).
        throttle=Throttle("sforce-limit-info", usage=r"api-usage=(\d+)/(\d+)", window=DAY,
                          bucket="*"),
        error_code=("0.errorCode", "error"), error_text=("0.message", "error_description"),
        rules=(
            Rule(e.RateLimited, code="REQUEST_LIMIT_EXCEEDED", text="TotalRequests", after=HOUR),
            Rule(e.RateLimited, code="REQUEST_LIMIT_EXCEEDED"),  # too many at once; also a 403
            Rule(None, 400, operation="load"),  # a job that is refused, or was started before
            Rule(e.Unauthorized, code=r"INVALID_SESSION_ID|INVALID_AUTH_HEADER"),
            Rule(e.Unauthorized, 403, text="(Bad|Missing)_OAuth_Token"),  # userinfo, in plain text
            Rule(e.Unavailable, code="UNABLE_TO_LOCK_ROW"),
            Rule(e.Forbidden, code=r"INSUFFICIENT_ACCESS\w*|API_(CURRENTLY_)?DISABLED\w*"),
            Rule(e.Duplicate, code="DUPLICATES_DETECTED|DUPLICATE_VALUE"),
            Rule(e.NotFound, code="NOT_FOUND|ENTITY_IS_DELETED|INVALID_CROSS_REFERENCE_KEY")),
        optout=("HasOptedOutOfEmail",), records=(
            RecordKind("contacts", "Contact", "Email", **ROWS),
            RecordKind("companies", "Account", "Name", aliases=("accounts",), **ROWS),
            RecordKind("opportunities", "Opportunity", "Name", aliases=("deals",), **ROWS),
            RecordKind("leads", "Lead", "Email", **ROWS),
            RecordKind("campaigns", "Campaign", "Name", **ROWS)),
        finds=tuple(people.KINDS), exports=("Task", "Event", "Action"), timeout=30, patience=120,
        setup="""\
1. Setup, External Client App Manager: make an app with OAuth, the scopes api, refresh_token and
   openid, the callback URL http://localhost:1717/OauthRedirect, and PKCE.
2. mktool authorize salesforce --field client_id=CONSUMER_KEY (a sandbox or scratch org: add
   --field login_url=https://test.salesforce.com or its My Domain), then
   mktool test-integration salesforce
   Without a browser: client credentials (add --client-credentials, the My Domain as login_url,
   and a Run As user in the app) or a signed login (username=…, MKTOOL_SALESFORCE_PRIVATE_KEY).
3. mktool export report.json --to salesforce; --set object=Event, who=E-MAIL, what=ID or a name""",
    )  # fmt: skip

    @cached_property
    def org(self) -> Org:
        return Org(self.client)

    def check(self) -> Account:
        me = self.client.call(WHOAMI)
        name = me.get("preferred_username") or me.get("name") or me.need("user_id")
        return Account(me.need("user_id"), str(name), details={"org": me.need("organization_id")})

    def pieces(self, export: Export, /) -> Sequence[Piece]:
        return document.pieces(export)

    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        return activity.write(self.org, piece, before)

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        me = self.client.options.get("account_id") or self.check().id
        return finding.locate(self.org, piece, before, since, me)

    def find(self, kind: str, term: str, /) -> Iterator[Found]:
        return people.find(self.org, kind, term)

    def fields(self, kind: RecordKind, /) -> Mapping[str, bool]:
        return {c.name: c.writable for c in self.org.columns(kind.object).values()}

    def pull(self, kind: RecordKind, wish: Wish, /) -> Iterator[Page]:
        return reading.pull(self.org, kind, wish)

    def fetch(
        self, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...], /
    ) -> Iterator[Record]:
        return reading.fetch(self.org, kind, field, values, fields)

    def members(self, group: str, id: str, fields: tuple[str, ...], /) -> Iterator[Record]:
        return reading.members(self.org, group, id, fields)

    def push(self, kind: RecordKind, rows: Sequence[Row], key: str, /) -> Sequence[Written]:
        return writing.push(self.org, kind, rows, key)

    def stage(self, kind: RecordKind, rows: Sequence[Row], key: str, /) -> str:
        return jobs.stage(self.org, kind, rows, key)

    def load(
        self, kind: RecordKind, job: str, rows: Sequence[Row], key: str, /
    ) -> Sequence[Written]:
        return jobs.load(self.org, job, rows, key)


PROVIDER = Salesforce
