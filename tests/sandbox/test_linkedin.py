"""LinkedIn: what it takes, what it refuses, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mktool.sandbox.server import Sandbox
from mktool.sandbox.vendors.linkedin.littletext import parse

from .conftest import picture

ME = "urn:li:person:sandbox01"
PAGE = "urn:li:organization:1001"
HEADERS = {"linkedin-version": "202609", "x-restli-protocol-version": "2.0.0"}


def client(sandbox: Sandbox, token: str = "sandbox-1", **headers: str) -> httpx.Client:
    every = {"authorization": f"Bearer {token}" if token else ""} | HEADERS | headers
    every = {name: value for name, value in every.items() if value}
    return httpx.Client(base_url=f"{sandbox.url}/api.linkedin.com", headers=every, trust_env=False)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with client(sandbox) as found:
        yield found


def body(commentary: str = "hello", author: str = ME, **more: Any) -> dict[str, Any]:
    spread = {"feedDistribution": "MAIN_FEED", "targetEntities": [],
              "thirdPartyDistributionChannels": []}  # fmt: skip
    return {"author": author, "commentary": commentary, "visibility": "PUBLIC",
            "distribution": spread, "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False, **more}  # fmt: skip


def posted(api: httpx.Client, *args: Any, **more: Any) -> str:
    reply = api.post("/rest/posts", json=body(*args, **more))
    assert reply.status_code == 201, reply.text
    assert reply.content == b""
    return reply.headers["x-restli-id"]


def inbox(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{sandbox.url}/_inbox", trust_env=False).json()
    return found


def image(api: httpx.Client, owner: str = ME, data: bytes | None = None) -> str:
    asked = {"initializeUploadRequest": {"owner": owner}}
    value = api.post("/rest/images?action=initializeUpload", json=asked).json()["value"]
    httpx.put(value["uploadUrl"], content=data or picture(), trust_env=False).raise_for_status()
    return str(value["image"])


def test_a_post_of_a_page_is_written_read_edited_and_deleted(api: httpx.Client) -> None:
    urn = posted(api, "hello", PAGE)
    path = f"/rest/posts/{quote(urn, safe='')}"
    assert api.get(path).json()["commentary"] == "hello"
    patch = {"patch": {"$set": {"commentary": "mended"}}}
    assert api.post(path, json=patch).status_code == 400
    method = {"x-restli-method": "PARTIAL_UPDATE"}
    assert api.post(path, json=patch, headers=method).status_code == 204
    page = api.get(f"/rest/posts?q=author&author={quote(PAGE, safe='')}&count=10").json()
    assert [(p["id"], p["commentary"]) for p in page["elements"]] == [(urn, "mended")]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_a_members_posts_cannot_be_listed(api: httpx.Client) -> None:
    urn = posted(api)
    listing = api.get(f"/rest/posts?q=author&author={quote(ME, safe='')}")
    assert listing.status_code == 403
    assert listing.json()["code"] == "ACCESS_DENIED"
    assert api.get(f"/rest/posts/{quote(urn, safe='')}").status_code == 403


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"linkedin-version": ""}, 400, "VERSION_MISSING"),
        ({"linkedin-version": "202401"}, 426, "NONEXISTENT_VERSION"),
        ({"linkedin-version": "209901"}, 426, "NONEXISTENT_VERSION"),
        ({"linkedin-version": "2026-09"}, 426, "NONEXISTENT_VERSION"),
        ({"x-restli-protocol-version": ""}, 400, None),
    ],
)
def test_versions_are_required(
    sandbox: Sandbox, headers: dict[str, str], status: int, code: str | None
) -> None:
    with client(sandbox, **headers) as api:
        reply = api.post("/rest/posts", json=body())
    assert (reply.status_code, reply.json().get("code")) == (status, code)


def test_a_urn_in_a_path_is_percent_encoded(api: httpx.Client) -> None:
    urn = posted(api, "hello", PAGE)
    reply = api.get(f"/rest/posts/{urn}")
    assert (reply.status_code, reply.json()["message"]) == (
        400,
        "Syntax exception in path variables",
    )


@pytest.mark.parametrize(
    ("written", "kept", "seen"),
    [
        ("plain, text!", "plain, text!", "plain, text!"),
        ("we shipped (finally)", "we shipped ", "we shipped "),
        (r"we shipped \(finally\)", r"we shipped \(finally\)", "we shipped (finally)"),
        ("snake_case", "snake", "snake"),
        (r"a \\ b", r"a \\ b", "a \\ b"),
        ("50% #launch now", "50% #launch now", "50% #launch now"),
        ("a # b", "a ", "a "),
        (r"{hashtag|\#|launch} day", r"{hashtag|\#|launch} day", "#launch day"),
        (
            "hi @[Acme](urn:li:organization:1001)",
            "hi @[Acme](urn:li:organization:1001)",
            "hi @Acme",
        ),
        ("mail me@acme.example", "mail me", "mail me"),
        ("ends \\", "ends ", "ends "),
    ],
)
def test_little_text_is_cut_where_it_is_not_escaped(written: str, kept: str, seen: str) -> None:
    assert parse(written) == (kept, seen)


def test_a_cut_is_silent_to_the_client_and_told_in_the_inbox(
    api: httpx.Client, sandbox: Sandbox
) -> None:
    posted(api, "we shipped (finally)")
    item = inbox(sandbox)[0]
    assert item["text"] == "we shipped "
    assert item["extra"] == {"cut off:": "(finally)"}


def test_the_same_text_twice_is_a_duplicate(api: httpx.Client) -> None:
    urn = posted(api)
    reply = api.post("/rest/posts", json=body())
    assert reply.status_code == 422
    assert reply.json()["message"].endswith(f"Content is a duplicate of {urn}")
    assert reply.json()["errorDetails"]["inputErrors"][0]["code"] == "DUPLICATE_POST"
    posted(api, "hello", PAGE)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"visibility": None}, "/visibility"),
        ({"visibility": "ALL"}, "/visibility"),
        ({"lifecycleState": "LIVE"}, "/lifecycleState"),
        ({"distribution": {}}, "/distribution/feedDistribution"),
        ({"commentary": "a" * 3001}, "/commentary"),
        ({"commentary": 5}, "/commentary"),
        ({"text": "a"}, "/text"),
        ({"content": {}}, "/content"),
        ({"content": {"carousel": {}}}, "/content/carousel"),
        ({"content": {"multiImage": {"images": [{}]}}}, "/content/multiImage/images"),
        ({"content": {"article": {"source": "acme", "title": "a"}}}, "/content/article/source"),
        ({"content": {"article": {"source": "https://a.example"}}}, "/content/article/title"),
    ],
)
def test_a_body_that_does_not_fit_is_unprocessable(
    api: httpx.Client, change: dict[str, Any], field: str
) -> None:
    sent = {name: value for name, value in (body() | change).items() if value is not None}
    reply = api.post("/rest/posts", json=sent)
    assert reply.status_code == 422
    assert reply.json()["message"].startswith(f"ERROR :: {field} :: ")


@pytest.mark.parametrize("author", ["urn:li:person:other", "urn:li:organization:404", 5, ""])
def test_nobody_posts_as_somebody_else(api: httpx.Client, author: object) -> None:
    reply = api.post("/rest/posts", json=body() | {"author": author})
    assert (reply.status_code, reply.json()["code"]) == (403, "ACCESS_DENIED")


def test_a_page_needs_its_own_scope(sandbox: Sandbox) -> None:
    with client(sandbox, "sandbox-w_member_social") as api:
        posted(api)
        reply = api.post("/rest/posts", json=body("hi", PAGE))
    assert reply.json()["message"].startswith("Organization permissions must be used")


def test_pictures(api: httpx.Client, sandbox: Sandbox) -> None:
    one, two = image(api), image(api, data=picture(5))
    share = posted(api, "one", content={"media": {"id": one, "altText": "first"}})
    several = {"images": [{"id": one, "altText": "a"}, {"id": two, "altText": "b"}]}
    ugc = posted(api, "two", content={"multiImage": several})
    assert share.startswith("urn:li:share:")
    assert ugc.startswith("urn:li:ugcPost:")
    assert [[m["alt"] for m in item["media"]] for item in inbox(sandbox)] == [["first"], ["a", "b"]]


def test_a_picture_must_be_there_and_ones_own(api: httpx.Client) -> None:
    asked = {"initializeUploadRequest": {"owner": ME}}
    value = api.post("/rest/images?action=initializeUpload", json=asked).json()["value"]
    for urn, author, status in (
        (value["image"], ME, 400),
        ("urn:li:image:none", ME, 400),
        (image(api, PAGE), ME, 403),
        (image(api, PAGE), PAGE, 201),
    ):
        reply = api.post("/rest/posts", json=body("x", author, content={"media": {"id": urn}}))
        assert reply.status_code == status
    assert httpx.put(value["uploadUrl"], content=b"text", trust_env=False).status_code == 400


def comment(
    api: httpx.Client, root: str, urn: str, text: str = "first!", **more: str
) -> httpx.Response:
    sent = {"actor": ME, "object": urn, "message": {"text": text}, **more}
    return api.post(f"/{root}/socialActions/{quote(urn, safe='')}/comments", json=sent)


def test_comments_and_answers_to_them(api: httpx.Client, sandbox: Sandbox) -> None:
    urn = posted(api)
    first = comment(api, "rest", urn)
    assert first.status_code == 201
    assert first.headers["x-restli-id"] == first.json()["id"]
    parent = first.json()["commentUrn"]
    assert comment(api, "rest", urn, "second", parentComment=parent).status_code == 201
    listing = api.get(f"/rest/socialActions/{quote(urn, safe='')}/comments").json()
    assert [c["message"]["text"] for c in listing["elements"]] == ["first!", "second"]
    assert [item["parent"] for item in inbox(sandbox)] == ["", urn, parent]
    assert comment(api, "rest", urn, "x" * 1251).status_code == 422
    assert comment(api, "rest", "urn:li:share:1").status_code == 404


def test_a_self_serve_member_comments_through_v2(sandbox: Sandbox) -> None:
    with client(sandbox, "sandbox-w_member_social") as api:
        urn = posted(api)
        refused = comment(api, "rest", urn)
        assert refused.status_code == 403
        assert "partnerApiSocialActions.CREATE" in refused.json()["message"]
        assert comment(api, "v2", urn).status_code == 201


def test_figures_of_a_members_post(api: httpx.Client, sandbox: Sandbox) -> None:
    urn = posted(api)
    query = f"q=entity&entity=(share:{quote(urn, safe='')})&aggregation=TOTAL"
    path = f"/rest/memberCreatorPostAnalytics?{query}"
    new = api.get(f"{path}&queryType=IMPRESSION").json()["elements"][0]
    assert new["metricType"] == "IMPRESSION"
    assert new["targetEntity"] == {"share": urn}
    with client(sandbox, **{"linkedin-version": "202603"}) as older:
        old = older.get(f"{path}&queryType=IMPRESSION").json()["elements"][0]
    assert list(old["metricType"].values()) == ["IMPRESSION"]
    assert old["count"] == new["count"] > 0
    assert api.get(f"{path}&queryType=LIKES").status_code == 400
    daily = path.replace("TOTAL", "DAILY")
    assert api.get(f"{daily}&queryType=REACTION").status_code == 400


def test_pages_and_their_figures(api: httpx.Client) -> None:
    query = "q=roleAssignee&role=ADMINISTRATOR&state=APPROVED"
    roles = api.get(f"/rest/organizationAcls?{query}").json()["elements"]
    assert [role["organization"] for role in roles] == [PAGE]
    assert api.get("/rest/organizations/1001").json()["localizedName"] == "Sandbox Inc."
    urns = [posted(api, text, PAGE) for text in ("a", "b")]
    path = "/rest/organizationalEntityShareStatistics?q=organizationalEntity"
    path += f"&organizationalEntity={quote(PAGE, safe='')}"
    listed = ",".join(quote(urn, safe="") for urn in urns)
    each = api.get(f"{path}&shares=List({listed})").json()["elements"]
    assert [element["share"] for element in each] == urns
    whole = api.get(path).json()["elements"][0]["totalShareStatistics"]
    parts = [element["totalShareStatistics"]["impressionCount"] for element in each]
    assert whole["impressionCount"] == sum(parts) > 0


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "EMPTY_ACCESS_TOKEN"), ("AQVreal", "INVALID_ACCESS_TOKEN")],
)
def test_a_real_token_is_refused(sandbox: Sandbox, token: str, code: str) -> None:
    with client(sandbox, token) as api:
        reply = api.get("/v2/userinfo")
    assert (reply.status_code, reply.json()["code"]) == (401, code)


def test_who_am_i_follows_the_scopes(sandbox: Sandbox) -> None:
    with client(sandbox, "sandbox-openid") as api:
        assert api.get("/v2/userinfo").json() == {"sub": "sandbox01"}
    with client(sandbox, "sandbox-w_member_social") as api:
        assert api.get("/v2/userinfo").status_code == 403
