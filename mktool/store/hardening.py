"""
Close the side doors of this process before it holds a secret.

A process that is not dumpable cannot be read by others of the same user, nor leave a core:
https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html (read 2026-11).
"""

from __future__ import annotations

import os
import sys
from functools import cache

_PR_SET_DUMPABLE = 4
_CHATTY = ("httpx", "httpcore", "keyring", "jeepney")


@cache
def harden() -> tuple[tuple[str, str], ...]:
    """Harden this process, once; return the (name, value) pairs dropped from its environment.

    Files made from now on are private, no core is dumped, and libraries that log URLs or
    header lines are silent at every level.
    """
    _quiet()
    os.umask(0o077)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, *[ctypes.c_ulong(0)] * 4)
    # Whoever reads the file it names can decrypt every TLS session of this process.
    keylog = os.environ.pop("SSLKEYLOGFILE", None)
    return (("SSLKEYLOGFILE", keylog),) if keylog else ()


def _quiet() -> None:
    import logging

    for name in _CHATTY:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
