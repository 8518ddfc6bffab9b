"""Comments of LinkedIn.

https://learn.microsoft.com/linkedin/marketing/community-management/shares/comments-api (2026-11):
the versioned address takes scopes of its own, which end in _feed. Who was granted only those for
posts comments through the unversioned /v2, and is refused at /rest.
"""

from __future__ import annotations

from typing import Any

from ...inbox import Item
from ...vendor import Session, on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import error, key, paged, permit, unprocessable
from .posts import Posts, name_of

LONGEST = 1250  # characters
_WRITE = ("w_member_social_feed", "w_organization_social_feed")
_READ = ("r_member_social_feed", "r_organization_social_feed")


class Comments(Posts):
    """Comments by the account on posts, and on other comments."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._comments: dict[str, dict[str, Any]] = {}

    @on("POST", "api.linkedin.com/rest/socialActions/{urn}/comments")
    def comment(self, call: Call) -> Reply:
        return self._comment(call, self.admit(call, "partnerApiSocialActions.CREATE", *_WRITE))

    @on("POST", "api.linkedin.com/v2/socialActions/{urn}/comments")
    def comment_unversioned(self, call: Call) -> Reply:
        session = self.member(call)
        permit(session, "socialActions.CREATE.NO_VERSION", "w_member_social",
               "w_organization_social", *_WRITE)  # fmt: skip
        return self._comment(call, session)

    @on("GET", "api.linkedin.com/rest/socialActions/{urn}/comments")
    def comments(self, call: Call) -> Reply:
        self.admit(call, "partnerApiSocialActions.GET_ALL", *_READ)
        target = key(call)
        shown = [c for c in self._comments.values()
                 if target in (c["object"], c.get("parentComment"))]  # fmt: skip
        return paged(call, shown)

    def _comment(self, call: Call, session: Session) -> Reply:
        target = self._target(call)
        body = call.object() or {}
        actor = self.may_act(session, body.get("actor"), "/actor", "_feed")
        message = body.get("message")
        text = text_of(message, "text") if isinstance(message, dict) else ""
        if not text or len(text) > LONGEST:
            raise Refusal(unprocessable("/message/text", f"1 to {LONGEST} characters"))
        parent = body.get("parentComment")
        if parent is not None and parent not in self._comments:
            return error(404, "The parent comment was not found", "RESOURCE_NOT_FOUND")
        id = str(7200000000000000000 + self.world.number())
        urn = f"urn:li:comment:({target},{id})"
        at = round(call.now * 1000)
        shown = {"id": id, "$URN": urn, "commentUrn": urn, "actor": actor, "object": target,
                 "message": {"attributes": [], "text": text},
                 "created": {"actor": actor, "time": at},
                 "lastModified": {"actor": actor, "time": at}}  # fmt: skip
        if parent is not None:
            shown["parentComment"] = parent
        self._comments[urn] = shown
        self.world.inbox.add(
            Item(call.now, self.name, name_of(actor), "comment", urn, text,
                 f"https://www.linkedin.com/feed/update/{target}?commentUrn={urn}",
                 parent=parent or target)
        )  # fmt: skip
        return Reply(201, json=shown, headers={"x-restli-id": id})

    def _target(self, call: Call) -> str:
        """Return the post that is commented; a comment stands for its post."""
        urn = key(call)
        urn = self._comments[urn]["object"] if urn in self._comments else urn
        post = self.posts.get(urn)
        if post is None or post.item.deleted:
            raise Refusal(self.fails(404, call))
        return urn
