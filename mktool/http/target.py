"""Where a provider's addresses lead: the vendor, another base URL, or the sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ..errors import ConfigError

HOST = r"[\w.-]+|[0-9a-f:.]+"  # a name or an address
USUAL = {"http": ":80", "https": ":443", "smtp": ":587", "smtps": ":465"}
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in LOOPBACK


def origin(url: str) -> str:
    """Return ``scheme://host[:port]``, lower case, without the scheme's own port."""
    parts = urlsplit(url.lower())
    usual = USUAL.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual)}"


def checked(url: str, where: str, *, mail: bool = False) -> str:
    """Return ``url`` without a trailing slash if tokens may travel there, else `ConfigError`.

    ``mail``: it is that of a mail server. To one on another machine a password goes over TLS only,
    by smtp:// as well.
    """
    url, form = url.strip(), "smtp://HOST:PORT or smtps://HOST" if mail else "https://HOST"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{where}: not a URL", hint=f"write {form}") from None
    if parts.scheme == "http" and not is_loopback(url):
        raise ConfigError(f"{where}: plain http would show the token to the network",
                          hint="write https://…; http is allowed to 127.0.0.1 only")  # fmt: skip
    scheme = re.fullmatch("smtps?" if mail else "https?", parts.scheme)
    beyond = mail and parts.path.strip("/")
    if not scheme or beyond or not re.fullmatch(HOST, parts.hostname or ""):
        raise ConfigError(f"{where}: not a URL", hint=f"write {form}")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ConfigError(f"{where}: must not hold a user name, a query or a fragment",
                          hint=f"write {form}")  # fmt: skip
    return url.rstrip("/")


def owned(url: str, where: str, hosts: str) -> str:
    """Return an address that was told or kept, if its host is one of the vendor's own.

    ``hosts`` is a regular expression over the whole name; this machine is always allowed, as
    nothing leaves it. Raises `ConfigError` for any other: no token goes there.
    """
    address = checked(url, where)
    if not (is_loopback(address) or re.fullmatch(hosts, urlsplit(address).hostname or "")):
        raise ConfigError(f"{where}: not an address of this provider", hint="mktool providers")
    return address


@dataclass(frozen=True, slots=True)
class Target:
    """Turns the vendor's own addresses into those to use.

    ``override`` is another base URL for this provider; ``sandbox`` plays every vendor, each
    under its own host name as the first part of the path.
    """

    home: str
    override: str = ""
    sandbox: str = ""

    @property
    def mail(self) -> bool:
        """Whether a mail server is there, whose host is a setting."""
        return self.home.startswith("smtp")

    def at(self, options: Mapping[str, str]) -> Target:
        """Return this target with the host of a mail server filled in: a password is bound to it.

        Raises `ConfigError` for a setting that is missing or cannot be part of an address.
        """
        if not self.mail or self.override:
            return self
        return replace(self, home=checked(_filled(self.home, options), self.home, mail=True))

    @property
    def origin(self) -> str:
        """The origin that credentials are bound to."""
        return origin(self.override or self.sandbox or self.home)

    def url(self, path: str, options: Mapping[str, str] | None = None, home: str = "") -> str:
        """Return the address of a path below the base URL, whose {settings} are in ``options``.

        ``home`` is another base URL, which the credential tells. Raises `ConfigError` for a
        setting that is missing.
        """
        if not self.override:
            return self.move((home or _filled(self.home, options or {})) + path)
        base = urlsplit(self.override).path
        # "https://host/2" given for paths that begin with /2/ names the same place.
        overlap = base and path.startswith(f"{base}/")
        return self.override + (path[len(base) :] if overlap else path)

    def move(self, url: str) -> str:
        """Return where an absolute address of the vendor leads from here."""
        parts = urlsplit(url)
        if self.sandbox and parts.scheme.startswith("smtp"):  # on the port after its own
            own = urlsplit(self.sandbox)
            return f"smtp://{own.hostname}:{(own.port or 80) + 1}"
        tail = parts.path + (f"?{parts.query}" if parts.query else "")
        if is_loopback(url):
            return url
        if self.override:
            return origin(self.override) + tail
        if self.sandbox:
            return f"{self.sandbox}/{parts.netloc}{tail}"
        return url


def _filled(home: str, options: Mapping[str, str]) -> str:
    try:
        return home.format_map(options)
    except KeyError as missing:
        raise ConfigError(
            f"{home}: the setting {missing} is missing", hint="mktool providers"
        ) from None
