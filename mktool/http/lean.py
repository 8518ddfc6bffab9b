"""The lean wire: many small requests from many threads, as campaigns make them."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .http1 import Connection
from .reply import NotSent, Response, reason
from .request import Request, unwritable
from .trust import trust

if TYPE_CHECKING:
    from .wire import Wire

# What httpx, too, would send as it stands; whatever else is left to it.
_ADDRESS = re.compile(
    r"(https?)://([a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::(\d{1,5}))?"
    r"(/(?!.*/\.)(?!\.)[A-Za-z0-9\-._~/:@!$&'()*+,;=%]*)?(\?[A-Za-z0-9\-._~/:@!$&()*+,;=%?]*)?"
)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~](?:[ -~\t]*[!-~])?|")
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection"})


def _behind_a_proxy() -> bool:
    from urllib.request import getproxies  # 25 ms, and nothing on loopback needs it

    return bool(getproxies())


class _Idle(threading.local):
    """The connections of this thread by origin."""

    def __init__(self) -> None:
        self.connections: dict[tuple[str, ...], Connection] = {}


class LeanWire:
    """Sends as `wire.Wire` does, for a quarter of the processor time; may be shared by threads.

    Each thread keeps one connection to each origin. What is not an everyday request (a file, a
    proxy, an address that is not plain ASCII) goes through a `Wire`.
    """

    def __init__(self, *, loopback: bool) -> None:
        self._loopback, self._trust = loopback, trust(loopback=loopback)
        self._mine, self._all = _Idle(), set[Connection]()
        self._lock = threading.Lock()
        self._whole: Wire | None = None
        self._proxies = not loopback and _behind_a_proxy()
        if self._proxies:
            self._wire()  # says now what is wrong with the setting

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response, or raise `NotSent` or `Cut`; `InvalidInput` if it is no request."""
        if self._proxies or request.files or request.raw is not None:
            return self._wire().send(request, timeout)
        address = _ADDRESS.fullmatch(request.full_url)
        headers = request.all_headers()
        if address is None or not all(map(_plain, headers.items())):
            return self._wire().send(request, timeout)
        try:
            message = _written(request, address, headers)
        except UnicodeError:
            raise unwritable() from None
        return self._exchange(address, message, timeout)

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._mine = _Idle()
            if self._whole is not None:
                self._whole.close()
                self._whole = None

    def _wire(self) -> Wire:
        from .wire import Wire

        with self._lock:
            if self._whole is None:
                self._whole = Wire(loopback=self._loopback)
            return self._whole

    def _exchange(self, address: re.Match[str], message: bytes, timeout: float) -> Response:
        idle, origin = self._mine.connections, address.groups("")[:3]
        connection = idle.get(origin)
        if connection is None or not connection.usable():
            self._drop(idle.pop(origin, None))
            connection = self._connect(*origin, timeout=timeout)
            idle[origin] = connection
        try:
            return connection.exchange(message, timeout)
        except BaseException:
            self._drop(idle.pop(origin))
            raise

    def _connect(self, scheme: str, host: str, port: str, *, timeout: float) -> Connection:
        where = host.strip("[]"), int(port or {"http": 80, "https": 443}[scheme])
        try:
            sock = socket.create_connection(where, min(timeout, 10.0))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                sock = self._trust.wrap_socket(sock, server_hostname=where[0])
        except TimeoutError:
            raise NotSent("no connection in time") from None
        except OSError as error:
            raise NotSent(reason(error)) from None
        except (UnicodeError, OverflowError):  # no name of a host, no number of a port
            raise unwritable() from None
        connection = Connection(sock)
        with self._lock:
            self._all.add(connection)
        return connection

    def _drop(self, connection: Connection | None) -> None:
        if connection is not None:
            connection.close()
            with self._lock:
                self._all.discard(connection)


def _plain(header: tuple[str, str]) -> bool:
    name, value = header
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        return False
    return name.lower() not in _FRAMING


def _written(request: Request, address: re.Match[str], headers: Mapping[str, str]) -> bytes:
    """Return the request as it goes over the wire, in one piece."""
    from .. import __version__

    scheme, host, port, path, query = address.groups("")
    usual = {"http": "80", "https": "443"}[scheme]
    own = {
        "Host": host if port in ("", usual) else f"{host}:{port}",
        "User-Agent": f"mktool/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
    }
    given = {name.lower() for name in headers}
    lines = [f"{request.endpoint.method} {path or '/'}{query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in own.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    body = request.content()
    if body is not None or request.endpoint.method not in ("GET", "DELETE"):
        lines.append(f"Content-Length: {len(body or b'')}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (body or b"")
