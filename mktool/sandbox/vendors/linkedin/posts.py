"""Posts of LinkedIn (…/linkedin/marketing/community-management/shares/posts-api, read 2026-11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...inbox import Attachment, Item
from ...vendor import Session, on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import (
    DAY,
    MEMBER,
    POSTS_PER_DAY,
    error,
    key,
    paged,
    permit,
    unprocessable,
)
from .images import Images
from .littletext import parse

LONGEST = 3000  # characters of a commentary
_REQUIRED = ("author", "commentary", "visibility", "distribution", "lifecycleState")
_ALLOWED = {*_REQUIRED, "content", "isReshareDisabledByAuthor", "reshareContext",
            "contentLandingPage", "contentCallToActionLabel", "adContext"}  # fmt: skip
_CHOICES = {
    "visibility": ("PUBLIC", "CONNECTIONS", "LOGGED_IN"),
    "lifecycleState": ("PUBLISHED", "DRAFT"),
}


@dataclass(slots=True)
class Post:
    """A post: what was sent, and its entry in the inbox."""

    urn: str
    body: dict[str, Any]
    item: Item
    edited: float = 0.0

    @property
    def author(self) -> str:
        return text_of(self.body, "author")

    def to_json(self) -> dict[str, Any]:
        at = round(self.item.time * 1000)
        return {
            **self.body, "id": self.urn, "createdAt": at, "publishedAt": at,
            "lastModifiedAt": round(self.edited * 1000) or at,
            "lifecycleStateInfo": {"isEditedByAuthor": bool(self.edited)},
        }  # fmt: skip


class Posts(Images):
    """The posts of the member and of the member's pages."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.posts: dict[str, Post] = {}

    @on("POST", "api.linkedin.com/rest/posts")
    def create(self, call: Call) -> Reply:
        session = self.admit(call, "posts.CREATE", "w_member_social", "w_organization_social")
        quota = self.world.take("POST /rest/posts", session.client_id, POSTS_PER_DAY, DAY)
        if quota.exceeded:
            raise Refusal(self.fails(429, call))
        body = call.object()
        if body is None:
            return error(400, "The request body is not a JSON object", "ILLEGAL_ARGUMENT")
        _check(body)
        author = self.may_act(session, body["author"], "/author")
        kept, shown = parse(body["commentary"])
        media = self._content(author, body.get("content"))
        self._refuse_duplicate(author, kept, body.get("content"))
        several = "multiImage" in (body.get("content") or {})
        number = 7100000000000000000 + self.world.number()
        urn = f"urn:li:{'ugcPost' if several else 'share'}:{number}"
        article = (body.get("content") or {}).get("article") or {}
        item = Item(
            call.now, self.name, name_of(author), "post", urn, shown,
            f"https://www.linkedin.com/feed/update/{urn}", media=media,
            link=text_of(article, "source"), extra=_extra(body, kept),
        )  # fmt: skip
        self.posts[urn] = Post(urn, body | {"commentary": kept}, self.world.inbox.add(item))
        return Reply(201, headers={"x-restli-id": urn, "x-linkedin-id": urn})

    @on("POST", "api.linkedin.com/rest/posts/{urn}")
    def edit(self, call: Call) -> Reply:
        session = self.admit(call, "posts.PARTIAL_UPDATE", "w_member_social",
                             "w_organization_social")  # fmt: skip
        post = self._own(call, session)
        try:
            commentary = (call.object() or {})["patch"]["$set"]["commentary"]
        except (KeyError, TypeError):
            commentary = None
        method = call.headers.get("x-restli-method", "").upper()
        if not isinstance(commentary, str) or method != "PARTIAL_UPDATE":
            return error(400, "Only $set of commentary is played here", "ILLEGAL_ARGUMENT")
        post.body["commentary"], post.item.text = parse(commentary)
        post.edited = call.now
        return Reply(204)

    @on("DELETE", "api.linkedin.com/rest/posts/{urn}")
    def delete(self, call: Call) -> Reply:
        session = self.admit(call, "posts.DELETE", "w_member_social", "w_organization_social")
        self._own(call, session).item.deleted = True
        return Reply(204)

    @on("GET", "api.linkedin.com/rest/posts/{urn}")
    def one(self, call: Call) -> Reply:
        session = self.admit(call, "posts.GET")
        post = self.posts.get(key(call))
        if post is None or post.item.deleted:
            return self.fails(404, call)
        permit(session, f"posts.GET.{call.headers['linkedin-version']}01", readable(post.author))
        return Reply(json=post.to_json())

    @on("GET", "api.linkedin.com/rest/posts")
    def several(self, call: Call) -> Reply:
        author = call.query.get("author", "")
        self.admit(call, "posts.FINDER-author", readable(author))
        if call.query.get("q") != "author" or not author:
            return error(400, "Unknown finder", "ILLEGAL_ARGUMENT")
        found = [p.to_json() for p in reversed(self.posts.values())
                 if p.author == author and not p.item.deleted]  # fmt: skip
        return paged(call, found)

    def _own(self, call: Call, session: Session) -> Post:
        post = self.posts.get(key(call))
        if post is None:
            raise Refusal(self.fails(404, call))
        self.may_act(session, post.author, "/author")
        return post

    def _refuse_duplicate(self, author: str, commentary: str, content: object) -> None:
        for post in self.posts.values():
            same = post.author == author and post.body["commentary"] == commentary
            if same and post.body.get("content") == content and not post.item.deleted:
                raise Refusal(_duplicate(post.urn))

    def _content(self, author: str, content: object) -> tuple[Attachment, ...]:
        """Return the pictures of a post, or refuse what does not fit the schema."""
        if content is None:
            return ()
        if not isinstance(content, dict) or len(content) != 1:
            raise Refusal(unprocessable("/content", "exactly one kind of content is allowed"))
        (kind, value), = content.items()  # fmt: skip
        if kind not in ("media", "multiImage", "article", "poll") or not isinstance(value, dict):
            raise Refusal(unprocessable(f"/content/{kind}", "is not a known kind of content"))
        if kind == "media":
            return (self._attached(author, value, "/content/media"),)
        if kind == "multiImage":
            images = value.get("images")
            if not isinstance(images, list) or not 2 <= len(images) <= 20:
                raise Refusal(unprocessable("/content/multiImage/images", "2 to 20 images"))
            field = "/content/multiImage/images"
            return tuple(self._attached(author, i, f"{field}/{n}") for n, i in enumerate(images))
        if kind == "article":
            self._check_article(author, value)
        return ()

    def _attached(self, author: str, value: object, field: str) -> Attachment:
        found = value if isinstance(value, dict) else {}
        image = self.picture(author, found.get("id"), f"{field}/id")
        alt, title = text_of(found, "altText"), text_of(found, "title")
        if len(alt) > 4086:
            raise Refusal(unprocessable(f"{field}/altText", "longer than 4086 characters"))
        return Attachment.of(title, image.mime, image.data, alt)

    def _check_article(self, author: str, value: dict[str, Any]) -> None:
        source = urlsplit(text_of(value, "source"))
        if source.scheme not in ("http", "https") or not source.netloc:
            raise Refusal(unprocessable("/content/article/source", "is not a URL"))
        if not text_of(value, "title"):
            raise Refusal(unprocessable("/content/article/title", "field is required"))
        if "thumbnail" in value:
            self.picture(author, value["thumbnail"], "/content/article/thumbnail")


def name_of(actor: str) -> str:
    """Return how a member or a page is called in the inbox."""
    return "Sam Sandbox" if actor == MEMBER else f"Page {actor.rpartition(':')[2]}"


def readable(author: str) -> str:
    """Return the scope that reading this author's posts takes."""
    return "r_organization_social" if ":organization:" in author else "r_member_social"


def _check(body: dict[str, Any]) -> None:
    """Refuse a body that does not fit the schema."""
    for name in (name for name in _REQUIRED if name not in body):
        why = "field is required but not found and has no default value"
        raise Refusal(unprocessable(f"/{name}", why))
    for name in sorted(set(body) - _ALLOWED):
        raise Refusal(unprocessable(f"/{name}", "unrecognized field found but not allowed"))
    for name, choices in _CHOICES.items():
        if body[name] not in choices:
            raise Refusal(unprocessable(f"/{name}", f'"{body[name]}" is not an enum symbol'))
    commentary, spread = body["commentary"], body["distribution"]
    if not isinstance(commentary, str) or len(commentary) > LONGEST:
        raise Refusal(unprocessable("/commentary", f"must be text of at most {LONGEST} characters"))
    if not isinstance(spread, dict) or spread.get("feedDistribution") not in ("MAIN_FEED", "NONE"):
        raise Refusal(unprocessable("/distribution/feedDistribution", "field is required"))


def _extra(body: dict[str, Any], kept: str) -> dict[str, str]:
    """Return what is unusual about a post: who sees it, and what LinkedIn would have cut off."""
    extra = {"visibility": body["visibility"], "state": body["lifecycleState"]}
    extra = {k: v for k, v in extra.items() if v not in ("PUBLIC", "PUBLISHED")}
    lost = body["commentary"][len(kept) :]
    return extra | ({"cut off:": lost[:40]} if lost else {})


def _duplicate(urn: str) -> Reply:
    prefix = "com.linkedin.content.common.exception.BadRequestResponseException"
    return Reply(422, json={
        "errorDetailType": "com.linkedin.common.error.BadRequest",
        "message": f"{prefix}: Content is a duplicate of {urn}",
        "errorDetails": {"inputErrors": [{
            "description": "Duplicate post is detected",
            "input": {"inputPath": {"fieldPath": ""}},
            "code": "DUPLICATE_POST",
        }]},
        "status": 422,
    })  # fmt: skip
