"""The wire: one request out, one response in. The only module that imports httpx."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .reply import Cut, NotSent, Response, reason
from .request import Request, unwritable
from .trust import trust

if TYPE_CHECKING:
    import httpx

MAX_REPLY = 32 * 1024 * 1024
DIRECT = ("all://127.0.0.1", "all://localhost", "all://[::1]")


def _httpx() -> Any:
    # httpx imports its own command line (click, rich, pygments: 40 ms) where click is installed.
    if "httpx" not in sys.modules:
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: not there
    import logging

    import httpx

    for name in ("httpx", "httpcore"):  # they log addresses with their query, and header lines
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return httpx


class Wire:
    """A pool of connections to one origin; redirects are never followed.

    No proxy is ever asked for loopback: it would be another machine's.
    """

    def __init__(self, *, loopback: bool) -> None:
        self._httpx = _httpx()
        try:
            self._client: httpx.Client = self._httpx.Client(
                verify=trust(loopback=loopback),
                trust_env=not loopback,
                mounts=dict.fromkeys(DIRECT),
                follow_redirects=False,
            )
        except (self._httpx.InvalidURL, ValueError, ImportError, OSError) as error:
            raise ConfigError(
                f"the proxy or certificate settings cannot be used: {type(error).__name__}",
                hint="mktool doctor",
            ) from None
        self._client.headers.pop("user-agent", None)

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response, or raise `NotSent` or `Cut`; `InvalidInput` if it is no request."""
        httpx = self._httpx
        from .. import __version__

        try:
            files = {
                name: (part.filename, part.read(), part.mime)
                for name, part in (request.files or {}).items()
            }
            headers = {"User-Agent": f"mktool/{__version__}", **request.all_headers()}
            content: Any = request.content()
            if request.raw is not None:
                content = iter(request.raw)
                headers["Content-Length"] = str(request.raw.length)
            outgoing = self._client.build_request(
                request.endpoint.method,
                request.full_url,
                headers=headers,
                content=content,
                data=dict(request.form or {}) if files else None,
                files=files or None,
                timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            )
        except (httpx.InvalidURL, UnicodeError):
            raise unwritable() from None
        try:
            return self._read(self._client.send(outgoing, stream=True), timeout)
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, UnicodeError):
            raise unwritable() from None  # UnicodeError: no name of a host, says its look-up
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout,
                httpx.ProxyError) as error:  # fmt: skip
            raise NotSent(reason(error)) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Cut(reason(error)) from None

    def _read(self, reply: httpx.Response, timeout: float) -> Response:
        end, body = time.monotonic() + 2 * timeout, bytearray()
        try:
            for chunk in reply.iter_bytes():
                body += chunk
                if len(body) > MAX_REPLY:
                    raise Cut("the reply is too large")
                if time.monotonic() > end:
                    raise Cut("the reply came too slowly")
        finally:
            reply.close()
        return Response(reply.status_code, dict(reply.headers.items()), bytes(body))

    def close(self) -> None:
        self._client.close()
