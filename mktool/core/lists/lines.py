"""The lines of a text file as programs export it: its encoding found out, memory bounded."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from io import StringIO
from typing import BinaryIO

from ...errors import InvalidInput

BLOCK = 1 << 17  # bytes
LONGEST = 1 << 21  # characters of one line


class Lines:
    """Iterate over the lines, each with its line break (LF, CRLF or CR).

    The encoding is the one of a byte order mark, UTF-16 where every other byte is zero, UTF-8, or
    Windows-1252 where most characters of the first block beyond ASCII are not UTF-8. Up to that
    block all of these are the same, so that nothing has to be read twice. ``head`` is the text of
    the first block, ``encoding`` that of the file, final when its last line is read. What cannot
    be decoded is an `InvalidInput` that names the line. ``holds_nul``: a line that was read, or one
    soon after it, holds a NUL.
    """

    def __init__(self, file: BinaryIO, source: str) -> None:
        self.encoding = ""
        self.holds_nul = False
        self._file, self._source = file, source
        self._breaks = 0  # in all that was decoded
        self._texts = self._decoded()
        self.head = next(self._texts, "")

    def __iter__(self) -> Iterator[str]:
        for text in self.stretches():
            yield from StringIO(text, newline="")

    def stretches(self) -> Iterator[str]:
        """Yield the text in stretches of whole lines, in place of one by one."""
        text, rest = self.head, ""
        while text:
            text = rest + text
            # A CR at the end may be the first half of a CRLF.
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1
            rest = text[cut:]
            if len(rest) > LONGEST:
                raise InvalidInput(
                    f"{self._source}: line {self._breaks + 1} is longer than {LONGEST:,}"
                    " characters",
                    hint="is it a list? a record is one line of a few hundred",
                )
            if cut:
                yield text[:cut]
            text = next(self._texts, "")
        if rest:
            yield rest

    def _decoded(self) -> Iterator[str]:
        block = self._read(BLOCK)
        self.encoding = _marked(block)
        while block and not self.encoding:
            if block.isascii():
                yield self._checked(block.decode("ascii"))
                block = self._read(BLOCK)
            else:
                block += self._read(3)  # the rest of a character that was cut
                self.encoding = _likely(block)
        self.encoding = self.encoding or "utf-8"
        decoder = codecs.getincrementaldecoder(self.encoding)()
        while block:
            if text := self._decode(decoder, block):
                yield text
            block = self._read(BLOCK)
        self._decode(decoder, b"")

    def _decode(self, decoder: codecs.IncrementalDecoder, block: bytes) -> str:
        try:
            return self._checked(decoder.decode(block, final=not block))
        except UnicodeDecodeError as error:
            line = self._breaks + error.object[: error.start].count(b"\n") + 1
            before = ", as the lines before it" if line > 1 else ""
            raise InvalidInput(
                f"{self._source}: line {line} is not {self.encoding} text{before}",
                hint="save it as UTF-8, or: iconv -f ENCODING -t utf-8 FILE",
            ) from None

    def _checked(self, text: str) -> str:
        self.holds_nul = self.holds_nul or "\0" in text
        self._breaks += text.count("\n") or text.count("\r")
        return text

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidInput(
                f"{self._source}: cannot be read: {error}",
                hint="is it whole? write it, or download it, again",
            ) from None


def _marked(block: bytes) -> str:
    """Return the encoding that the first bytes give away, or ""."""
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if block.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    first = block[: 1 << 12]
    even, odd = first[::2].count(0), first[1::2].count(0)
    if max(even, odd) * 4 > len(first) and not min(even, odd):
        return "utf-16-le" if odd else "utf-16-be"
    return ""


def _likely(block: bytes) -> str:
    """Return UTF-8 or Windows-1252, whichever most of the characters beyond ASCII speak for.

    A single broken byte in UTF-8 is then an error, where it would turn every umlaut into two
    letters if the rest were taken for Windows-1252 because of it.
    """
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(block)
    valid = text.encode("utf-8", "ignore").decode()
    right, wrong = len(valid) - len(valid.encode("ascii", "ignore")), len(text) - len(valid)
    return "utf-8" if right > wrong else "cp1252"
