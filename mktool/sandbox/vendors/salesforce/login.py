"""OAuth of Salesforce: codes with PKCE, refresh tokens that rotate, clients, and signed requests.

https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm (read 2026-11). A
signed request is good with the key that the sandbox made for itself, and with no other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...oauth import Consent, Grant, Refused, consent_of, redirect
from ...vendor import on
from ...wire import Call, Refusal, Reply, parsed
from .desk import DOMAIN, MY, NEWEST, OLDEST, ORG, USER, Desk

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

CODE_LIFE, ACCESS_LIFE = 600.0, 7200.0  # seconds
SIGNED_LIFE = 180.0  # seconds that a signed request is good for
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_HOSTS = ("login.salesforce.com", "test.salesforce.com", MY)


def at(path: str) -> tuple[str, ...]:
    """Return a path on every host where one logs in."""
    return tuple(f"{host}/{path}" for host in _HOSTS)


class Login(Desk):
    """A person lets an app in, or the app comes by itself."""

    @cached_property
    def key(self) -> RSAPrivateKey:
        """The key that signed requests are made with; made when it is first asked for."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @on("GET", *at("services/oauth2/sandbox-key"))
    def private_key(self, call: Call) -> Reply:
        from cryptography.hazmat.primitives import serialization as form

        pem = self.key.private_bytes(
            form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
        )
        return Reply(body=pem, mime="application/x-pem-file")

    @on("GET", *at("services/oauth2/authorize"), page=True)
    def authorize(self, call: Call) -> Reply:
        wanted = set(call.query.get("scope", "").split()) or {"api", "refresh_token", "id"}
        asked = consent_of(call, self.name, self.title, wanted)
        if isinstance(asked, Reply):
            return asked
        if wanted - self.scopes:
            return redirect(asked, error="invalid_scope")
        if not asked.challenge.startswith("S256 "):
            text = "missing required code challenge"
            return redirect(asked, error="invalid_request", error_description=text)
        return self.world.authority.ask(asked)

    @on("POST", *at("services/oauth2/token"))
    def token(self, call: Call) -> Reply:
        flows = {"authorization_code": self._code, "refresh_token": self._refresh,
                 "client_credentials": self._client, JWT: self._signed}  # fmt: skip
        flow = flows.get(call.form.get("grant_type", ""))
        if flow is None:
            return _no("unsupported_grant_type", "grant type not supported")
        try:
            return flow(call)
        except Refusal as refusal:
            return refusal.reply

    def _code(self, call: Call) -> Reply:
        client = _client_of(call)
        try:
            grant = self.world.authority.redeem(
                self.name, call.form.get("code", ""), client, call.form.get("redirect_uri", ""),
                call.form.get("code_verifier", ""), lives=CODE_LIFE,
            )  # fmt: skip
        except Refused as no:
            texts = {"redirect": ("redirect_uri_mismatch", "redirect_uri must match configuration"),
                     "client": ("invalid_client_id", "client identifier invalid"),
                     "verifier": ("invalid_grant", "invalid code verifier")}  # fmt: skip
            return _no(*texts.get(no.reason, ("invalid_grant", "expired authorization code")))
        return self._session_for(call, grant, refresh=True)

    def _refresh(self, call: Call) -> Reply:
        token = call.form.get("refresh_token", "")
        try:
            grant = self.world.authority.refresh(self.name, token, _client_of(call), rotate=True)
        except Refused:
            return _no("invalid_grant", "expired access/refresh token")
        return self._session_for(call, grant, refresh=True)

    def _client(self, call: Call) -> Reply:
        client, secret = call.basic or (call.form.get("client_id", ""),
                                        call.form.get("client_secret", ""))  # fmt: skip
        if "domain" not in call.params:
            return _no("invalid_grant", "request not supported on this domain")
        if not client or "sandbox" not in secret:
            return _no("invalid_client", "invalid client credentials")
        return self._session_for(call, self._granted(call, client), refresh=False)

    def _signed(self, call: Call) -> Reply:
        claims = self._claims(call.form.get("assertion", ""))
        if claims is None:
            return _no("invalid_grant", "invalid assertion")
        expires = claims.get("exp")
        fresh = type(expires) is int and 0 < expires - call.now <= SIGNED_LIFE + 60
        if not fresh or not isinstance(claims.get("iss"), str):
            return _no("invalid_grant", "invalid assertion")
        audience = str(claims.get("aud", "")).removeprefix("https://")
        audience = audience.removeprefix(call.base).strip("/")
        if audience not in ("login.salesforce.com", "test.salesforce.com") and not (
            audience.endswith((".my.salesforce.com", ".my.site.com"))
        ):
            return _no("invalid_grant", "audience is invalid")
        user = str(claims.get("sub") or claims.get("prn") or "")
        if user.startswith("unapproved"):
            return _no("invalid_grant", "user hasn't approved this consumer")
        if not user:
            return _no("invalid_grant", "invalid user")
        return self._session_for(call, self._granted(call, claims["iss"]), refresh=False)

    def _claims(self, assertion: str) -> dict[str, Any] | None:
        """Return what a signed request says, None unless the sandbox's key signed it (RS256)."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        head, _, rest = assertion.partition(".")
        body, _, signature = rest.partition(".")
        try:
            told = parsed(_unpadded(head))
            self.key.public_key().verify(
                _unpadded(signature), f"{head}.{body}".encode(), PKCS1v15(), SHA256()
            )
            claims = parsed(_unpadded(body))
        except (InvalidSignature, ValueError):
            return None
        return claims if told and told.get("alg") == "RS256" else None

    def _granted(self, call: Call, client: str) -> Grant:
        consent = Consent(self.name, self.title, client, "", frozenset({"api", "id"}))
        return Grant(consent, call.now)

    def _session_for(self, call: Call, grant: Grant, *, refresh: bool) -> Reply:
        authority = self.world.authority
        lives = self.world.lifetime(ACCESS_LIFE)
        id = f"{call.base}/login.salesforce.com/id/{ORG}/{USER}"
        issued = str(round(call.now * 1000))
        secret = grant.consent.client_id.encode()
        digest = hmac.new(secret, (id + issued).encode(), hashlib.sha256).digest()
        answer = {
            "access_token": authority.issue(grant, "access", lives, f"{ORG[:15]}!"),
            "signature": base64.b64encode(digest).decode(), "scope": " ".join(sorted(grant.scopes)),
            "instance_url": f"{call.base}/{DOMAIN}", "id": id, "token_type": "Bearer",
            "issued_at": issued,
        }  # fmt: skip
        if refresh and grant.scopes & {"refresh_token", "offline_access"}:
            answer["refresh_token"] = authority.issue(grant, "refresh", None, "5Aep")
        return Reply(json=answer, headers={"cache-control": "no-store"})

    @on("POST", *at("services/oauth2/revoke"))
    def revoke(self, call: Call) -> Reply:
        token = call.form.get("token", "")
        found = self.world.authority.find(self.name, token)
        if found is None:
            return _no("invalid_token", "invalid token")
        self.world.authority.revoke(self.name, token, family=found.kind == "refresh")
        return Reply(200)

    @on("POST", *at("services/oauth2/introspect"))
    def introspect(self, call: Call) -> Reply:
        found = self.world.authority.find(self.name, call.form.get("token", ""))
        if found is None or found.state(call.now) != "active":
            return Reply(json={"active": False})
        told = {"active": True, "scope": " ".join(sorted(found.grant.scopes)),
                "client_id": found.grant.consent.client_id, "username": "sandy@sandbox.example",
                "token_type": f"{found.kind}_token", "iat": round(found.created)}  # fmt: skip
        return Reply(json=told | ({"exp": round(found.expires)} if found.expires else {}))

    @on("GET", *at("services/oauth2/userinfo"), *at("id/{org}/{user}"))
    def user_info(self, call: Call) -> Reply:
        try:
            self.session(call.bearer)
        except LookupError:
            return Reply(403, body=b"Bad_OAuth_Token", mime="text/html")
        site = f"{call.base}/{DOMAIN}"
        urls = {"rest": f"{site}/services/data/v{{version}}/",
                "query": f"{site}/services/data/v{{version}}/query/"}  # fmt: skip
        return Reply(
            json={
                "sub": f"{call.base}/login.salesforce.com/id/{ORG}/{USER}", "user_id": USER,
                "organization_id": ORG, "preferred_username": "sandy@sandbox.example",
                "nickname": "sandy", "name": "Sandy Box", "email": "sandy@sandbox.example",
                "email_verified": True, "given_name": "Sandy", "family_name": "Box",
                "zoneinfo": "UTC", "active": True, "user_type": "STANDARD", "language": "en_US",
                "locale": "en_US", "urls": urls,
            }
        )  # fmt: skip

    @on("GET", f"{MY}/services/data", f"{MY}/services/data/")
    def versions(self, call: Call) -> Reply:
        rows = [{"label": f"Version {n}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"}
                for n in range(OLDEST, NEWEST + 1)]  # fmt: skip
        return Reply(json=rows)


def _client_of(call: Call) -> str:
    """Return the client's id, or refuse its secret: a public client sends none at all."""
    client, secret = call.basic or (call.form.get("client_id", ""), call.form.get("client_secret"))
    if not client:
        raise Refusal(_no("invalid_client_id", "client identifier invalid"))
    if secret is not None and "sandbox" not in secret:
        raise Refusal(_no("invalid_client", "invalid client credentials"))
    return client


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _no(error: str, description: str) -> Reply:
    body = json.dumps({"error": error, "error_description": description})
    return Reply(400, body=body.encode(), mime="application/json;charset=UTF-8")
