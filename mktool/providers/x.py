"""X. API v2: https://docs.x.com/x-api/ (read 2026-09)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from .. import errors as e
from ..capability import CanCheck, CanMeasure, CanSettle, CanThread
from ..http.auth import OAuth2
from ..http.pages import by_token
from ..http.reply import Reply
from ..http.upload import Pieces
from ..model import Account, Media, Metric, Post, Posted
from ..provider import Provider
from ..spec import DAY, MB, MINUTE, Endpoint, Field, Files, Limit, Rule, Spec, Text, Throttle
from ..text.compare import canonical
from ..text.weighted import has_url, weighted_length

# US dollars, 2026-09; "owned reads" are /2/users/{id}/…: docs.x.com/x-api/getting-started/pricing
ME = Endpoint("me", "GET", "/2/users/me", price=0.01, answer="data")
CREATE = Endpoint("post", "POST", "/2/tweets", price=0.015)
CREATE_WITH_URL = Endpoint("post", "POST", "/2/tweets", price=0.20)
TIMELINE = Endpoint("timeline", "GET", "/2/users/{}/tweets", price=0.001, answer="meta")
READ = Endpoint("read", "GET", "/2/tweets/{}", price=0.005, answer="data")
READ_PRIVATE = Endpoint("read", "GET", "/2/tweets/{}")  # a second read on one UTC day is free
ALT = Endpoint("describe", "POST", "/2/media/metadata", repeatable=True, price=0.005)
# An unused media id expires and each piece has its own place, so every step may be sent again.
# Images go this way too: one path for all, and 1,875 calls a window, not 500. 5 MB is the most.
UPLOAD = Pieces(
    Endpoint("upload", "POST", "/2/media/upload/initialize", repeatable=True),
    Endpoint("append", "POST", "/2/media/upload/{}/append", repeatable=True, timeout=120.0),
    Endpoint("finalize", "POST", "/2/media/upload/{}/finalize", repeatable=True, timeout=60.0),
    Endpoint("status", "GET", "/2/media/upload"), 4 * MB, {"command": "STATUS", "media_id": "{}"},
)  # fmt: skip
WINDOWS = {"post": 100, "upload": 1875, "append": 1875, "finalize": 1875, "describe": 500}
FIRST_ONLY = {"poll", "quote_tweet_id", "reply_settings", "community_id", "share_with_followers",
              "media", "edit_options"}  # fmt: skip
STATUS_URL = "https://x.com/i/web/status/{}"


class X(Provider, CanCheck, CanThread, CanSettle, CanMeasure):
    spec = Spec(
        name="x", title="X", aliases=("twitter",), docs="https://docs.x.com/x-api/",
        base_url="https://api.x.com", fields=(
            Field("client_id", "OAuth 2.0 client id", env=("X_CLIENT_ID", "TWITTER_CLIENT_ID")),
            Field("client_secret", "OAuth 2.0 client secret; a public client has none",
                  secret=True, env=("X_CLIENT_SECRET", "TWITTER_CLIENT_SECRET")),
            Field("access_token", "a user's OAuth 2.0 token (the app's own can only read)",
                  secret=True, env=("X_ACCESS_TOKEN", "X_BEARER_TOKEN", "TWITTER_BEARER_TOKEN"))),
        # Redirects are compared exactly; a spent refresh token gives "invalid_request" (2026-09).
        auth=(OAuth2(
            "https://x.com/i/oauth2/authorize", "https://api.x.com/2/oauth2/token",
            ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access"),
            revoke_url="https://api.x.com/2/oauth2/revoke", redirect_ports=(18920, 18921, 18922),
            client_auth="basic", public=True, dead_codes=("invalid_grant", "invalid_request")),),
        # https://docs.x.com/x-api/fundamentals/rate-limits (2026-09)
        limits=(Limit(10_000, DAY, "post", "app"),
                *(Limit(calls, 15 * MINUTE, bucket) for bucket, calls in WINDOWS.items())),
        throttle=Throttle("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"),
        error_code=("type", "errors.0.type", "errors.0.code"), request_id=("x-transaction-id",),
        error_text=("errors.0.message", "errors.0.detail", "detail", "title"),
        rules=(  # https://docs.x.com/x-api/fundamentals/response-codes-and-errors (2026-09)
            Rule(e.Forbidden, text="credits|spend.* (cap|limit)|usage cap", message="the credits"
                 " are used up; nothing was done", hint="buy credits: https://console.x.com"),
            Rule(e.Duplicate, 403, text="duplicate content"),
            Rule(e.Forbidden, 403, text="reply to this conversation is not allowed",  # 2026-02-23
                 hint="X lets a self-serve app reply only to who mentioned or quoted its account"),
            Rule(e.NotFound, text="deleted or not visible|could not find"),
            Rule(e.Rejected, 403, text="video longer than"),
            Rule(e.Forbidden, code=".*/unsupported-authentication",
                 hint="that is the app's own token; mktool authorize {provider}{account}"),
            Rule(e.Forbidden, 403, operation="upload|append|finalize|status|describe", hint="the"
                 " login may lack the scope media.write: mktool authorize {provider}{account}"),
            Rule(e.Forbidden, code=".*/not-authorized-.*")),
        text=Text(280, "weighted characters", weighted_length), files=Files(types=frozenset(
            {"image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/quicktime"}),
            kinds={"image": (4, 5 * MB), "gif": (1, 15 * MB), "video": (1, 512 * MB)}, alt=1000),
        setup="""\
1. https://console.x.com: make an app and buy credits (a post costs $0.015, with a link $0.20).
2. User authentication settings: "Read and write"; "Native App" (no secret) or "Web App"; register
   http://127.0.0.1:18920/callback and the same with 18921 and 18922 as redirect URLs.
3. mktool authorize x --field client_id=CLIENT_ID; mktool test-integration x""",
    )  # fmt: skip

    def check(self) -> Account:
        me = self.client.call(ME, query={"user.fields": "username"})
        return Account(me.need("data.id"), me.need("data.username"))

    def post(self, post: Post, /) -> Posted:
        body: dict[str, object] = {"text": post.text} if post.text else {}
        if post.media:
            body["media"] = {"media_ids": [self._upload(file) for file in post.media]}
        if post.reply_to:
            body["reply"] = {"in_reply_to_tweet_id": post.reply_to.id}
        body = post.over(body, without=FIRST_ONLY if post.reply_to else ())
        reply = self.client.call(CREATE_WITH_URL if has_url(post.text) else CREATE, json=body)
        return Posted(reply.need("data.id"), STATUS_URL.format(reply.need("data.id")))

    reply = post

    def settle(self, post: Post, since: float, known: frozenset[str], /) -> Posted | None:
        if not post.text or post.extra.keys() & {"text", "reply"}:
            raise e.Unsupported("X gives back no text that tells this post from another")
        wanted = (post.reply_to.id if post.reply_to else "", canonical(post.text))
        start = f"{datetime.fromtimestamp(since - 60, UTC):%Y-%m-%dT%H:%M:%SZ}"  # clocks differ
        query = {"start_time": start, "exclude": "retweets", "max_results": "100",
                 "tweet.fields": "created_at,referenced_tweets,entities"}  # fmt: skip
        account = self.client.options.get("account_id") or self.check().id
        for page in by_token(self.client, TIMELINE, account, query=query, found="meta.next_token",
                             param="pagination_token", most=5):  # fmt: skip
            page.need("data.0.id" if page.rows("data") else "meta.result_count")  # not silence
            for item in page.each("data"):
                if (id := item.need("id")) not in known and _identity(item, post.text) == wanted:
                    return Posted(id, STATUS_URL.format(id))
                if id not in known and not (item.get("referenced_tweets") or item.get("entities")):
                    item.need("created_at")  # tweet.fields was heard; OpenAPI 2.168 lacks the name
        return None

    def measure(self, item: str, /) -> Iterator[Metric]:
        # Private numbers of others' posts, and after 30 days, are errors alone: so asked apart.
        for endpoint, kinds in ((READ, ("public",)), (READ_PRIVATE, ("non_public", "organic"))):
            fields = {"tweet.fields": ",".join(f"{kind}_metrics" for kind in kinds)}
            reply = self.client.call(endpoint, item, query=fields)
            for kind in kinds:
                for name, value in reply.numbers(f"data.{kind}_metrics").items():
                    yield Metric(name if kind == "public" else f"{kind}_{name}", value)

    def _upload(self, file: Media) -> str:
        about = {"media_type": file.mime, "total_bytes": file.size}
        id = UPLOAD.send(self.client, file, {**about, "media_category": f"tweet_{file.kind}"})
        if file.alt:
            self.client.call(ALT, json={"id": id, "metadata": {"alt_text": {"text": file.alt}}})
        return id


def _identity(item: Reply, sent: str) -> tuple[str, str]:
    """Return whom a post answers and what it says: X escapes it and puts t.co for every link."""
    parent = item.find("referenced_tweets", type="replied_to")
    text = html.unescape(item.need("text"))
    for link in item.each("entities.urls"):
        full = link.need("expanded_url")
        own = re.fullmatch(r"https://(x|twitter)\.com/\w+/status/\d+(/(photo|video)/\d+)?", full)
        text = text.replace(link.need("url"), "" if own and full not in sent else full)
    return parent.need("id") if parent else "", canonical(text)


PROVIDER = X
