"""LinkedIn: https://learn.microsoft.com/linkedin/marketing/community-management (read 2026-09)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..capability import CanCheck, CanMeasure, CanSettle, CanThread
from ..errors import Duplicate, Forbidden, RateLimited, Rejected, Unsupported
from ..http.auth import OAuth2
from ..http.lookup import Listed, find
from ..http.request import Slice
from ..http.restli import query
from ..model import Account, Media, Metric, Post, Posted
from ..provider import Provider
from ..spec import DAY, MB, Endpoint, Field, Files, Limit, Rule, Spec, Text
from ..text.little import escape, length, unescape

ME = Endpoint("me", "GET", "/v2/userinfo")
PAGE = Endpoint("page", "GET", "/rest/organizations/{}")
POST = Endpoint("post", "POST", "/rest/posts")
POSTS = Endpoint("posts", "GET", "/rest/posts")
COMMENT = Endpoint("comment", "POST", "/{}/socialActions/{}/comments")
COMMENTS = Endpoint("comments", "GET", "/{}/socialActions/{}/comments")
IMAGE = Endpoint("image", "POST", "/rest/images", repeatable=True)  # an unused one is unseen
UPLOAD = Endpoint("upload", "PUT", "", timeout=120.0, answers_text=True)
MEMBER = Endpoint("numbers", "GET", "/rest/memberCreatorPostAnalytics")
SHARES = Endpoint("numbers", "GET", "/rest/organizationalEntityShareStatistics")
FEED = {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []}
OPEN = {"visibility": "PUBLIC", "lifecycleState": "PUBLISHED", "distribution": FEED}
CARD = {"title", "description", "thumbnail"}  # of a link: LinkedIn does not read the page itself
LOGIN = "https://www.linkedin.com/oauth/v2"


class LinkedIn(Provider, CanCheck, CanThread, CanSettle, CanMeasure):
    spec = Spec(
        name="linkedin", title="LinkedIn", base_url="https://api.linkedin.com",
        docs="https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api",
        fields=(
            Field("client_id", "client id of the app", env=("LINKEDIN_CLIENT_ID",)),
            Field("client_secret", "its client secret", True, env=("LINKEDIN_CLIENT_SECRET",)),
            Field("access_token", "a member's token", True, env=("LINKEDIN_ACCESS_TOKEN",)),
            Field("author", "page to post as: its number", pattern=r"(urn:li:organization:)?\d+"),
            Field("api_version", "YYYYMM; lives for a year", pattern=r"20\d{4}", default="202610"),
            Field("comments_api", "rest or v2", pattern="rest|v2", default="rest")),
        # Exact redirects, PKCE on request: learn.microsoft.com/linkedin/shared/authentication
        auth=(OAuth2(f"{LOGIN}/authorization", f"{LOGIN}/accessToken", revoke_url=f"{LOGIN}/revoke",
            introspect_url=f"{LOGIN}/introspectToken", redirect_ports=(18920, 18921, 18922),
            scopes=("openid", "profile", "email", "w_member_social"), pkce=False, lifetime=60 * DAY,
        ),),
        headers={"LinkedIn-Version": "{api_version}", "X-Restli-Protocol-Version": "2.0.0"},
        limits=(Limit(150, DAY, "post"),),  # not published; reported by several
        error_code=("errorDetails.inputErrors.0.code", "code"), error_text=("message",),
        rules=(
            Rule(Duplicate, 422, code="DUPLICATE_POST", hint="it is already posted"),
            Rule(Rejected, 426, message="LinkedIn no longer serves this version of its API",
                 hint="set api_version (YYYYMM, a recent month) in [providers.linkedin]"),
            Rule(RateLimited, 429, hint="LinkedIn counts days in UTC: come back tomorrow"),
            # …/shares/comments-api (2026-08): scopes of their own. As measured, /v2 needs them not.
            Rule(Forbidden, 403, operation="comments?", text="partnerApiSocialActions",
                 hint='comments need w_member_social_feed (a page: w_organization_social_feed) of '
                 '"Community Management API"; or set comments_api = "v2"')),
        text=Text(3000, "characters (escaped)", length, reply_limit=1250), link="attach",
        files=Files({"image": (20, 10 * MB), "gif": (1, 10 * MB)},
                    frozenset({"image/jpeg", "image/png", "image/gif"}), alt=4086),
        setup="""\
1. Make an app at https://www.linkedin.com/developers/apps with the products "Sign In with LinkedIn
   using OpenID Connect" and "Share on LinkedIn"; or, for pages, threads (they are comments) and
   numbers, with "Community Management API" alone, which LinkedIn reviews.
2. Auth: register http://127.0.0.1:18920/callback, and the same with 18921 and with 18922.
3. mktool authorize linkedin --field client_id=CLIENT_ID (every 60 days); a page: --field author=ID
   --scope w_organization_social --scope r_organization_social --scope rw_organization_admin
   and, for its threads, --scope w_organization_social_feed --scope r_organization_social_feed
4. mktool test-integration linkedin, then mktool post linkedin --text "Hello" --dry-run""",
    )  # fmt: skip

    def check(self) -> Account:
        if page := self.client.options.get("author", "").rpartition(":")[2]:
            return Account(page, self.client.call(PAGE, page).need("localizedName"))
        me = self.client.call(ME)
        return Account(me.need("sub"), str(me.get("name") or me.need("sub")))

    def post(self, post: Post, /) -> Posted:
        who = self._author(post.extra)
        body = {**OPEN, "author": who, "commentary": escape(post.text), **self._content(post, who)}
        body |= {name: v for name, v in post.settings().items() if name not in {"author", *CARD}}
        return _posted(self.client.call(POST, json=body).header("x-restli-id"))

    def reply(self, post: Post, /) -> Posted:
        root, actor = post.root or Posted(""), self._author(post.extra)
        said = {"actor": actor, "object": root.id, "message": {"text": post.text}}
        made = self.client.call(COMMENT, self.client.options["comments_api"], root.id, json=said)
        return _posted(made.header("x-restli-id"), root.id)

    def settle(self, post: Post, since: float, known: frozenset[str], /) -> Posted | None:
        root, api = post.root.id if post.root else "", self.client.options["comments_api"]
        if root:
            text, at = "message.text", "created.time"
            page = self.client.call(COMMENTS, api, root, query="count=100")
        elif ":organization:" in (author := self._author(post.extra)):
            text, at = "commentary", "createdAt"
            asked = query(q="author", author=author, count=100, sortBy="CREATED")
            page = self.client.call(POSTS, query=asked, headers={"X-RestLi-Method": "FINDER"})
        else:
            raise Unsupported("LinkedIn does not let apps list the posts of a member")
        items = [
            Listed(_posted(row.need("id"), root), unescape(row.need(text)), row.number(at) / 1000)
            for row in page.each("elements")
        ]
        return find(items, post.text, since, known, most=page.number("paging.count"))

    def measure(self, item: str, /) -> Iterator[Metric]:
        author, kind = self._author({}), "ugcPost" if ":ugcPost:" in item else "share"
        if ":organization:" in author:
            which = {"organizationalEntity": author, f"{kind}s": [item]}
            page = self.client.call(SHARES, query=query(q="organizationalEntity", **which))
            for name, value in page.numbers("elements.0.totalShareStatistics").items():
                yield Metric(name, value)
            return
        entity = {kind.removesuffix("Post"): item}
        for name in ("IMPRESSION", "MEMBERS_REACHED", "REACTION", "COMMENT", "RESHARE"):
            asked = query(q="entity", entity=entity, queryType=name, aggregation="TOTAL")
            count = self.client.call(MEMBER, query=asked).number("elements.0.count")
            yield Metric(name.lower(), count)

    def _author(self, extra: Mapping[str, str]) -> str:
        if page := extra.get("author") or self.client.options.get("author"):
            return f"urn:li:organization:{page.rpartition(':')[2]}"
        me = self.client.options.get("account_id") or self.client.call(ME).need("sub")
        return f"urn:li:person:{me}"

    def _content(self, post: Post, author: str) -> dict[str, object]:
        if many := [self._image(file, author) for file in post.media]:
            return {"content": {"multiImage": {"images": many}} if many[1:] else {"media": many[0]}}
        card = {name: text for name, text in post.extra.items() if name in CARD}
        article = {"source": post.link, "title": "".join(post.link.split("/")[2:3]), **card}
        return {"content": {"article": article}} if post.link else {}

    def _image(self, file: Media, author: str) -> dict[str, str]:
        asked = {"initializeUploadRequest": {"owner": author}}
        place = self.client.call(IMAGE, query="action=initializeUpload", json=asked)
        self.client.call(UPLOAD, url=place.need("value.uploadUrl"), raw=Slice.of(file))
        return {"id": place.need("value.image"), **({"altText": file.alt} if file.alt else {})}


def _posted(id: str, root: str = "") -> Posted:
    urn = f"urn:li:comment:({root},{id})" if root else id
    return Posted(urn, f"https://www.linkedin.com/feed/update/{root or urn}/")


PROVIDER = LinkedIn
