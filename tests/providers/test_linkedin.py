from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.core.content import Content, compose
from mktool.http.auth import OAuth2
from mktool.model import Account, Media, Metric, Post, Posted
from mktool.provider import Provider
from mktool.providers.linkedin import LinkedIn
from mktool.spec import DAY
from mktool.store.ledger import Ledger
from mktool.text.little import escape
from tests.contract import LEAK, NOW, Example, ProviderContract, Wire

SHARE = "urn:li:share:7141138937766391808"
UGC = "urn:li:ugcPost:7141138937766391809"
COMMENT_ID = "6643206422739898368"
COMMENT = f"urn:li:comment:({SHARE},{COMMENT_ID})"
PAGE = {"author": "2414183", "account_id": "2414183"}
AS_PAGE = "urn:li:organization:2414183"
MEMBER = "urn:li:person:8675309"
PLACE = "https://www.linkedin.com/dms-uploads/C5F/0?ca=vector&sig=abc"
VERSIONED = {"LinkedIn-Version": "202610", "X-Restli-Protocol-Version": "2.0.0"}
COMMENTS = f"/rest/socialActions/{SHARE}/comments"
METRICS = {"IMPRESSION": 1200, "MEMBERS_REACHED": 800, "REACTION": 42, "COMMENT": 7, "RESHARE": 3}


def posted(urn: str) -> Posted:
    return Posted(urn, f"https://www.linkedin.com/feed/update/{urn}/")


def created(urn: str = SHARE, **sends: Any) -> Wire:
    """The id of a new post stands in a header; the body is empty."""
    return Wire("POST", "/rest/posts", sends, header=VERSIONED, status=201,
                reply=b"", headers={"x-restli-id": urn})  # fmt: skip


def refused(status: int, **body: Any) -> Wire:
    return Wire("", "", status=status, reply={"status": status, **body})


def image(number: int) -> tuple[Wire, Wire]:
    urn = f"urn:li:image:C5F{number}"
    return (
        Wire("POST", "/rest/images", {"initializeUploadRequest": {"owner": MEMBER}},
             query={"action": "initializeUpload"}, header=VERSIONED,
             reply={"value": {"uploadUrl": PLACE, "image": urn}}),
        Wire("PUT", "/dms-uploads/C5F/0", status=201, reply=b""),
    )  # fmt: skip


def listing(*items: Mapping[str, Any], path: str = "/rest/posts", count: int = 100) -> Wire:
    paging = {"start": 0, "count": count, "links": []}
    return Wire("GET", path, reply={"elements": list(items), "paging": paging})


def listed(text: str, at: float, urn: str = SHARE) -> dict[str, Any]:
    return {"id": urn, "commentary": escape(text), "createdAt": int(at * 1000)}


def said(text: str, at: float, id: str = COMMENT_ID) -> dict[str, Any]:
    return {"id": id, "message": {"text": text}, "created": {"time": int(at * 1000)}}


class TestLinkedIn(ProviderContract):
    provider = "linkedin"
    options: ClassVar = {"client_id": "app", "account_id": "8675309"}
    secrets = ("access_token",)
    examples = (
        Example(
            "check",
            lambda linkedin: linkedin.check(),
            (Wire("GET", "/v2/userinfo", reply={"sub": "8675309", "name": "Ada Lovelace"}),),
            Account("8675309", "Ada Lovelace"),
        ),
        Example(
            "post",
            lambda linkedin: linkedin.post(Post("Version 2 (beta) is out #launch")),
            (
                created(
                    author=MEMBER,
                    commentary=r"Version 2 \(beta\) is out {hashtag|\#|launch}",
                    visibility="PUBLIC",
                    lifecycleState="PUBLISHED",
                ),
            ),
            posted(SHARE),
        ),
        Example(
            "thread",
            lambda linkedin: linkedin.reply(Post("and (this)", root=posted(SHARE))),
            (
                Wire(
                    "POST",
                    COMMENTS,
                    {"actor": MEMBER, "object": SHARE, "message": {"text": "and (this)"}},
                    header=VERSIONED,
                    status=201,
                    reply={"id": COMMENT_ID},
                    headers={"x-restli-id": COMMENT_ID},
                ),
            ),
            Posted(COMMENT, posted(SHARE).url),
        ),
        Example(
            "settle",
            lambda linkedin: linkedin.settle(
                Post("and", root=posted(SHARE)), NOW - 5, frozenset({posted(UGC).id})
            ),
            (listing(said("old", NOW - 900), said(" and ", NOW - 3), path=COMMENTS),),
            Posted(COMMENT, posted(SHARE).url),
        ),
        Example(
            "measure",
            lambda linkedin: list(linkedin.measure(SHARE)),
            tuple(
                Wire(
                    "GET",
                    "/rest/memberCreatorPostAnalytics",
                    query={"q": "entity", "queryType": name, "aggregation": "TOTAL"},
                    reply={"elements": [{"count": count, "metricType": name}]},
                )
                for name, count in METRICS.items()
            ),
            [Metric(name.lower(), float(count)) for name, count in METRICS.items()],
        ),
    )
    failures = (
        (
            # https://github.com/Arisamiga/Linkedin-RSS/issues/5 (2023-12)
            refused(
                422,
                message=f"BadRequestResponseException: Content is a duplicate of {SHARE}",
                errorDetailType="com.linkedin.common.error.BadRequest",
                errorDetails={"inputErrors": [{"code": "DUPLICATE_POST", "input": {}}]},
            ),
            e.Duplicate,
        ),
        (
            # https://github.com/n8n-io/n8n/issues/14737 (2025-04)
            refused(426, code="NONEXISTENT_VERSION", message="Requested version is not active"),
            e.Rejected,
        ),
        (
            # https://github.com/Automattic/wp-calypso/issues/32007 (2019-04)
            refused(429, serviceErrorCode=101, message="Resource level throttle limit is reached."),
            e.RateLimited,
        ),
        (refused(401, code="EXPIRED_ACCESS_TOKEN", message="It has expired"), e.Unauthorized),
        (refused(403, code="ACCESS_DENIED", message="Not enough permissions"), e.Forbidden),
        (refused(422, message="ERROR :: /commentary :: is empty"), e.Rejected),
    )  # fmt: skip

    def settle(self, ledger: Ledger, step: Wire, post: Post, **options: str) -> Posted | None:
        provider, vendor, _ = self.open(LinkedIn, ledger, [step], {**self.options, **options})
        found: Posted | None = provider.settle(post, NOW - 5, frozenset({UGC}))
        assert vendor.script == []
        return found

    # -- who posts -----------------------------------------------------------------------------

    def test_a_page_is_checked_as_a_page(self, ledger: Ledger) -> None:
        """An app for pages has no OpenID Connect, so that userinfo would refuse it."""
        step = Wire("GET", "/rest/organizations/2414183", reply={"localizedName": "Acme"})
        for author in ("2414183", AS_PAGE):
            provider, _, _ = self.open(LinkedIn, ledger, [step], {**PAGE, "author": author})
            assert provider.check() == Account("2414183", "Acme")

    def test_without_a_known_account_the_member_is_asked_for(self, ledger: Ledger) -> None:
        me = Wire("GET", "/v2/userinfo", reply={"sub": "8675309"})
        provider, vendor, _ = self.open(LinkedIn, ledger, [me, created(author=MEMBER)], {})
        assert provider.post(Post("hi")) == posted(SHARE)
        assert vendor.script == []

    @pytest.mark.parametrize("author", ["2414183", AS_PAGE])
    def test_a_page_posts(self, ledger: Ledger, author: str) -> None:
        provider, _, _ = self.open(LinkedIn, ledger, [created(author=AS_PAGE)])
        assert provider.post(Post("hi", extra={"author": author})) == posted(SHARE)

    # -- what is posted ------------------------------------------------------------------------

    def test_options_join_the_post_and_win(self, ledger: Ledger) -> None:
        poll = {"poll": {"question": "Tabs?", "options": [{"text": "yes"}, {"text": "no"}]}}
        extra = {"visibility": "CONNECTIONS", "isReshareDisabledByAuthor": "true",
                 "content": '{"poll": {"question": "Tabs?", "options":'
                            ' [{"text": "yes"}, {"text": "no"}]}}'}  # fmt: skip
        step = created(visibility="CONNECTIONS", isReshareDisabledByAuthor=True, content=poll)
        provider, _, _ = self.open(LinkedIn, ledger, [step])
        assert provider.post(Post("hi", extra=extra)) == posted(SHARE)

    def test_a_link_becomes_a_card(self, ledger: Ledger) -> None:
        link = "https://acme.example/launch?x=1"
        card = {"source": link, "title": "acme.example"}
        told = {"title": "It is here", "thumbnail": "urn:li:image:1"}
        steps = [created(content={"article": card}), created(content={"article": {**card, **told}})]
        provider, vendor, _ = self.open(LinkedIn, ledger, steps)
        provider.post(Post("new", link=link))
        provider.post(Post("new", link=link, extra=told))
        assert "title" not in vendor.requests[-1].json

    def test_beside_media_a_link_stands_in_the_text(self) -> None:
        file = Media(Path("a.png"), "image", "image/png", 9)
        link = "https://acme.example"
        (card,) = compose(LinkedIn.spec, Content("new", link=link))
        (plain,) = compose(LinkedIn.spec, Content("new", media=(file,), link=link))
        assert (card.text, card.link) == ("new", link)
        assert (plain.text, plain.link) == (f"new\n\n{link}", "")

    def test_images(self, ledger: Ledger, tmp_path: Path) -> None:
        files = []
        for name, alt in (("a.png", "a chart"), ("b.png", "")):
            path = tmp_path / name
            path.write_bytes(b"\x89PNG" + name.encode())
            files.append(Media(path, "image", "image/png", 9, alt))
        one = {"media": {"id": "urn:li:image:C5F1", "altText": "a chart"}}
        two = {"multiImage": {"images": [one["media"], {"id": "urn:li:image:C5F2"}]}}
        steps = [*image(1), created(content=one), *image(1), *image(2), created(content=two)]
        provider, vendor, _ = self.open(LinkedIn, ledger, steps)
        provider.post(Post("look", media=(files[0],)))
        provider.post(Post("look", media=tuple(files)))
        assert vendor.script == []
        (put, *_) = [r for r in vendor.requests if r.endpoint.method == "PUT"]
        assert put.raw is not None
        assert put.raw.read() == b"\x89PNGa.png"
        assert LEAK not in str(put.all_headers())
        assert "sig=" not in put.shown_url

    def test_a_failed_upload_publishes_nothing_and_may_be_repeated(self, ledger: Ledger) -> None:
        start, _ = image(1)
        file = Media(Path("/nowhere/a.png"), "image", "image/png", 9)
        provider, vendor, _ = self.open(LinkedIn, ledger, [replace(start, status=500)] * 5)
        with pytest.raises(e.Unavailable):
            provider.post(Post("look", media=(file,)))
        assert vendor.script == []

    def test_text_is_counted_the_longest_way(self) -> None:
        text = LinkedIn.spec.text
        assert text is not None
        counts = {"plain": 5, "a_b": 4, "😀": 2, "#tag": 16, "\ud800": 1}
        assert {t: text.count(t) for t in counts} == counts
        assert (text.room(reply=False), text.room(reply=True)) == (3000, 1250)

    # -- what is refused -----------------------------------------------------------------------

    def test_a_retired_version_names_the_setting(self, ledger: Ledger) -> None:
        gone = {"status": 426, "code": "NONEXISTENT_VERSION", "message": "not active"}
        step = replace(created(), status=426, headers={}, reply=gone)
        provider, _, _ = self.open(LinkedIn, ledger, [step])
        with pytest.raises(e.Rejected, match="no longer serves this version") as caught:
            provider.post(Post("hi"))
        assert "api_version" in caught.value.hint
        (unknown,) = ledger.db.execute(
            "select count(*) from calls where outcome = 'unknown'"
        ).fetchone()
        assert unknown == 0

    def test_the_version_is_a_setting(self, ledger: Ledger) -> None:
        step = replace(created(), header={"LinkedIn-Version": "202703"})
        options = {**self.options, "api_version": "202703"}
        provider, _, _ = self.open(LinkedIn, ledger, [step], options)
        assert provider.post(Post("hi")) == posted(SHARE)

    def test_a_duplicate_names_the_older_post(self, ledger: Ledger) -> None:
        step, _ = self.failures[0]
        provider, _, _ = self.open(LinkedIn, ledger, [replace(step, method="POST")])
        with pytest.raises(e.Duplicate, match=SHARE):
            provider.post(Post("hi"))

    def test_comments_of_a_self_serve_app(self, ledger: Ledger) -> None:
        """The root is public by then: the message must say what would let the rest through."""
        denied = "Not enough permissions to access: partnerApiSocialActions.CREATE.20260601"
        step = Wire("POST", COMMENTS, status=403,
                    reply={"status": 403, "code": "ACCESS_DENIED", "message": denied})  # fmt: skip
        provider, _, _ = self.open(LinkedIn, ledger, [step])
        with pytest.raises(e.Forbidden) as caught:
            provider.reply(Post("more", root=posted(SHARE)))
        assert "Community Management API" in caught.value.hint

    def test_comments_by_the_other_door(self, ledger: Ledger) -> None:
        step = Wire("POST", f"/v2/socialActions/{SHARE}/comments", status=201,
                    headers={"x-restli-id": COMMENT_ID})  # fmt: skip
        options = {**self.options, "comments_api": "v2"}
        provider, vendor, _ = self.open(LinkedIn, ledger, [step], options)
        assert provider.reply(Post("more", root=posted(SHARE))).id == COMMENT
        assert f"/v2/socialActions/{SHARE.replace(':', '%3A')}/comments" in vendor.requests[0].url

    def test_a_post_without_its_id_may_have_happened(self, ledger: Ledger) -> None:
        provider, _, _ = self.open(LinkedIn, ledger, [replace(created(), headers={})])
        with pytest.raises(e.OutcomeUnknown):
            provider.post(Post("hi"))

    # -- whether it happened -------------------------------------------------------------------

    def test_a_page_post_is_found(self, ledger: Ledger) -> None:
        text = "Version 2 (beta)\n\nis out #launch"
        step = replace(
            listing(listed("older", NOW - 900), listed(text, NOW - 2)),
            query={"q": "author", "author": AS_PAGE, "sortBy": "CREATED"},
            header={"X-RestLi-Method": "FINDER"},
        )
        assert self.settle(ledger, step, Post(text), **PAGE) == posted(SHARE)

    @pytest.mark.parametrize(
        "rows", [(), (listed("hi", NOW - 900),), (listed("hi", NOW - 2, UGC),)]
    )
    def test_absence_is_proven(self, ledger: Ledger, rows: tuple[dict[str, Any], ...]) -> None:
        """No item, an older one, one that belongs to another act."""
        assert self.settle(ledger, listing(*rows), Post("hi"), **PAGE) is None

    @pytest.mark.parametrize(
        "step",
        [
            listing(listed("hi, cut o", NOW - 2)),
            listing(*[listed("x", NOW - 900, f"urn:li:share:{n}") for n in range(10)], count=10),
        ],
    )
    def test_absence_is_not_guessed(self, ledger: Ledger, step: Wire) -> None:
        """An unknown item, which may be ours with its text changed; a list that is full."""
        with pytest.raises(e.Unsupported):
            self.settle(ledger, step, Post("hi"), **PAGE)

    def test_silence_is_no_proof(self, ledger: Ledger) -> None:
        with pytest.raises(e.UnexpectedReply):
            self.settle(ledger, Wire("GET", "/rest/posts", reply={}), Post("hi"), **PAGE)

    def test_a_missing_scope_is_no_proof(self, ledger: Ledger) -> None:
        with pytest.raises(e.Forbidden):
            self.settle(ledger, Wire("GET", "/rest/posts", status=403), Post("hi"), **PAGE)

    def test_posts_of_a_member_cannot_be_looked_up(self, ledger: Ledger) -> None:
        provider, vendor, _ = self.open(LinkedIn, ledger, [])
        with pytest.raises(e.Unsupported, match="member"):
            provider.settle(Post("hi"), NOW, frozenset())
        assert vendor.requests == []

    # -- numbers -------------------------------------------------------------------------------

    @pytest.mark.parametrize(("urn", "name"), [(SHARE, "share"), (UGC, "ugc")])
    def test_numbers_of_a_member(self, ledger: Ledger, urn: str, name: str) -> None:
        steps = self.examples[-1].wire
        provider, vendor, _ = self.open(LinkedIn, ledger, steps)
        list(provider.measure(urn))
        assert f"&entity=({name}:{urn.replace(':', '%3A')})&" in vendor.requests[0].query

    @pytest.mark.parametrize(("urn", "name"), [(SHARE, "shares"), (UGC, "ugcPosts")])
    def test_numbers_of_a_page(self, ledger: Ledger, urn: str, name: str) -> None:
        numbers = {"impressionCount": 1500, "clickCount": 60, "engagement": 0.0573}
        path = "/rest/organizationalEntityShareStatistics"
        step = Wire("GET", path, query={"organizationalEntity": AS_PAGE},
                    reply={"elements": [{"totalShareStatistics": numbers}]})  # fmt: skip
        provider, vendor, _ = self.open(LinkedIn, ledger, [step], {**self.options, **PAGE})
        assert list(provider.measure(urn)) == [Metric(n, float(v)) for n, v in numbers.items()]
        assert f"&{name}=List({urn.replace(':', '%3A')})" in vendor.requests[0].query

    # -- the login -----------------------------------------------------------------------------

    def test_login(self, cls: type[Provider]) -> None:
        (scheme,) = cls.spec.auth
        assert isinstance(scheme, OAuth2)
        assert not scheme.pkce  # only where LinkedIn switched it on for the app
        assert scheme.client_auth == "body"
        assert scheme.lifetime == 60 * DAY
        assert scheme.introspect_url.endswith("/introspectToken")
        for port in scheme.redirect_ports:
            assert str(port) in cls.spec.setup
