"""Serving the sandbox on loopback, from a thread or until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, MktoolError, Unsupported
from .faults import Faults

if TYPE_CHECKING:
    import uvicorn

    from .world import World

HOST = "127.0.0.1"  # tokens travel in the clear here: nobody else may listen
_START = 15.0  # seconds
_TRIES = 50  # at finding two ports in a row


class Sandbox:
    """A running sandbox: ``with Sandbox() as sandbox: … sandbox.url``.

    Mail is taken at ``smtp_port``, the port after that of ``url``. ``port`` 0 takes any two that
    are free. Raises `InvalidInput` for a port that is taken, `Unsupported` when the extra "server"
    is not installed.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        faults: Faults | None = None,
        ttl: float | None = None,
        approve: bool = False,
        clock: Callable[[], float] = time.time,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        from .app import create_app

        self._port = port
        self._app = create_app(faults=faults, ttl=ttl, approve=approve, clock=clock, limits=limits)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""
        self.smtp_port = 0

    @property
    def world(self) -> World:
        """The state behind the pages: inbox, calls, faults."""
        found: World = self._app.state.world
        return found

    def start(self) -> None:
        """Bind the ports and serve from a thread; returns when calls are answered."""
        listener, post = _bind_pair(self._port)
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        self.smtp_port = post.getsockname()[1]
        self._server = _server(self._app, self.world, post)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="sandbox", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise MktoolError("the sandbox did not start", hint="mktool doctor, then try again")
            time.sleep(0.005)

    def stop(self) -> None:
        """End it; open connections are closed."""
        if self._server and self._thread:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(_START)
            self._server = self._thread = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve_forever(sandbox: Sandbox, *, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; ``ready`` is given the address once it answers."""
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt), sandbox:
            ready(sandbox.url)
            threading.Event().wait()
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _bind_pair(port: int) -> tuple[socket.socket, socket.socket]:
    """Return listeners on a port and on the one after it; 0 looks for two that are free."""
    for _ in range(_TRIES):
        first = _bind(port)
        try:
            return first, _bind(first.getsockname()[1] + 1)
        except InvalidInput:
            first.close()
            if port:
                raise
    raise InvalidInput("no two ports in a row are free", hint="name one with --port")


def _bind(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off: 40 ms less for every reply.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # until then another process may bind it as well
    except (OSError, OverflowError) as error:
        listener.close()
        raise InvalidInput(
            f"port {port} cannot be used", hint="another --port, or --port 0 for any free one"
        ) from error
    return listener


def _server(app: Any, world: World, post: socket.socket) -> uvicorn.Server:
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol

        from .mail import mail_server
    except ModuleNotFoundError as error:
        raise Unsupported(
            "the sandbox needs uvicorn", hint="pip install 'mktool[server]'"
        ) from error

    class Cuttable(H11Protocol):
        """Lets the application hang up, which ASGI has no word for."""

        def connection_made(self, transport: Any) -> None:
            self.app_state = {**self.app_state, "abort": transport.abort}
            super().connection_made(transport)

    class WithMail(uvicorn.Server):
        """Takes mail in the same event loop, so that nothing here is touched by two threads."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            loop = asyncio.get_running_loop()
            self.mail = await loop.create_server(lambda: mail_server(world), sock=post)
            await super().startup(sockets)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            self.mail.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app, http=Cuttable, ws="none", loop="asyncio", lifespan="off", log_config=None,
        access_log=False, server_header=False, timeout_keep_alive=60,
    )  # fmt: skip
    return WithMail(config)
