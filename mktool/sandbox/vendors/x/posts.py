"""Posts of X: written, read back, deleted (https://docs.x.com/x-api/posts, read 2026-11).

Figures of other people (views, likes) are made up.
"""

from __future__ import annotations

import re
from hashlib import sha256
from html import escape
from typing import Any

from ...inbox import Attachment, Item, iso
from ...vendor import invent, on, text_of, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import ME, NAME, PROBLEM, forbidden, invalid, listed, problem
from .media import Uploads

OWN_METRICS_DAYS = 30
BODY = {
    "text", "media", "reply", "poll", "quote_tweet_id", "reply_settings", "made_with_ai",
    "paid_partnership", "edit_options", "community_id", "share_with_followers", "nullcast",
    "card_uri", "direct_message_deep_link", "for_super_followers_only", "geo",
}  # fmt: skip
_URL = re.compile(r"https?://[^\s<>\"']+")


class Posts(Uploads):
    """The timeline of the one account."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._posts: dict[str, tuple[Item, dict[str, Any]]] = {}

    @on("GET", "api.x.com/2/users/me")
    def me(self, call: Call) -> Reply:
        headers = self.admit(call, "GET /2/users/me", "tweet.read", "users.read")
        user: dict[str, object] = {"id": ME, "name": "Sandbox", "username": NAME}
        more: dict[str, object] = {
            "created_at": "2024-01-01T00:00:00.000Z",
            "verified": False,
            "protected": False,
        }
        wanted = listed(call, "user.fields")
        user |= {k: v for k, v in more.items() if k in wanted}
        return Reply(json={"data": user}, headers=headers)

    @on("POST", "api.x.com/2/tweets")
    def create(self, call: Call) -> Reply:
        headers = self.admit(call, "POST /2/tweets", "tweet.read", "tweet.write", "users.read")
        body = call.object()
        if body is None:
            raise Refusal(invalid("body", "The request body is not a JSON object."))
        self._check(body)
        text = text_of(body, "text")
        media = self._attached(body)
        parent = (body.get("reply") or {}).get("in_reply_to_tweet_id", "")
        live = [item for item, _ in self._posts.values() if not item.deleted]
        if any(item.text == text and not item.media and not media for item in live):
            detail = "You are not allowed to create a Tweet with duplicate content."
            raise Refusal(forbidden(detail))
        item = Item(
            call.now, self.name, f"@{NAME}", "reply" if parent else "post",
            str(1900000000000000000 + self.world.number()), text, parent=parent,
            media=tuple(Attachment.of("", m.mime, m.data, m.alt) for m in media),
            extra={"poll": " / ".join(body["poll"]["options"])} if body.get("poll") else {},
        )  # fmt: skip
        item.url = f"https://x.com/{NAME}/status/{item.id}"
        self._posts[item.id] = self.world.inbox.add(item), body
        data = {"id": item.id, "text": _shown(item)[0], "edit_history_tweet_ids": [item.id]}
        return Reply(201, json={"data": data}, headers=headers)

    @on("DELETE", "api.x.com/2/tweets/{id}")
    def delete(self, call: Call) -> Reply:
        headers = self.admit(call, "DELETE /2/tweets", "tweet.read", "tweet.write", "users.read")
        item = self._posts.get(call.params["id"], (None,))[0]
        if item is not None:
            item.deleted = True
        return Reply(json={"data": {"deleted": True}}, headers=headers)

    @on("GET", "api.x.com/2/tweets/{id}")
    def one(self, call: Call) -> Reply:
        headers = self.admit(call, "GET /2/tweets", "tweet.read", "users.read")
        found, errors = self._look(call, [call.params["id"]], "id")
        return Reply(json=_answer(found[0] if found else None, errors), headers=headers)

    @on("GET", "api.x.com/2/tweets")
    def several(self, call: Call) -> Reply:
        headers = self.admit(call, "GET /2/tweets", "tweet.read", "users.read")
        ids = [id for id in call.query.get("ids", "").split(",") if id]
        if not 1 <= len(ids) <= 100:
            raise Refusal(invalid("ids", "size must be between 1 and 100"))
        found, errors = self._look(call, ids, "ids")
        return Reply(json=_answer(found, errors), headers=headers)

    @on("GET", "api.x.com/2/users/{id}/tweets")
    def timeline(self, call: Call) -> Reply:
        headers = self.admit(call, "GET /2/users/tweets", "tweet.read", "users.read")
        size = whole(call.query.get("max_results", "10")) or 0
        if not 5 <= size <= 100:
            raise Refusal(invalid("max_results", "must be between 5 and 100"))
        since = whole(call.query.get("since_id", "0"))
        until = whole(call.query.get("pagination_token", "9" * 19))
        if since is None or until is None or call.params["id"] != ME:
            raise Refusal(invalid("id", "The id, since_id or pagination_token is not valid"))
        ids = [
            item.id
            for item, _ in reversed(self._posts.values())
            if not item.deleted
            and since < int(item.id) < until
            and (item.kind == "post" or "replies" not in listed(call, "exclude"))
            and iso(item.time) >= call.query.get("start_time", "")
        ]
        shown, more = ids[:size], len(ids) > size
        found, errors = self._look(call, shown, "id")
        meta: dict[str, object] = {"result_count": len(shown)}
        if shown:
            meta |= {"newest_id": shown[0], "oldest_id": shown[-1]}
        if more:
            meta["next_token"] = shown[-1]
        return Reply(json=_answer(found, errors) | {"meta": meta}, headers=headers)

    def _check(self, body: dict[str, Any]) -> None:
        """Refuse a post that breaks a documented rule."""
        unknown = sorted(set(body) - BODY)
        if unknown:
            raise Refusal(invalid(unknown[0], f"$.{unknown[0]}: is not defined in the schema"))
        if sum(name in body for name in ("media", "poll", "quote_tweet_id", "card_uri")) > 1:
            raise Refusal(invalid("media", "media, poll, quote and card exclude each other"))
        if "quote_tweet_id" in body:
            raise Refusal(forbidden("Quote posts are for Enterprise."))
        text = body.get("text", "")
        if not isinstance(text, str) or not (text.strip() or body.get("media")):
            raise Refusal(invalid("text", "text or media is required"))
        from ....text.weighted import weighted_length

        if weighted_length(text) > 280:
            raise Refusal(problem(400, "Invalid Request", "Your Tweet text is too long."))
        _check_poll(body.get("poll"))
        self._check_reply(body.get("reply"))

    def _check_reply(self, reply: object) -> None:
        if reply is None:
            return
        target = reply.get("in_reply_to_tweet_id") if isinstance(reply, dict) else None
        if not isinstance(target, str) or whole(target) is None:
            raise Refusal(invalid("reply.in_reply_to_tweet_id", "must match ^[0-9]{1,19}$"))
        item = self._posts.get(target, (None,))[0]
        if item is None or item.deleted:
            detail = "You attempted to reply to a Tweet that is deleted or not visible to you."
            raise Refusal(forbidden(detail))

    def _look(
        self, call: Call, ids: list[str], parameter: str
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return posts with the fields asked for, and an error for each that is not there."""
        wanted = listed(call, "tweet.fields")
        found, errors = [], []
        for id in ids:
            item, body = self._posts.get(id, (None, {}))
            if item is None or item.deleted:
                errors.append(_gone(id, parameter))
                continue
            found.append(self._post(item, body, wanted))
            old = call.now - item.time > OWN_METRICS_DAYS * 86400
            for name in ("non_public_metrics", "organic_metrics"):
                if name in wanted and old:
                    errors.append(_closed(id, name))
                    found[-1].pop(name)
        return found, errors

    def _post(self, item: Item, body: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
        text, entities = _shown(item)
        seen = invent(item.id, 120, 4200)
        replies = sum(i.parent == item.id and not i.deleted for i, _ in self._posts.values())
        public = {
            "retweet_count": seen // 200,
            "reply_count": replies,
            "like_count": seen // 40,
            "quote_count": 0,
            "bookmark_count": seen // 300,
            "impression_count": seen,
        }
        own = {
            "impression_count": seen,
            "url_link_clicks": seen // 90,
            "user_profile_clicks": seen // 110,
            "engagements": seen // 25,
        }
        more: dict[str, Any] = {
            "author_id": ME,
            "created_at": iso(item.time),
            "conversation_id": self._root(item).id,
            "lang": "en",
            "reply_settings": body.get("reply_settings", "everyone"),
            "public_metrics": public,
            "non_public_metrics": own,
            "organic_metrics": own | public,
        }
        if item.parent:
            more["referenced_tweets"] = [{"type": "replied_to", "id": item.parent}]
            more["in_reply_to_user_id"] = ME
        if entities:
            more["entities"] = entities
        if item.media:
            more["attachments"] = {"media_keys": [f"3_{id}" for id in body["media"]["media_ids"]]}
        post = {"id": item.id, "text": text, "edit_history_tweet_ids": [item.id]}
        return post | {name: value for name, value in more.items() if name in wanted}

    def _root(self, item: Item) -> Item:
        while item.parent in self._posts:
            item = self._posts[item.parent][0]
        return item


def _answer(data: object, errors: list[dict[str, Any]]) -> dict[str, object]:
    answer = {"data": data} if data else {}
    return answer | ({"errors": errors} if errors else {})


def _gone(id: str, parameter: str) -> dict[str, Any]:
    return {"value": id, "detail": f"Could not find tweet with {parameter}: [{id}].",
            "title": "Not Found Error", "resource_type": "tweet", "parameter": parameter,
            "resource_id": id, "type": f"{PROBLEM}resource-not-found"}  # fmt: skip


def _closed(id: str, name: str) -> dict[str, Any]:
    return {"detail": f"Sorry, you are not authorized to access '{name}' on the Tweet.",
            "title": "Field Authorization Error", "resource_type": "tweet", "section": "data",
            "parameter": f"tweet.{name}", "resource_id": id, "value": id, "field": name,
            "type": f"{PROBLEM}not-authorized-for-field"}  # fmt: skip


def _check_poll(poll: object) -> None:
    if poll is None:
        return
    found: dict[str, Any] = poll if isinstance(poll, dict) else {}
    options, minutes = found.get("options"), found.get("duration_minutes")
    if not isinstance(options, list) or not 2 <= len(options) <= 4:
        raise Refusal(invalid("poll.options", "size must be between 2 and 4"))
    if any(not isinstance(o, str) or not 1 <= len(o) <= 25 for o in options):
        raise Refusal(invalid("poll.options", "an option has 1 to 25 characters"))
    if not isinstance(minutes, int) or not 5 <= minutes <= 10080:
        raise Refusal(invalid("poll.duration_minutes", "must be between 5 and 10080"))


def _shown(item: Item) -> tuple[str, dict[str, Any]]:
    """Return a post's text as it is read back: links shortened, & < > escaped; and its entities."""
    text, urls = "", []
    end = 0
    for found in [*_URL.finditer(item.text)]:
        text += escape(item.text[end : found.start()], quote=False)
        end = found.end()
        short = "https://t.co/" + sha256(found[0].encode()).hexdigest()[:10]
        urls.append(
            {
                "start": len(text),
                "end": len(text) + len(short),
                "url": short,
                "expanded_url": found[0],
                "display_url": found[0].partition("//")[2],
            }
        )
        text += short
    text += escape(item.text[end:], quote=False)
    return text, {"urls": urls} if urls else {}
