"""Sharing files in Slack. Part of the vendor file beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..http.client import Calls
from ..http.request import Made, Slice
from ..model import Media, Posted
from ..spec import Endpoint
from ._slack_find import Place

SHARE = Endpoint("share", "POST", "/files.completeUploadExternal", bucket="message")
# A file is unseen until it is shared, so that the steps before may be sent again.
SLOT = Endpoint("slot", "POST", "/files.getUploadURLExternal", True, "tier 4")
UPLOAD = Endpoint("upload", "POST", "", True, timeout=300.0, answers_text=True)


def of(media: Sequence[Media]) -> list[tuple[Slice | Made, str]]:
    """Return files of the disk, each with what it is called for screen readers."""
    return [(Slice.of(file), file.alt) for file in media]


def share(
    client: Calls, where: Place, files: Sequence[tuple[Slice | Made, str]], body: Mapping[str, Any]
) -> Posted:
    """Upload files and share them in one message; ``body`` is what else is said about it."""
    held = [_upload(client, file, alt) for file, alt in files]
    told = {"files": held, "channel_id": where.channel, **where.below, **body}
    done = client.call(SHARE, json=told)
    id = done.need("files.0.id")
    ref = {"channel": where.channel, "thread": where.thread, "file": id}
    return Posted(id, done.get("files.0.permalink") or "", ref)


def _upload(client: Calls, file: Slice | Made, alt: str) -> dict[str, str]:
    form = {"filename": file.filename, "length": str(file.length)}
    slot = client.call(SLOT, form={**form, **({"alt_txt": alt} if alt else {})})
    client.call(UPLOAD, url=slot.need("upload_url"), raw=file)
    return {"id": slot.need("file_id"), "title": file.filename}
