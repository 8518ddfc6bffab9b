"""One connection that speaks HTTP/1.1 (RFC 9112): bytes out, one whole reply in.

http.client needs 110 microseconds of processor a request, two thirds of them to read the headers
as those of an e-mail, and bounds no answer in time.
"""

from __future__ import annotations

import re
import select
import socket
import time
import zlib

from .reply import Cut, Response, reason

MAX_REPLY = 32 * 1024 * 1024
MAX_HEAD = 64 * 1024
IDLE = 4.0  # seconds; some servers hang up after 5, and a request on its way then is in doubt
PIECE = 64 * 1024
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9]\d\d)(?: .*)?")
_FOLD = re.compile(r"\r\n[ \t]+")
_HEX = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?")


class Connection:
    """A connected socket, for one thread and one request at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._buffer, self._deadline = sock, bytearray(), 0.0
        self._idle_since = time.monotonic()
        self._keep = True

    def usable(self) -> bool:
        """Whether the next request may go out here: there is no end, and nothing unasked."""
        if not self._keep or time.monotonic() - self._idle_since > IDLE:
            return False
        return not readable(self._sock)

    def exchange(self, message: bytes, timeout: float) -> Response:
        """Send one whole request and return its reply; `Cut` if there is none.

        ``timeout`` is in seconds for each step, and twice that for all of the reply.
        """
        self._keep = False  # until there is a whole reply
        self._sock.settimeout(timeout)
        try:
            self._sock.sendall(message)
        except TimeoutError:
            raise Cut("the request was not taken in time") from None
        except OSError:
            pass  # a refusal of a large body may be waiting to be read
        self._deadline = time.monotonic() + 2 * timeout
        response = self._reply()
        self._idle_since = time.monotonic()
        return response

    def close(self) -> None:
        self._sock.close()

    def _reply(self) -> Response:
        minor, status, headers = self._head()
        while 100 <= status < 200 and status != 101:
            minor, status, headers = self._head()
        body, ended = self._body(status, headers)
        if "gzip" in headers.get("content-encoding", "").lower():
            body = _unzipped(body)
        closing = "close" in headers.get("connection", "").lower() or minor == "0"
        self._keep = ended and not closing and not self._buffer
        return Response(status, headers, body)

    def _head(self) -> tuple[str, int, dict[str, str]]:
        text = self._until(b"\r\n\r\n", MAX_HEAD).decode("latin-1")
        first, *lines = _FOLD.sub(" ", text).split("\r\n")
        status = _STATUS.fullmatch(first)
        if status is None:
            raise Cut("the reply is not HTTP")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise Cut("the reply is not HTTP")
            name, value = name.lower(), value.strip(" \t")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return status[1], int(status[2]), headers

    def _body(self, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
        """Return the body, and whether it ended before the connection did (section 6.3)."""
        if status in (101, 204, 304):
            return b"", status != 101
        coding = headers.get("transfer-encoding", "").lower()
        if coding.endswith("chunked"):
            return self._chunks(), True
        length = headers.get("content-length")
        if coding or length is None:
            return self._rest(), False
        sizes = {size.strip() for size in length.split(",")}  # the same one twice is allowed
        if len(sizes) != 1 or not (size := sizes.pop()).isdecimal() or not size.isascii():
            raise Cut("the reply is not HTTP")
        return self._exactly(int(size[:20])), True

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = _HEX.fullmatch(self._until(b"\r\n", MAX_HEAD))
            if size is None:
                raise Cut("the reply is not HTTP")
            if not int(size[1], 16):
                break
            body += self._exactly(int(size[1], 16), already=len(body))
            if self._exactly(2) != b"\r\n":
                raise Cut("the reply is not HTTP")
        while self._until(b"\r\n", MAX_HEAD):
            pass  # a trailer
        return bytes(body)

    def _rest(self) -> bytes:
        while self._more():
            _bounded(len(self._buffer))
        return self._taken(len(self._buffer))

    def _until(self, mark: bytes, most: int) -> bytes:
        seen = 0
        while (at := self._buffer.find(mark, max(0, seen - len(mark)))) < 0:
            seen = len(self._buffer)
            if seen > most:
                raise Cut("the reply is too large")
            self._need()
        found = self._taken(at)
        del self._buffer[: len(mark)]
        return found

    def _exactly(self, length: int, already: int = 0) -> bytes:
        _bounded(already + length)
        while len(self._buffer) < length:
            self._need()
        return self._taken(length)

    def _taken(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _need(self) -> None:
        if not self._more():
            raise Cut("the connection was cut")

    def _more(self) -> bool:
        """Add what has arrived to the buffer; False at the end of the connection."""
        try:
            piece = self._sock.recv(PIECE)
        except TimeoutError:
            raise Cut("no answer in time") from None
        except OSError as error:
            raise Cut(reason(error)) from None
        self._buffer += piece
        if time.monotonic() > self._deadline:
            raise Cut("the reply came too slowly")
        return bool(piece)


def _bounded(size: int) -> None:
    if size > MAX_REPLY:
        raise Cut("the reply is too large")


def _unzipped(body: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = inflate.decompress(body, MAX_REPLY + 1)
    except zlib.error:
        raise Cut("the reply cannot be decompressed") from None
    _bounded(len(plain))
    if not inflate.eof:
        raise Cut("the reply cannot be decompressed")
    return plain


def readable(sock: socket.socket) -> bool:
    """Whether there is something to read, or the end, on an idle connection."""
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
