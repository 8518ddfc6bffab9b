"""Which certificates are trusted: the same ones on every wire."""

from __future__ import annotations

import os
import ssl

from ..errors import ConfigError


def trust(*, loopback: bool) -> ssl.SSLContext:
    """Return the context for TLS: Mozilla's authorities, or those of ``SSL_CERT_FILE`` or
    ``SSL_CERT_DIR``, as httpx has it. `ConfigError` if they cannot be read.

    On loopback no certificate is trusted, so that none is loaded (15 ms).
    """
    if loopback:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not (file or folder):
        import certifi  # comes with httpx

        file = certifi.where()
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:
        raise ConfigError(
            f"the proxy or certificate settings cannot be used: {type(error).__name__}",
            hint="mktool doctor",
        ) from None
