"""
The end of a browser login: one answer, received on this machine only.

A loopback redirect as RFC 8252 section 7.3 has it. The address exists before the browser is
sent away, so that no other program can take it in between.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import socketserver
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from .. import errors as e

TIMEOUT = 300.0  # seconds a person has for the vendor's pages
Params = Mapping[str, str]

_STYLE = (
    ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;display:grid;"
    "place-content:center;min-height:90vh;text-align:center}h1{font-size:1.5rem;margin:0}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}


def _page(title: str, text: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>mktool</title>'
        f"<style>{_STYLE}</style><main><h1>{title}</h1><p>{text}</p></main></html>"
    ).encode()


_RECEIVED = _page("The answer has arrived", "Close this tab and go back to the terminal.")
_REFUSED = _page("Nothing was connected", "The terminal says why. You can close this tab.")


class Receiver:
    """Listens on 127.0.0.1 from its creation until it is left, for one answer with ``state``.

    ``ports`` are tried in their order; none means any. Raises `ConfigError` if all are taken.
    """

    def __init__(
        self, state: str, *, path: str = "/callback", ports: Sequence[int] = (),
        host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self._server = _listen(ports)
        self._server.wanted = (f"{host}:{self._server.server_port}", path, state)
        self.redirect_uri = f"http://{host}:{self._server.server_port}{path}"

    @property
    def port(self) -> int:
        return self._server.server_port

    def wait(self, timeout: float = TIMEOUT) -> Params:
        """Return what the vendor's redirect says; everything else is a 404 and waited past.

        Raises `NeedsLogin` after ``timeout`` seconds.
        """
        end = time.monotonic() + timeout
        while (answer := self._server.answer) is None:
            if time.monotonic() > end:
                raise e.NeedsLogin(
                    f"no answer from the browser within {timeout:.0f} s",
                    hint="where there is no browser, run the same command with --paste",
                )
            self._server.handle_request()
        return answer

    def __enter__(self) -> Receiver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    # Threads: a browser opens connections ahead of need, and one that is silent must not block.
    daemon_threads = True
    # On Windows "reuse" would let another program listen on the same port.
    allow_reuse_address = sys.platform != "win32"
    timeout = 0.05
    wanted: tuple[str, str, str]
    answer: Params | None = None

    def server_bind(self) -> None:
        # The nearer one asks the name server who 127.0.0.1 is.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news; the inherited one prints a traceback."""

    def accept(self, host: str, target: str) -> Params | None:
        """Return the parameters of a request if it is the answer that was waited for."""
        wanted_host, path, state = self.wanted
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query)
        params = dict(pairs)
        if host != wanted_host or parts.path != path or len(params) != len(pairs):
            return None  # a parameter twice is not an answer (RFC 6749 section 3.1)
        if not hmac.compare_digest(params.get("state", "").encode(), state.encode()):
            return None
        return params if "code" in params or "error" in params else None


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout: ClassVar[float] = 10.0

    def do_GET(self) -> None:
        params = self.server.accept(self.headers.get("Host", ""), self.path)
        if params is None:
            self._reply(404, b"not found", {**_HEADERS, "Content-Type": "text/plain"})
            return
        self._reply(200, _REFUSED if "error" in params else _RECEIVED, _HEADERS)
        self.server.answer = self.server.answer or params

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "mktool"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the request line holds the code."""


def _listen(ports: Sequence[int]) -> _Server:
    for port in ports or (0,):
        try:
            return _Server(("127.0.0.1", port), _Handler)
        except OSError:
            continue
    raise e.ConfigError(
        f"no port to receive the answer on: {', '.join(map(str, ports)) or 'none'} in use",
        hint="close what listens there (ss -ltnp), or use --paste",
    )
