"""Pictures of LinkedIn: asked for, put, then named in a post.

https://learn.microsoft.com/linkedin/marketing/community-management/shares/images-api (2026-11)
"""

from __future__ import annotations

from dataclasses import dataclass

from ...vendor import on
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import Desk, error, key, unprocessable

_MARKS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif"}
_LIFE = 86400.0  # seconds


@dataclass(slots=True)
class Image:
    """A picture and whose it is; without bytes until they were put."""

    owner: str
    mime: str = ""
    data: bytes = b""


class Images(Desk):
    """Keeps pictures until a post takes them."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.images: dict[str, Image] = {}

    @on("POST", "api.linkedin.com/rest/images")
    def initialize(self, call: Call) -> Reply:
        session = self.admit(call, "images.ACTION-initializeUpload", "w_member_social",
                             "w_organization_social")  # fmt: skip
        if call.query.get("action") != "initializeUpload":
            return error(400, "Unknown action", "ILLEGAL_ARGUMENT")
        asked = (call.object() or {}).get("initializeUploadRequest")
        if not isinstance(asked, dict):
            raise Refusal(unprocessable("/initializeUploadRequest", "field is required"))
        owner = self.may_act(session, asked.get("owner"), "/initializeUploadRequest/owner")
        name = f"C4E10{self.world.number():08d}"
        urn = f"urn:li:image:{name}"
        self.images[urn] = Image(owner)
        return Reply(json={"value": {
            "uploadUrl": f"{call.base}/www.linkedin.com/dms-uploads/{name}",
            "uploadUrlExpiresAt": round((call.now + _LIFE) * 1000),
            "image": urn,
        }})  # fmt: skip

    @on("PUT", "www.linkedin.com/dms-uploads/{name}")
    def put(self, call: Call) -> Reply:
        image = self.images.get(f"urn:li:image:{call.params['name']}")
        if image is None:
            return Reply(404)
        mime = next((m for mark, m in _MARKS.items() if call.body.startswith(mark)), "")
        if not mime:
            return Reply(400)
        image.data, image.mime = call.body, mime
        return Reply(201)

    @on("GET", "api.linkedin.com/rest/images/{urn}")
    def image(self, call: Call) -> Reply:
        self.admit(call, "images.GET", "w_member_social", "w_organization_social")
        urn = key(call)
        image = self.images.get(urn)
        if image is None:
            return self.fails(404, call)
        status = "AVAILABLE" if image.data else "WAITING_UPLOAD"
        return Reply(json={"id": urn, "owner": image.owner, "status": status})

    def picture(self, owner: str, urn: object, field: str) -> Image:
        """Return an uploaded picture of this owner, or refuse the post that names it."""
        image = self.images.get(urn) if isinstance(urn, str) else None
        if image is None or not image.data:
            raise Refusal(error(400, f"{field} is not an uploaded image", "ILLEGAL_ARGUMENT"))
        if image.owner != owner:
            raise Refusal(error(403, f"{field} belongs to another owner", "ACCESS_DENIED", 100))
        return image
