from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.http.auth import OAuth2
from mktool.http.client import DryRun
from mktool.http.target import Target
from mktool.model import Account, Media, Metric, Post, Posted
from mktool.provider import Provider
from mktool.providers.x import X
from mktool.store.ledger import Ledger
from tests.contract import NOW, Example, ProviderContract, Wire

PROBLEMS = "https://api.twitter.com/2/problems"
FIELDS = {"tweet.fields": "public_metrics"}
PRIVATE = {"tweet.fields": "non_public_metrics,organic_metrics"}
MINE = "/2/users/2244994945/tweets"


def posted(id: str) -> Posted:
    return Posted(id, f"https://x.com/i/web/status/{id}")


def created(id: str, **sends: object) -> Wire:
    return Wire("POST", "/2/tweets", sends, status=201, reply={"data": {"id": id, "text": "…"}})


def refused(status: int, detail: str, type: str = "about:blank") -> Wire:
    body = {"title": "Forbidden", "detail": detail, "type": type, "status": status}
    return Wire("", "", status=status, reply=body)


def tweet(id: str, text: str, parent: str = "", urls: tuple[tuple[str, str], ...] = ()) -> Any:
    item: dict[str, Any] = {"id": id, "text": text, "created_at": "2026-09-21T13:46:40Z"}
    if parent:
        item["referenced_tweets"] = [{"type": "replied_to", "id": parent}]
    if urls:
        item["entities"] = {"urls": [{"url": s, "expanded_url": full} for s, full in urls]}
    return item


def timeline(*items: Mapping[str, Any], next: str = "", **query: str) -> Wire:
    meta: dict[str, Any] = {"result_count": len(items)}
    if next:
        meta["next_token"] = next
    reply = {"data": list(items), "meta": meta} if items else {"meta": meta}
    return Wire("GET", MINE, query=query, reply=reply)


FOREIGN = {
    "title": "Field Authorization Error",
    "detail": "Sorry, you are not authorized to access 'non_public_metrics.engagements'",
    "type": f"{PROBLEMS}/not-authorized-for-field",
}
GONE = {
    "errors": [
        {
            "title": "Not Found Error",
            "detail": "Could not find tweet with id: [9].",
            "type": f"{PROBLEMS}/resource-not-found",
        }
    ]
}


class TestX(ProviderContract):
    provider = "x"
    options: ClassVar = {"client_id": "app", "account_id": "2244994945"}
    secrets = ("access_token",)
    examples = (
        Example(
            "check",
            lambda x: x.check(),
            (
                Wire(
                    "GET",
                    "/2/users/me",
                    query={"user.fields": "username"},
                    reply={"data": {"id": "2244994945", "name": "Ada", "username": "ada"}},
                ),
            ),
            Account("2244994945", "ada"),
        ),
        Example("post", lambda x: x.post(Post("hi")), (created("9", text="hi"),), posted("9")),
        Example(
            "thread",
            lambda x: x.reply(Post("two", reply_to=posted("9"), root=posted("9"))),
            (created("10", text="two", reply={"in_reply_to_tweet_id": "9"}),),
            posted("10"),
        ),
        Example(
            "settle",
            lambda x: x.settle(Post("hi"), NOW, frozenset({"8"})),
            (
                timeline(
                    tweet("8", "hi"),
                    tweet("9", "hi"),
                    start_time="2026-09-21T14:12:20Z",
                    exclude="retweets",
                    max_results="100",
                ),
            ),
            posted("9"),
        ),
        Example(
            "measure",
            lambda x: list(x.measure("9")),
            (
                Wire(
                    "GET",
                    "/2/tweets/9",
                    query=FIELDS,
                    reply={"data": {"id": "9", "public_metrics": {"like_count": 3}}},
                ),
                Wire(
                    "GET",
                    "/2/tweets/9",
                    query=PRIVATE,
                    reply={
                        "data": {
                            "id": "9",
                            "non_public_metrics": {"url_link_clicks": 2},
                            "organic_metrics": {"like_count": 1},
                        }
                    },
                ),
            ),
            [
                Metric("like_count", 3.0),
                Metric("non_public_url_link_clicks", 2.0),
                Metric("organic_like_count", 1.0),
            ],
        ),
    )
    failures = (
        (refused(401, "Unauthorized"), e.Unauthorized),
        (refused(403, "Forbidden"), e.Forbidden),
        (
            refused(403, "You are not allowed to create a Tweet with duplicate content."),
            e.Duplicate,
        ),
        (
            refused(403, "You attempted to reply to a Tweet that is deleted or not visible"),
            e.NotFound,
        ),
        (
            refused(403, "This user is not allowed to post a video longer than 20 minutes."),
            e.Rejected,
        ),
        (
            refused(402, "It does not have any credits", f"{PROBLEMS}/credits"),
            e.Forbidden,
        ),
        (refused(403, "Monthly spend cap reached for this billing cycle."), e.Forbidden),
        (
            refused(429, "Usage cap exceeded: Monthly product cap", f"{PROBLEMS}/usage-capped"),
            e.Forbidden,
        ),
        (refused(400, "One or more parameters was invalid."), e.Rejected),
        (
            Wire("", "", status=429, reply={"errors": [{"code": 88, "message": "Rate limit"}]}),
            e.RateLimited,
        ),
        (Wire("", "", reply=GONE), e.NotFound),
        (Wire("", "", reply={"errors": [FOREIGN]}), e.Forbidden),
    )

    # -- posting -------------------------------------------------------------------------------

    def test_an_image_is_uploaded_then_described_then_posted(
        self, cls: type[Provider], ledger: Ledger, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"\x89PNG" + bytes(4 * 1024 * 1024))
        media = Media(path, "image", "image/png", path.stat().st_size, alt="a square")
        script = (
            Wire(
                "POST",
                "/2/media/upload/initialize",
                {
                    "media_type": "image/png",
                    "total_bytes": media.size,
                    "media_category": "tweet_image",
                },
                reply={"data": {"id": "71", "media_key": "3_71"}},
            ),
            Wire("POST", "/2/media/upload/71/append", {"segment_index": "0"}, reply=b""),
            Wire("POST", "/2/media/upload/71/append", {"segment_index": "1"}, reply=b""),
            Wire("POST", "/2/media/upload/71/finalize", reply={"data": {"id": "71"}}),
            Wire(
                "POST",
                "/2/media/metadata",
                {"id": "71", "metadata": {"alt_text": {"text": "a square"}}},
            ),
            created("9", text="look", media={"media_ids": ["71"]}),
        )
        x, vendor, _ = self.open(cls, ledger, script)
        assert x.post(Post("look", media=(media,))) == posted("9")
        assert vendor.script == []
        sizes = [part.length for r in vendor.requests for part in (r.files or {}).values()]
        assert sizes == [4 * 1024 * 1024, 4]

    def test_a_text_may_be_left_out_beside_media(
        self, cls: type[Provider], ledger: Ledger, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.gif"
        path.write_bytes(b"GIF89a")
        media, done = Media(path, "gif", "image/gif", 6), {"data": {"id": "7"}}
        script = (
            Wire(
                "POST", "/initialize", {"media_category": "tweet_gif"}, reply={"data": {"id": "7"}}
            ),
            Wire("POST", "/append", reply={"data": {"expires_at": 1}}),
            Wire("POST", "/finalize", reply=done),
            created("9", media={"media_ids": ["7"]}),
        )
        x, vendor, _ = self.open(cls, ledger, script)
        x.post(Post("", media=(media,)))
        assert "text" not in vendor.requests[-1].json

    def test_options_are_merged_last_and_do_not_cut_the_thread(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        extra = {
            "reply_settings": "following",
            "made_with_ai": "true",
            "reply": '{"exclude_reply_user_ids": ["5"]}',
            "media": '{"media_ids": ["6"], "tagged_user_ids": ["5"]}',
            "edit_options": '{"previous_post_id": "4"}',
            "poll": '{"options": ["a", "b"], "duration_minutes": 60}',
        }
        x, vendor, _ = self.open(cls, ledger, (created("1"), created("2")))
        first = x.post(Post("one", extra=extra))
        x.reply(Post("two", reply_to=first, root=first, extra=extra))
        assert vendor.requests[0].json == {
            "text": "one",
            "reply_settings": "following",
            "made_with_ai": True,
            "reply": {"exclude_reply_user_ids": ["5"]},
            "media": {"media_ids": ["6"], "tagged_user_ids": ["5"]},
            "edit_options": {"previous_post_id": "4"},
            "poll": {"options": ["a", "b"], "duration_minutes": 60},
        }
        assert vendor.requests[1].json == {
            "text": "two",
            "made_with_ai": True,
            "reply": {"in_reply_to_tweet_id": "1", "exclude_reply_user_ids": ["5"]},
        }

    @pytest.mark.parametrize(
        ("text", "price"),
        [("hello", 0.015), ("see https://acme.com/x", 0.20), ("see acme.com now", 0.20)],
    )
    def test_a_dry_run_knows_the_price(self, text: str, price: float) -> None:
        dry = DryRun(X.spec, Target(X.spec.base_url), {}, frozenset({"access_token"}))
        X(dry).post(Post(text))
        assert dry.price == pytest.approx(price)

    def test_numbers_are_not_an_owned_read(self) -> None:
        """$0.001 is the price of /2/users/{id}/… alone; the second look of a day is free."""
        dry = DryRun(X.spec, Target(X.spec.base_url), {}, frozenset({"access_token"}))
        assert list(X(dry).measure("9")) == []
        assert dry.price == pytest.approx(0.005)

    # -- what the vendor's words mean ----------------------------------------------------------

    @pytest.mark.parametrize(
        ("wire", "message", "hint"),
        [
            (
                refused(402, "Your enrolled account [1] does not have any credits to fulfill this"),
                "credits are used up",
                "console.x.com",
            ),
            (
                refused(403, "Reply to this conversation is not allowed because you have not been"),
                "not allowed",
                "only to who mentioned or quoted",
            ),
            (
                refused(403, "Application-Only", f"{PROBLEMS}/unsupported-authentication"),
                "Application-Only",
                "mktool authorize x",
            ),
        ],
    )
    def test_a_refusal_says_what_to_do(
        self, cls: type[Provider], ledger: Ledger, wire: Wire, message: str, hint: str
    ) -> None:
        x, _, _ = self.open(cls, ledger, [replace(wire, method="POST", path="/2/tweets")])
        with pytest.raises(e.Forbidden) as caught:
            x.post(Post("hi"))
        assert message in caught.value.message
        assert hint in caught.value.hint

    def test_an_upload_without_the_scope_says_so(
        self, cls: type[Provider], ledger: Ledger, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"\x89PNG")
        step = replace(refused(403, "Forbidden"), method="POST", path="/initialize")
        x, _, _ = self.open(cls, ledger, [step])
        with pytest.raises(e.Forbidden) as caught:
            x.post(Post("hi", media=(Media(path, "image", "image/png", 4),)))
        assert "media.write" in caught.value.hint
        assert "mktool authorize x" in caught.value.hint

    def test_a_server_error_leaves_the_outcome_open_whatever_it_says(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        step = replace(refused(503, "no credits known"), method="POST", path="/2/tweets")
        x, _, _ = self.open(cls, ledger, [step])
        with pytest.raises(e.OutcomeUnknown):
            x.post(Post("hi"))

    def test_a_used_up_window_is_waited_for_by_its_reset_header(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        headers = {
            "x-rate-limit-limit": "100",
            "x-rate-limit-remaining": "0",
            "x-rate-limit-reset": str(int(NOW) + 30),
        }
        wire = replace(created("9"), status=429, headers=headers, reply={"title": "Too Many"})
        x, vendor, naps = self.open(cls, ledger, [wire, created("9")])
        ledger.clock = lambda: NOW + sum(naps)
        assert x.post(Post("hi")) == posted("9")
        assert vendor.script == []
        assert 30.0 in naps

    # -- metrics -------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "private", [{"errors": [FOREIGN]}, {"data": {"id": "9"}, "errors": [FOREIGN]}]
    )
    def test_private_numbers_that_are_denied_do_not_hide_the_public_ones(
        self, cls: type[Provider], ledger: Ledger, private: Mapping[str, Any]
    ) -> None:
        public = {"data": {"id": "9", "public_metrics": {"like_count": 3, "impression_count": 40}}}
        script = (
            Wire("GET", "/2/tweets/9", query=FIELDS, reply=public),
            Wire("GET", "/2/tweets/9", query=PRIVATE, reply=private),
        )
        x, _, _ = self.open(cls, ledger, script)
        assert list(x.measure("9")) == [Metric("like_count", 3.0), Metric("impression_count", 40.0)]

    def test_a_post_that_is_gone_has_no_numbers(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [Wire("GET", "/2/tweets/9", reply=GONE)])
        with pytest.raises(e.NotFound, match="Could not find tweet"):
            list(x.measure("9"))

    # -- settling ------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("sent", "back", "urls"),
        [
            ("R&D <3 > 2", "R&amp;D &lt;3 &gt; 2", ()),
            ("typed &amp; so", "typed &amp;amp; so", ()),
            ("out: https://acme.example/a", "out: https://t.co/1",
             (("https://t.co/1", "https://acme.example/a"),)),
            ("see acme.com", "see https://t.co/1", (("https://t.co/1", "http://acme.com"),)),
            ("see acme.com/", "see https://t.co/1", (("https://t.co/1", "http://acme.com/"),)),
            ("look", "look https://t.co/2",
             (("https://t.co/2", "https://x.com/ada/status/9/photo/1"),)),
            ("read https://x.com/bob/status/5", "read https://t.co/3",
             (("https://t.co/3", "https://x.com/bob/status/5"),)),
            ("two\n\n\nlines ", "two\n\nlines", ()),
            ("caf\u0065\u0301", "caf\u00e9", ()),
        ],
    )  # fmt: skip
    def test_a_lost_post_is_recognised_as_the_vendor_gives_it_back(
        self, cls: type[Provider], ledger: Ledger, sent: str, back: str,
        urls: tuple[tuple[str, str], ...],
    ) -> None:  # fmt: skip
        x, _, _ = self.open(cls, ledger, [timeline(tweet("9", back, urls=urls))])
        assert x.settle(Post(sent), NOW, frozenset()) == posted("9")

    @pytest.mark.parametrize(
        "other",
        [
            tweet("9", "hi there"),
            tweet("9", "hi", parent="5"),
            tweet("9", "hi https://t.co/1", urls=(("https://t.co/1", "https://acme.example/b"),)),
        ],
    )
    def test_another_post_is_no_proof(
        self, cls: type[Provider], ledger: Ledger, other: Mapping[str, Any]
    ) -> None:
        x, _, _ = self.open(cls, ledger, [timeline(other)])
        assert x.settle(Post("hi"), NOW, frozenset()) is None

    def test_a_reply_is_found_by_whom_it_answers(self, cls: type[Provider], ledger: Ledger) -> None:
        items = (tweet("7", "two"), tweet("8", "two", parent="4"), tweet("9", "two", parent="5"))
        x, _, _ = self.open(cls, ledger, [timeline(*items)])
        assert x.settle(Post("two", reply_to=posted("5")), NOW, frozenset()) == posted("9")

    def test_every_page_is_read_before_a_post_is_called_absent(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        script = (
            timeline(tweet("3", "other"), next="t1"),
            timeline(tweet("2", "another"), next="t2", pagination_token="t1"),
            timeline(pagination_token="t2"),
        )
        x, vendor, _ = self.open(cls, ledger, script)
        assert x.settle(Post("hi"), NOW, frozenset()) is None
        assert vendor.script == []

    def test_too_many_posts_prove_nothing(self, cls: type[Provider], ledger: Ledger) -> None:
        script = [timeline(tweet(str(n), "other"), next=f"t{n}") for n in range(9)]
        x, _, _ = self.open(cls, ledger, script)
        with pytest.raises(e.Unsupported):
            x.settle(Post("hi"), NOW, frozenset())

    def test_a_list_speaks_for_itself(self, cls: type[Provider], ledger: Ledger) -> None:
        reply = Wire("GET", MINE, reply={"data": [tweet("9", "two")]})
        x, _, _ = self.open(cls, ledger, [reply, reply])
        assert x.settle(Post("two"), NOW, frozenset()) == posted("9")
        assert x.settle(Post("three"), NOW, frozenset()) is None

    def test_what_is_known_needs_no_fields(self, cls: type[Provider], ledger: Ledger) -> None:
        reply = Wire("GET", MINE, reply={"data": [{"id": "9", "text": "one"}]})
        x, _, _ = self.open(cls, ledger, [reply])
        assert x.settle(Post("two", reply_to=posted("9")), NOW, frozenset({"9"})) is None

    def test_fields_that_were_ignored_prove_nothing(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        bare = timeline({"id": "9", "text": "two", "edit_history_post_ids": ["9"]})
        x, _, _ = self.open(cls, ledger, [bare])
        with pytest.raises(e.UnexpectedReply, match="created_at"):
            x.settle(Post("two", reply_to=posted("5")), NOW, frozenset())

    @pytest.mark.parametrize("reply", [{}, {"meta": {}}, {"data": "none"}])
    def test_an_odd_answer_proves_nothing(
        self, cls: type[Provider], ledger: Ledger, reply: Mapping[str, Any]
    ) -> None:
        x, _, _ = self.open(cls, ledger, [Wire("GET", MINE, reply=reply)])
        with pytest.raises(e.UnexpectedReply):
            x.settle(Post("hi"), NOW, frozenset())

    @pytest.mark.parametrize(
        "post", [Post(""), Post("hi", extra={"reply": '{"in_reply_to_tweet_id": "5"}'})]
    )
    def test_what_cannot_be_recognised_is_not_looked_for(
        self, cls: type[Provider], ledger: Ledger, post: Post
    ) -> None:
        x, _, _ = self.open(cls, ledger, [])
        with pytest.raises(e.Unsupported):
            x.settle(post, NOW, frozenset())

    def test_an_unnamed_account_is_asked_for(self, cls: type[Provider], ledger: Ledger) -> None:
        who = {"data": {"id": "2244994945", "username": "ada"}}
        script = (Wire("GET", "/2/users/me", reply=who), timeline(tweet("9", "hi")))
        x, _, _ = self.open(cls, ledger, script, options={})
        assert x.settle(Post("hi"), NOW, frozenset()) == posted("9")

    # -- the data ------------------------------------------------------------------------------

    def test_login_asks_for_what_the_features_need(self) -> None:
        (scheme,) = X.spec.auth
        assert isinstance(scheme, OAuth2)
        assert {"tweet.write", "media.write", "offline.access"} <= set(scheme.scopes)
        for port in scheme.redirect_ports:
            assert str(port) in X.spec.setup

    def test_length_is_weighted(self) -> None:
        text = X.spec.text
        assert text is not None
        assert text.count("é" * 280) == 280
        assert text.count("日" * 140) == 280
        assert text.count("https://acme.com/" + "a" * 300) == 23
