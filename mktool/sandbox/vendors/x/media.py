"""Media uploads of X, in chunks or at once (https://docs.x.com/x-api/media, read 2026-11)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...vendor import on, text_of, whole
from ...wire import Call, Refusal, Reply, Upload
from ...world import World
from .desk import Desk, invalid


class Kind(NamedTuple):
    """A media category: its largest size in bytes, and how many fit into one post."""

    prefix: str
    largest: int
    at_most: int
    slow: bool


KINDS = {
    "tweet_image": Kind("image/", 5 << 20, 4, False),
    "tweet_gif": Kind("image/gif", 15 << 20, 1, True),
    "tweet_video": Kind("video/", 512 << 20, 1, True),
}


@dataclass(slots=True)
class Media:
    """An upload: chunks by segment, then the whole; ``asked`` counts the looks at its state."""

    id: str
    mime: str
    category: str
    total: int
    chunks: dict[int, bytes] = field(default_factory=dict)
    data: bytes = b""
    final: bool = False
    asked: int = 0
    alt: str = ""

    @property
    def ready(self) -> bool:
        return self.final and (not KINDS[self.category].slow or self.asked >= 2)

    def state(self) -> dict[str, object]:
        """Return the upload as the API shows it."""
        shown: dict[str, object] = {"id": self.id, "media_key": f"3_{self.id}", "size": self.total,
                                    "expires_after_secs": 86400}  # fmt: skip
        if KINDS[self.category].slow and self.final:
            shown["processing_info"] = (
                {"state": "succeeded", "progress_percent": 100}
                if self.ready
                else {"state": "in_progress" if self.asked else "pending", "check_after_secs": 1,
                      "progress_percent": 50 * self.asked}
            )  # fmt: skip
        return shown


class Uploads(Desk):
    """Keeps what was uploaded until a post takes it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._media: dict[str, Media] = {}

    @on("POST", "api.x.com/2/media/upload/initialize")
    def initialize(self, call: Call) -> Reply:
        headers = self.admit(call, "POST /2/media/upload/chunks", "media.write")
        body = call.object() or {}
        size = body.get("total_bytes")
        if not isinstance(size, int) or size < 1:
            raise Refusal(invalid("total_bytes", "must be a positive number"))
        media = self._new(text_of(body, "media_type"), text_of(body, "media_category"), size)
        return Reply(json={"data": media.state()}, headers=headers)

    @on("POST", "api.x.com/2/media/upload/{id}/append")
    def append(self, call: Call) -> Reply:
        headers = self.admit(call, "POST /2/media/upload/chunks", "media.write")
        media = self._upload(call.params["id"])
        chunk, fields = _part(call)
        segment = whole(str(fields.get("segment_index", "")))
        if chunk is None or segment is None or segment > 999 or media.final:
            raise Refusal(invalid("segment_index", "media and segment_index 0-999 are required"))
        media.chunks[segment] = chunk.data
        return Reply(json={"data": {"expires_at": round(call.now) + 86400}}, headers=headers)

    @on("POST", "api.x.com/2/media/upload/{id}/finalize")
    def finalize(self, call: Call) -> Reply:
        headers = self.admit(call, "POST /2/media/upload/chunks", "media.write")
        media = self._upload(call.params["id"])
        media.data = b"".join(data for _, data in sorted(media.chunks.items()))
        gaps = sorted(media.chunks) != list(range(len(media.chunks)))
        if len(media.data) != media.total or gaps:
            raise Refusal(invalid("id", "The segments do not add up to total_bytes."))
        media.final = True
        media.chunks.clear()
        return Reply(json={"data": media.state()}, headers=headers)

    @on("GET", "api.x.com/2/media/upload")
    def status(self, call: Call) -> Reply:
        headers = self.admit(call, "GET /2/media/upload", "media.write")
        media = self._upload(call.query.get("media_id", ""))
        media.asked += 1
        return Reply(json={"data": media.state()}, headers=headers)

    @on("POST", "api.x.com/2/media/upload")
    def upload(self, call: Call) -> Reply:
        headers = self.admit(call, "POST /2/media/upload", "media.write")
        chunk, fields = _part(call)
        category = str(fields.get("media_category", ""))
        if chunk is None or category != "tweet_image":
            raise Refusal(invalid("media_category", "media and media_category are required"))
        media = self._new(_sniffed(chunk.data), category, len(chunk.data))
        media.data, media.final = chunk.data, True
        return Reply(json={"data": media.state()}, headers=headers)

    @on("POST", "api.x.com/2/media/metadata")
    def metadata(self, call: Call) -> Reply:
        headers = self.admit(call, "POST /2/media/metadata", "media.write")
        body = call.object() or {}
        media = self._upload(text_of(body, "id"))
        try:
            alt = body["metadata"]["alt_text"]["text"]
        except (KeyError, TypeError):
            alt = None
        if not isinstance(alt, str) or not 1 <= len(alt) <= 1000:
            raise Refusal(invalid("metadata", "alt_text.text must hold 1 to 1000 characters"))
        media.alt = alt
        data = {"id": media.id, "associated_metadata": {"alt_text": {"text": alt}}}
        return Reply(json={"data": data}, headers=headers)

    def _attached(self, body: dict[str, Any]) -> list[Media]:
        if body.get("media") is None:
            return []
        ids = body["media"].get("media_ids") if isinstance(body["media"], dict) else None
        if not isinstance(ids, list) or not 1 <= len(ids) <= 4:
            raise Refusal(invalid("media.media_ids", "size must be between 1 and 4"))
        found = [self._media.get(id) for id in ids if isinstance(id, str)]
        media = [m for m in found if m is not None and m.ready]
        if len(media) != len(ids):
            raise Refusal(invalid("media.media_ids", "Your media IDs are invalid."))
        if any(len(media) > KINDS[m.category].at_most for m in media):
            raise Refusal(invalid("media.media_ids", "4 photos, or 1 GIF, or 1 video"))
        return media

    def _new(self, mime: str, category: str, size: int) -> Media:
        kind = KINDS.get(category)
        if kind is None or not mime.startswith(kind.prefix):
            raise Refusal(invalid("media_category", f"{category} does not take {mime}"))
        if size > kind.largest:
            raise Refusal(invalid("total_bytes", f"must not exceed {kind.largest}"))
        media = Media(str(1800000000000000000 + self.world.number()), mime, category, size)
        self._media[media.id] = media
        return media

    def _upload(self, id: str) -> Media:
        media = self._media.get(id)
        if media is None:
            raise Refusal(invalid("id", f"no upload with id {id}"))
        return media


def _part(call: Call) -> tuple[Upload | None, Mapping[str, Any]]:
    """Return the media of an upload, from a multipart form or as base64 in JSON."""
    if "media" in call.files:
        return call.files["media"], call.form
    body = call.object() or {}
    try:
        data = base64.b64decode(text_of(body, "media"), validate=True)
    except ValueError:
        data = b""
    return (Upload("", "", data) if data else None), body


def _sniffed(data: bytes) -> str:
    """Return the media type that the first bytes show, "" for none that is taken."""
    marks = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif"}
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for mark, mime in marks.items() if data.startswith(mark)), "")
