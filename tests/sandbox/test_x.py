"""X: what it takes, what it refuses, and in which words."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock, picture

ME = "1730000000000000001"
MP4 = b"\0\0\0\x18ftypmp42" + bytes(1000)


@pytest.fixture
def x(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with client(sandbox) as found:
        yield found


def client(sandbox: Sandbox, token: str = "sandbox-1") -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=f"{sandbox.url}/api.x.com", headers=headers, trust_env=False)


def posted(x: httpx.Client, text: str = "hello", **body: Any) -> str:
    reply = x.post("/2/tweets", json={"text": text, **body})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["data"]["id"])


def test_a_thread_is_written_and_read_back(x: httpx.Client) -> None:
    root = posted(x, "one https://example.com/a?b=1 & more")
    reply = posted(x, "two", reply={"in_reply_to_tweet_id": root})
    fields = "created_at,referenced_tweets,entities,public_metrics,conversation_id"
    page = x.get(f"/2/users/{ME}/tweets", params={"tweet.fields": fields}).json()
    assert [post["id"] for post in page["data"]] == [reply, root]
    newest, oldest = page["data"]
    assert newest["referenced_tweets"] == [{"type": "replied_to", "id": root}]
    assert newest["conversation_id"] == root
    assert "entities" not in newest
    link = oldest["entities"]["urls"][0]
    assert link["expanded_url"] == "https://example.com/a?b=1"
    assert oldest["text"][link["start"] : link["end"]] == link["url"]
    assert oldest["text"].endswith("&amp; more")
    assert oldest["public_metrics"]["reply_count"] == 1
    assert page["meta"] == {"result_count": 2, "newest_id": reply, "oldest_id": root}


def test_only_the_fields_that_are_asked_for(x: httpx.Client) -> None:
    root = posted(x)
    shown = x.get(f"/2/tweets/{root}").json()["data"]
    assert set(shown) == {"id", "text", "edit_history_tweet_ids"}


def test_pages_of_a_timeline(x: httpx.Client) -> None:
    made = [posted(x, f"post {n}") for n in range(12)]
    seen: list[str] = []
    token: str | None = ""
    while token is not None:
        query = {"max_results": "5"} | ({"pagination_token": token} if token else {})
        page = x.get(f"/2/users/{ME}/tweets", params=query).json()
        seen += [post["id"] for post in page["data"]]
        token = page["meta"].get("next_token")
    assert seen == made[::-1]
    since = x.get(f"/2/users/{ME}/tweets", params={"since_id": made[9]}).json()
    assert [post["id"] for post in since["data"]] == [made[11], made[10]]


def test_several_by_id_tell_what_is_missing(x: httpx.Client) -> None:
    root = posted(x)
    reply = x.get("/2/tweets", params={"ids": f"{root},1"})
    assert reply.status_code == 200
    assert [post["id"] for post in reply.json()["data"]] == [root]
    assert reply.json()["errors"][0]["type"].endswith("/resource-not-found")


def test_own_metrics_last_thirty_days(x: httpx.Client, clock: Clock) -> None:
    root = posted(x)
    query = {"tweet.fields": "non_public_metrics,public_metrics"}
    assert "non_public_metrics" in x.get(f"/2/tweets/{root}", params=query).json()["data"]
    clock.sleep(31 * 86400)
    answer = x.get(f"/2/tweets/{root}", params=query).json()
    assert "non_public_metrics" not in answer["data"]
    assert "public_metrics" in answer["data"]
    assert answer["errors"][0]["type"].endswith("/not-authorized-for-field")


def test_the_same_text_twice_is_forbidden(x: httpx.Client) -> None:
    first = posted(x, "again")
    reply = x.post("/2/tweets", json={"text": "again"})
    assert reply.status_code == 403
    assert reply.json() == {
        "detail": "You are not allowed to create a Tweet with duplicate content.",
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
    }
    assert x.delete(f"/2/tweets/{first}").json() == {"data": {"deleted": True}}
    posted(x, "again")


def test_a_reply_needs_its_parent(x: httpx.Client) -> None:
    for parent, status in (("1", 403), ("abc", 400), (5, 400)):
        body = {"text": "hi", "reply": {"in_reply_to_tweet_id": parent}}
        assert x.post("/2/tweets", json=body).status_code == status


@pytest.mark.parametrize(
    ("text", "status"),
    [("a" * 280, 201), ("a" * 281, 400), ("漢" * 140, 201), ("漢" * 141, 400),
     ("https://example.com/" + "a" * 400, 201), ("", 400), (None, 400)],
)  # fmt: skip
def test_length_is_weighted(x: httpx.Client, text: str | None, status: int) -> None:
    assert x.post("/2/tweets", json={"text": text}).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"text": "a", "txt": 1},
        {"text": "a", "media": {"media_ids": ["1"]}},
        {"text": "a", "media": {"media_ids": []}},
        {"text": "a", "media": ["1"]},
        {"text": "a", "reply": "x"},
        {"text": "a", "poll": {"options": ["x"], "duration_minutes": 60}},
        {"text": "a", "poll": {"options": ["x", "y" * 26], "duration_minutes": 60}},
        {"text": "a", "poll": {"options": ["x", "y"], "duration_minutes": 4}},
        {"text": "a", "poll": {}, "media": {}},
    ],
)
def test_a_malformed_post_is_an_invalid_request(x: httpx.Client, body: dict[str, Any]) -> None:
    reply = x.post("/2/tweets", json=body)
    assert reply.status_code == 400
    assert reply.json()["title"] == "Invalid Request"


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_an_invalid_request(x: httpx.Client, body: bytes) -> None:
    assert x.post("/2/tweets", content=body).status_code == 400


def one_shot(x: httpx.Client, data: bytes, category: str = "tweet_image") -> httpx.Response:
    return x.post("/2/media/upload", data={"media_category": category}, files={"media": data})


def test_a_picture_with_alt_text(x: httpx.Client, sandbox: Sandbox) -> None:
    id = one_shot(x, picture()).json()["data"]["id"]
    body = {"id": id, "metadata": {"alt_text": {"text": "a blue square"}}}
    assert x.post("/2/media/metadata", json=body).status_code == 200
    posted(x, "look", media={"media_ids": [id]})
    item = httpx.get(f"{sandbox.url}/_inbox", trust_env=False).json()[0]
    assert item["media"][0]["alt"] == "a blue square"
    assert item["media"][0]["size"] == len(picture())


def test_base64_in_json_is_taken_too(x: httpx.Client) -> None:
    body = {"media": base64.b64encode(picture()).decode(), "media_category": "tweet_image"}
    assert x.post("/2/media/upload", json=body).status_code == 200


def test_a_picture_over_five_megabytes_is_refused(x: httpx.Client) -> None:
    assert one_shot(x, picture() + bytes(5 << 20)).status_code == 400
    assert one_shot(x, b"not a picture").status_code == 400


def chunked(x: httpx.Client, data: bytes, total: int | None = None) -> tuple[str, httpx.Response]:
    body = {"media_type": "video/mp4", "media_category": "tweet_video",
            "total_bytes": total or len(data)}  # fmt: skip
    id = x.post("/2/media/upload/initialize", json=body).json()["data"]["id"]
    for number, start in enumerate(range(0, len(data), 400)):
        part = {"media": data[start : start + 400]}
        url = f"/2/media/upload/{id}/append"
        reply = x.post(url, data={"segment_index": number}, files=part)
        assert reply.status_code == 200, reply.text
    return id, x.post(f"/2/media/upload/{id}/finalize")


def test_a_video_is_processed_before_it_can_be_posted(x: httpx.Client) -> None:
    id, final = chunked(x, MP4)
    assert final.json()["data"]["processing_info"]["state"] == "pending"
    body = {"text": "watch", "media": {"media_ids": [id]}}
    assert x.post("/2/tweets", json=body).status_code == 400
    query = {"command": "STATUS", "media_id": id}
    states = [x.get("/2/media/upload", params=query).json()["data"]["processing_info"]
              for _ in range(2)]  # fmt: skip
    assert [info["state"] for info in states] == ["in_progress", "succeeded"]
    assert states[0]["check_after_secs"] == 1
    assert x.post("/2/tweets", json=body).status_code == 201


def test_segments_must_add_up(x: httpx.Client) -> None:
    assert chunked(x, MP4, total=len(MP4) + 1)[1].status_code == 400


@pytest.mark.parametrize(
    ("scopes", "path", "status"),
    [
        ("tweet.read,users.read", "/2/tweets", 403),
        ("tweet.read,users.read,tweet.write", "/2/tweets", 201),
        ("tweet.read,users.read,tweet.write", "/2/media/upload/initialize", 403),
        ("media.write", "/2/media/upload/initialize", 200),
    ],
)
def test_scopes_are_enforced(sandbox: Sandbox, scopes: str, path: str, status: int) -> None:
    body = {"text": "hi"} if path == "/2/tweets" else {
        "media_type": "image/png", "media_category": "tweet_image", "total_bytes": 9}  # fmt: skip
    with client(sandbox, f"sandbox-{scopes}") as x:
        assert x.post(path, json=body).status_code == status


@pytest.mark.parametrize("token", ["", "AAAAAAAAAAAAAAAAAAAAAMLheAAAAAAA0%2BuSeid", "null"])
def test_a_real_token_is_refused(sandbox: Sandbox, token: str) -> None:
    with client(sandbox, token) as x:
        reply = x.get("/2/users/me")
    assert reply.status_code == 401
    assert reply.json() == {"title": "Unauthorized", "type": "about:blank", "status": 401,
                            "detail": "Unauthorized"}  # fmt: skip


def test_the_window_closes_and_opens_again(serve: Callable[..., Sandbox], clock: Clock) -> None:
    with client(serve(limits={"GET /2/users/me": 2})) as x:
        first = x.get("/2/users/me")
        assert first.headers["x-rate-limit-limit"] == "2"
        assert first.headers["x-rate-limit-remaining"] == "1"
        assert int(first.headers["x-rate-limit-reset"]) == clock.now + 900
        codes = [x.get("/2/users/me").status_code for _ in range(2)]
        assert codes == [200, 429]
        clock.sleep(900)
        assert x.get("/2/users/me").status_code == 200
