"""The ASGI application: finds the vendor of a call, breaks it on purpose, keeps the record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..errors import Unsupported

try:
    from starlette.applications import Starlette
    from starlette.datastructures import FormData, UploadFile
    from starlette.formparsers import MultiPartException, MultiPartParser
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send
except ModuleNotFoundError as error:
    raise Unsupported(
        "the sandbox needs Starlette and uvicorn", hint="pip install 'mktool[server]'"
    ) from error

from . import mail, page, vendors
from .faults import Faults, Strike
from .vendor import Bound, Vendor
from .wire import Call, Refusal, Reply, Upload, parsed
from .world import World

LARGEST = 64 << 20  # bytes of one request


class TooLarge(Exception):
    """The body is larger than the sandbox takes."""


def create_app(
    *,
    faults: Faults | None = None,
    ttl: float | None = None,
    approve: bool = False,
    clock: Callable[[], float] = time.time,
    limits: Mapping[str, int] | None = None,
) -> Starlette:
    """Return the sandbox as an ASGI application; its `World` is ``app.state.world``.

    ``ttl`` overrides how many seconds an access token lives, ``approve`` gives consent without a
    click, ``limits`` replaces a vendor's rate limits by name.
    """
    world = World(clock, faults or Faults(), ttl, approve, limits or {})
    desk = Desk(world)
    app = Starlette(
        routes=[
            Route("/", desk.home),
            Route("/_inbox", desk.inbox, methods=["GET", "DELETE"]),
            Route("/_calls", desk.calls),
            Route("/_media/{digest}", desk.media),
            Route("/_mail/{number:int}", desk.mail),
            Route("/_consent", desk.consent, methods=["POST"]),
            Route("/_fill", desk.fill, methods=["POST"]),
            Route("/{path:path}", Switchboard(world, desk.vendors)),
        ],
        # A page elsewhere that renames itself to 127.0.0.1 (DNS rebinding) reads nothing here.
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
        ],
    )
    app.state.world = world
    return app


class Desk:
    """The sandbox's own pages; `vendors` are those that it plays."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.vendors = [vendors.load(name)(world) for name in vendors.names()]

    async def home(self, request: Request) -> Response:
        brands = {v.name: page.Brand(v.title, v.color) for v in self.vendors}
        brands[mail.VENDOR] = page.Brand(mail.TITLE, mail.COLOR)
        url = f"http://{request.url.netloc}"
        inbox = self.world.inbox
        threads = inbox.threads(page.SHOWN)
        return _sent(page.inbox(threads, inbox.totals, list(self.world.calls), brands, url))

    async def inbox(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.world.inbox.clear()
            return Response(status_code=204)
        return JSONResponse([item.to_json() for item in self.world.inbox.items])

    async def calls(self, request: Request) -> Response:
        calls = self.world.calls
        if "newest" in request.query_params:
            return JSONResponse({"newest": calls[-1].number if calls else 0})
        return JSONResponse([row.to_json() for row in calls])

    async def media(self, request: Request) -> Response:
        picture = self.world.inbox.picture(request.path_params["digest"])
        if picture is None:
            return Response(status_code=404)
        # Sandboxed, so that a picture that is really a document (SVG) runs nothing.
        headers = {"content-security-policy": "sandbox", "x-content-type-options": "nosniff"}
        return Response(picture.data, media_type=picture.mime, headers=headers)

    async def mail(self, request: Request) -> Response:
        item = self.world.inbox.find(request.path_params["number"])
        return _sent(page.mail(item)) if item else Response(status_code=404)

    async def consent(self, request: Request) -> Response:
        form = dict(parse_qsl((await _body(request)).decode(errors="replace")))
        allowed = form.get("decision") == "allow"
        return _sent(self.world.authority.decide(form.get("ticket", ""), allowed=allowed))

    async def fill(self, request: Request) -> Response:
        """Take ``{"vendor": …, "kind": …, "count": …}``: records that were there before us."""
        asked = parsed(await _body(request)) or {}
        vendor = next((v for v in self.vendors if v.name == asked.get("vendor")), None)
        kind, count = asked.get("kind"), asked.get("count")
        # A page elsewhere cannot send this type without being asked first, and it is not.
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse({"message": "application/json is wanted"}, 415)
        if vendor is None or not isinstance(kind, str) or type(count) is not int or count < 1:
            return JSONResponse({"message": "vendor, kind and count are wanted"}, 400)
        try:
            vendor.fill(kind, count)
        except LookupError:
            return JSONResponse({"message": f"{vendor.title} is not filled with {kind}"}, 404)
        return JSONResponse(asked)


@dataclass(frozen=True, slots=True)
class Found:
    """Who answers a call: ``shown`` is its path for people."""

    vendor: str
    shown: str
    page: bool
    answer: Callable[[Call], Reply]
    params: Mapping[str, str]


class Switchboard:
    """Answers every vendor address, as ``/HOST/PATH``. An ASGI application."""

    def __init__(self, world: World, played: list[Vendor]) -> None:
        self.world = world
        self.routes: list[Bound] = [bound for vendor in played for bound in vendor.bound()]
        self.hosts = {host: vendor for vendor in played for host in vendor.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        started = time.monotonic()
        now = self.world.clock()
        path = scope["raw_path"].decode("ascii", "replace").partition("?")[0].lstrip("/")
        found = self._find(request.method, path)
        strike = Strike() if found.page else self.world.faults.next(request.method, "/" + path)
        asked = await _asked(request, path, found.params, now)
        if asked is None:
            return
        # Here in full, so it is carried out though the sender may be gone by then.
        await asyncio.sleep(strike.delay)
        reply = asked if isinstance(asked, Reply) else self._answer(asked, found, strike)
        hung_up = strike.kind in ("cut", "drop")
        spent = round((time.monotonic() - started) * 1000)
        status = 0 if hung_up else reply.status
        self.world.saw(now, found.vendor, request.method, found.shown, status, strike.kind, spent)
        if hung_up:
            await _hang_up(scope, receive)
        else:
            await _sent(reply)(scope, receive, send)

    def _find(self, method: str, path: str) -> Found:
        host = path.partition("/")[0]
        other_method = False
        for bound in self.routes:
            params = bound.match(path)
            if params is None:
                continue
            if bound.route.method == method:
                return Found(bound.vendor.name, bound.shown(params), bound.route.page,
                             bound.handler, params)  # fmt: skip
            other_method = True
        vendor = self._played(host)
        if vendor is None:
            return Found("", host, True, _stranger, {})
        # An unknown path may hold a secret, as that of a webhook does: only its host is shown.
        answer = (lambda call: vendor.fails(405, call)) if other_method else vendor.missing
        return Found(vendor.name, f"{host}/…", False, answer, {})

    def _answer(self, call: Call, found: Found, strike: Strike) -> Reply:
        try:
            return self._struck(strike, call) or found.answer(call)
        except Refusal as refusal:
            return refusal.reply

    def _struck(self, strike: Strike, call: Call) -> Reply | None:
        """Return what a fault answers in the vendor's place; "cut" leaves that to the vendor."""
        if strike.kind == "drop":
            return Reply()
        if strike.kind == "html":
            return page.problem(200, "Scheduled maintenance", "Injected by --faults html.")
        if strike.status:
            vendor = self._played(call.path.partition("/")[0])
            return vendor.fails(strike.status, call) if vendor else None
        return None

    def _played(self, host: str) -> Vendor | None:
        """Return who has a host; a vendor may have all below one, as ``*.api.example.com``."""
        name = host.partition(":")[0]
        found = self.hosts.get(name)
        while found is None and name:
            name = name.partition(".")[2]
            found = self.hosts.get(f"*.{name}")
        return found


def _stranger(call: Call) -> Reply:
    host = call.path.partition("/")[0]
    return Reply(404, json={"message": f"the sandbox does not play {host}"})


async def _asked(
    request: Request, path: str, params: Mapping[str, str], now: float
) -> Call | Reply | None:
    """Return the call, or its refusal, or None if the sender hung up in the middle of it."""
    try:
        return await _call(request, path, params, now)
    except TooLarge:
        return Reply(413, json={"message": f"more than {LARGEST} bytes"})
    except MultiPartException:
        return Reply(400, json={"message": "not a multipart form"})
    except ClientDisconnect:
        return None


async def _call(request: Request, path: str, params: Mapping[str, str], now: float) -> Call:
    body = await _body(request)
    form, files = await _form(request, body)
    raw_query: bytes = request.scope["query_string"]
    return Call(
        method=request.method,
        path=path,
        base=f"http://{request.url.netloc}",
        now=now,
        raw_query=raw_query.decode("ascii", "replace"),
        params=params,
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        form=form,
        files=files,
    )


async def _body(request: Request) -> bytes:
    whole = bytearray()
    async for chunk in request.stream():
        whole += chunk
        if len(whole) > LARGEST:
            raise TooLarge
    return bytes(whole)


async def _form(request: Request, body: bytes) -> tuple[dict[str, str], dict[str, Upload]]:
    mime = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if mime == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True)), {}
    if mime != "multipart/form-data":
        return {}, {}

    async def stream() -> AsyncIterator[bytes]:
        yield body
        yield b""

    try:
        parser = MultiPartParser(request.headers, stream(), max_part_size=LARGEST)  # type: ignore[arg-type]  # one that ends
        data: FormData = await parser.parse()
    except KeyError as error:  # no boundary
        raise MultiPartException("no boundary") from error
    form = {k: v for k, v in data.items() if isinstance(v, str)}
    files = {
        k: Upload(v.filename or "", v.content_type or "", await v.read())
        for k, v in data.items()
        if isinstance(v, UploadFile)
    }
    await data.close()
    return form, files


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer, and wait until the server has seen it."""
    scope["state"]["abort"]()
    while (await receive())["type"] != "http.disconnect":
        pass


def _sent(reply: Reply) -> Response:
    body, mime = reply.content()
    return Response(body, reply.status, dict(reply.headers), mime or None)
