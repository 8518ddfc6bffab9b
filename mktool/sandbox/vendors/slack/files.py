"""Files of Slack, in three steps: https://docs.slack.dev/messaging/working-with-files (2026-11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import Any

from ...inbox import Attachment
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .chat import Chat
from .desk import USER, failure

LARGEST_ALT = 1000  # characters


@dataclass(slots=True)
class File:
    """A file that was announced; ``data`` comes with the upload."""

    id: str
    name: str
    size: int
    alt: str
    data: bytes | None = None
    shown: dict[str, Any] = field(default_factory=dict)
    channel: str = ""


class Files(Chat):
    """Uploads files and shares them."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._files: dict[str, File] = {}
        self._done: dict[str, File] = {}

    @on("GET", "slack.com/api/files.getUploadURLExternal")
    @on("POST", "slack.com/api/files.getUploadURLExternal")
    def announce(self, call: Call) -> Reply:
        ask = self.admit(call, "files:write", form_only=True)
        name, size, alt = ask.text("filename"), whole(ask.text("length")), ask.text("alt_txt")
        if not name or not size:
            raise Refusal(failure("missing_argument"))
        if len(alt) > LARGEST_ALT:
            raise Refusal(failure("alt_txt_too_large"))
        file = File(f"F0{self.world.number():08d}", name, size, alt)
        self._files[file.id] = file
        url = f"{call.base}/files.slack.com/upload/v1/{file.id}"
        return ask.reply(upload_url=url, file_id=file.id)

    @on("POST", "files.slack.com/upload/v1/{id}")
    def upload(self, call: Call) -> Reply:
        file = self._files.get(call.params["id"])
        sent = next(iter(call.files.values())).data if call.files else call.body
        if file is None or len(sent) != file.size:
            return Reply(400 if file else 404, body=b"upload failed", mime="text/plain")
        file.data = sent
        return Reply(body=f"OK - {file.size}".encode(), mime="text/plain")

    @on("POST", "slack.com/api/files.completeUploadExternal")
    def complete(self, call: Call) -> Reply:
        ask = self.admit(call, "files:write")
        asked = ask.structure("files", "invalid_arguments")
        if not isinstance(asked, list) or not asked:
            raise Refusal(failure("invalid_arguments"))
        files = [self._uploaded(one) for one in asked]
        shown = [_shown(file, one, int(call.now)) for file, one in zip(files, asked, strict=True)]
        if ask.text("channel_id"):
            channel = self.writable(ask, ask.text("channel_id"))
            thread = self._thread(channel, ask.text("thread_ts"))
            media = tuple(
                Attachment.of(file.name, guess_type(file.name)[0] or "", file.data or b"", file.alt)
                for file in files
            )
            # The message appears, but the reply does not tell its ts.
            content = {"text": ask.text("initial_comment"), "files": shown}
            message = self.say(channel, content, thread, files=media)
            for file in files:
                share = {"ts": message.ts} | ({"thread_ts": thread} if thread else {})
                file.channel = channel.id
                file.shown = {"channels": [channel.id], "shares":
                              {"public": {channel.id: [share]}}}  # fmt: skip
        for file, told in zip(files, shown, strict=True):
            file.shown = {**told, **file.shown}
            self._done[file.id] = self._files.pop(file.id)
        return ask.reply(files=shown)

    @on("GET", "slack.com/api/files.info")
    @on("POST", "slack.com/api/files.info")
    def info(self, call: Call) -> Reply:
        """Answer what a file is; once it is shared, ``shares`` tells in which message."""
        ask = self.admit(call, "files:read", form_only=True)
        file = self._done.get(ask.text("file"))
        if file is None:
            raise Refusal(failure("file_not_found"))
        return ask.reply(file=file.shown, comments=[])

    @on("GET", "slack.com/api/files.list")
    @on("POST", "slack.com/api/files.list")
    def files(self, call: Call) -> Reply:
        ask = self.admit(call, "files:read", form_only=True)
        count, page = whole(ask.text("count") or "100"), whole(ask.text("page") or "1")
        if not count or not page or count > 1000:
            raise Refusal(failure("invalid_arguments"))
        channel = ask.text("channel")
        found = [f.shown for f in self._done.values() if channel in ("", f.channel)][::-1]
        paging = {"count": count, "total": len(found), "page": page,
                  "pages": -(-len(found) // count)}  # fmt: skip
        return ask.reply(files=found[(page - 1) * count : page * count], paging=paging)

    def _uploaded(self, one: object) -> File:
        id = one.get("id") if isinstance(one, dict) else None
        file = self._files.get(id) if isinstance(id, str) else None
        if file is None or file.data is None:
            raise Refusal(failure("file_not_found"))
        return file


def _shown(file: File, asked: dict[str, Any], now: int) -> dict[str, Any]:
    mime = guess_type(file.name)[0] or "application/octet-stream"
    return {"id": file.id, "title": asked.get("title") or file.name, "name": file.name,
            "created": now, "user": USER, "size": file.size, "mimetype": mime,
            "alt_txt": file.alt}  # fmt: skip
