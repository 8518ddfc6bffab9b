"""Signed assertions: a JSON Web Token (RFC 7519) under RS256 (RFC 7518 section 3.3)."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from ..model import Secret


def sign(claims: Mapping[str, Any], key: Secret, field: str) -> Secret:
    """Return the compact token; `InvalidInput` naming ``field`` if that holds no RSA key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = key.reveal().replace("\\n", "\n")  # as it stands in a JSON file or in a variable
    loaded: Any = None
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
        loaded = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(loaded, RSAPrivateKey):
        raise InvalidInput(
            f"{field} is not an RSA private key in PEM form without a passphrase",
            hint="copy it whole, from -----BEGIN to -----END",
        )
    text = f"{_segment({'alg': 'RS256', 'typ': 'JWT'})}.{_segment(claims)}"
    return Secret(f"{text}.{base64url(loaded.sign(text.encode(), PKCS1v15(), hashes.SHA256()))}")


def base64url(data: bytes) -> str:
    """Return base64 for addresses, without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _segment(value: Mapping[str, Any]) -> str:
    return base64url(json.dumps(value, separators=(",", ":")).encode())
