"""
Another X, made of the standard library and written from X's documents alone.

It answers in ways that X may and the sandbox does not: more fields than asked for, headers in
other case, chunked bodies, a connection for every call. https://docs.x.com/x-api/ (2026-09)
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ME = "2244994945"
NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass
class Tweet:
    """One post; ``created`` is epoch seconds."""

    id: str
    text: str
    parent: str
    media: tuple[str, ...]
    created: float

    def shown(self) -> dict[str, Any]:
        links = re.findall(r"https?://\S+", self.text)
        text, urls = self.text, []
        for number, link in enumerate(links):
            short = f"https://t.co/{self.id}{number}"
            text = text.replace(link, short)
            urls.append({"url": short, "expanded_url": link, "start": 0, "end": 23})
        answers = [{"type": "replied_to", "id": self.parent}] if self.parent else []
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {
            "id": self.id,
            "edit_history_tweet_ids": [self.id],
            "text": escaped,
            **({"referenced_tweets": answers} if answers else {}),
            **({"entities": {"urls": urls}} if urls else {}),
        }


@dataclass
class OtherX:
    """What X knows. ``delay`` is how long it thinks before it publishes, in seconds."""

    url: str = ""
    token: str = "whatever"
    delay: float = 0.0
    tweets: list[Tweet] = field(default_factory=list)
    media: dict[str, dict[int, bytes]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    alt: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    serial: int = 1_700_000_000_000_000_000

    def number(self) -> str:
        self.serial += 7
        return str(self.serial)


class Refused(Exception):
    """The answer is a problem document (RFC 9457), as X writes them."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"title": title, "detail": detail, "type": "about:blank", "status": status}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    x: OtherX

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        try:
            if self.headers.get("authorization") != f"Bearer {self.x.token}":
                raise Refused(401, "Unauthorized", "Unauthorized")
            status, answer = self._route(method, parts.path, parse_qs(parts.query), body)
        except Refused as no:
            status, answer = no.status, no.body
            self.x.failures.append(f"{method} {parts.path}: {no}")
        try:
            self._reply(status, answer)
        except OSError:  # the caller was killed
            self.close_connection = True

    def _reply(self, status: int, answer: Mapping[str, Any]) -> None:
        data = json.dumps(answer, indent=2).encode()
        self.send_response(status)
        self.send_header("content-TYPE", "application/json;charset=UTF-8")
        self.send_header("X-Rate-Limit-Limit", "100000")
        self.send_header("X-RATE-LIMIT-REMAINING", "99998")
        self.send_header("x-rate-limit-reset", str(int(time.time()) + 900))
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for start in range(0, len(data), 37):
            piece = data[start : start + 37]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _route(
        self, method: str, path: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        match method, path.split("/")[1:]:
            case "GET", ["2", "users", "me"]:
                return 200, {"data": {"id": ME, "name": "Other", "username": "other"}}
            case "GET", ["2", "users", who, "tweets"] if who == ME:
                return 200, self._timeline(query)
            case "POST", ["2", "tweets"]:
                return 201, self._create(self._json(body))
            case "POST", ["2", "media", "metadata"]:
                return 200, self._describe(self._json(body))
            case "POST", ["2", "media", "upload", *rest]:
                return 200, self._upload(rest, body)
        raise Refused(404, "Not Found", "Not Found")

    def _json(self, body: bytes) -> dict[str, Any]:
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise Refused(400, "Invalid Request", "The content type is not application/json")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise Refused(400, "Invalid Request", "One or more parameters is invalid.")
        return found

    def _timeline(self, query: dict[str, list[str]]) -> dict[str, Any]:
        since = query.get("start_time", ["1970-01-01T00:00:00Z"])[0]
        found = [
            tweet.shown()
            for tweet in reversed(self.x.tweets)
            if time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(tweet.created)) >= since
        ]
        return {**({"data": found} if found else {}), "meta": {"result_count": len(found)}}

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        if unknown := asked.keys() - {"text", "reply", "media"}:
            raise Refused(400, "Invalid Request", f"unknown: {sorted(unknown)}")
        text, reply, media = asked.get("text", ""), asked.get("reply"), asked.get("media")
        ids = tuple(media["media_ids"]) if media else ()
        parent = reply["in_reply_to_tweet_id"] if reply else ""
        if not text and not ids:
            raise Refused(400, "Invalid Request", "The tweet has neither text nor media.")
        if parent and parent not in {tweet.id for tweet in self.x.tweets}:
            raise Refused(400, "Invalid Request", "the tweet replied to is deleted or not visible")
        if any(NUMBER.fullmatch(id) is None or not self._whole(id) for id in ids):
            raise Refused(400, "Invalid Request", "Your media IDs are invalid.")
        if any((tweet.text, tweet.parent) == (text, parent) for tweet in self.x.tweets):
            raise Refused(
                403, "Forbidden", "You are not allowed to create a Tweet with duplicate content."
            )
        time.sleep(self.x.delay)
        tweet = Tweet(self.x.number(), text, parent, ids, time.time())
        self.x.tweets.append(tweet)
        return {"data": {**tweet.shown(), "author_id": ME}, "includes": {"users": []}}

    def _upload(self, rest: list[str], body: bytes) -> dict[str, Any]:
        match rest:
            case ["initialize"]:
                asked = self._json(body)
                id = self.x.number()
                self.x.media[id], self.x.sizes[id] = {}, int(asked["total_bytes"])
                return {"data": {"id": id, "media_key": f"3_{id}", "expires_after_secs": 86400}}
            case [id, "append"] if id in self.x.media:
                form = self._multipart(body)
                self.x.media[id][int(form["segment_index"])] = form["media"]
                return {"data": {"expires_at": int(time.time()) + 86400}}
            case [id, "finalize"] if self._whole(id):
                return {"data": {"id": id, "media_key": f"3_{id}", "size": self.x.sizes[id]}}
        raise Refused(400, "Invalid Request", "media: no such id, or not complete")

    def _multipart(self, body: bytes) -> dict[str, bytes]:
        head = b"Content-Type: " + self.headers["content-type"].encode() + b"\r\n\r\n"
        form = BytesParser(policy=HTTP).parsebytes(head + body)
        found: dict[str, bytes] = {}
        for part in form.iter_parts():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            found[str(part.get_param("name", header="content-disposition"))] = data
        return found

    def _whole(self, id: str) -> bool:
        segments = self.x.media.get(id, {})
        return bool(segments) and sum(map(len, segments.values())) == self.x.sizes[id]

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.x.alt[asked["id"]] = asked["metadata"]["alt_text"]["text"]
        return {"data": {"id": asked["id"], "associated_metadata": asked["metadata"]}}


@contextmanager
def other_x() -> Iterator[OtherX]:
    """Run it on a free port; one call after another, as it has one thread."""
    x = OtherX()
    handler = type("Bound", (Handler,), {"x": x})
    server = HTTPServer(("127.0.0.1", 0), handler)
    x.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield x
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
