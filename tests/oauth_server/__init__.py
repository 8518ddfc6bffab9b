"""A real, certified OAuth server (npm: oidc-provider) with rotating tokens, and its browser."""

from __future__ import annotations

import contextlib
import html
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.peers import absent, need

HERE = Path(__file__).parent
INSTALL = ("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
PUBLIC, CONFIDENTIAL, FORM = "public-app", "confidential:app", "form-app"
SECRETS = {CONFIDENTIAL: "canary+secret/of the app%", FORM: "canary-secret-in-a-form"}


@dataclass(frozen=True)
class OAuthServer:
    """A running server; ``url`` is its issuer."""

    url: str

    def counts(self) -> dict[str, int]:
        """Return how many refreshes were granted and refused, and how many grants revoked."""
        found: dict[str, int] = httpx.get(f"{self.url}/counts", trust_env=False).json()
        return found

    def accepts(self, access_token: str) -> bool:
        """Tell whether a resource of this server can be had with a token."""
        headers = {"Authorization": f"Bearer {access_token}"}
        reply = httpx.get(f"{self.url}/me", headers=headers, trust_env=False)
        return reply.status_code == 200


@contextlib.contextmanager
def serving(options: Mapping[str, Any] | None = None) -> Iterator[OAuthServer]:
    """Run a server of its own with ``options``, as server.mjs lists them."""
    need("node", "npm")
    _install()
    process = subprocess.Popen(
        ["node", "server.mjs", json.dumps(options or {})],
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield OAuthServer(json.loads(process.stdout.readline())["issuer"])
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="session")
def oauth_server() -> Iterator[OAuthServer]:
    """The server that most tests share: every login is a grant of its own."""
    with serving() as server:
        yield server


def browse(url: str, *, agree: bool = True) -> str:
    """Do what a person in a browser does, and return the address the browser ends up at.

    The redirect to the app is not followed; a login that ends on a page returns that page's.
    """
    with httpx.Client(trust_env=False, timeout=10) as browser:
        reply = browser.get(url)
        for _ in range(20):
            if reply.is_redirect:
                url = urljoin(str(reply.url), reply.headers["location"])
                if urlsplit(url).path == "/callback":
                    return url
                reply = browser.get(url)
            elif not agree and (abort := re.search(r"href=\"([^\"]+/abort)\"", reply.text)):
                reply = browser.get(html.unescape(abort[1]))
            elif found := re.search(r"<form[^>]*action=\"([^\"]+)\"", reply.text):
                action = urljoin(str(reply.url), html.unescape(found[1]))
                reply = browser.post(action, data=_filled_in(reply.text))
            else:
                return str(reply.url)
    raise AssertionError("the login goes round in circles")


def _filled_in(page: str) -> dict[str, str]:
    """Return the fields of the page's form as a person sends them."""
    fields = {"login": "alice", "password": "any"}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = (re.search(rf"\b{a}=\"([^\"]*)\"", tag) for a in ("name", "value"))
        if name and value:
            fields[name[1]] = html.unescape(value[1])
    return fields


def _install() -> None:
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    with contextlib.suppress(OSError):
        manifests = {n: HERE / "node_modules" / n / "package.json" for n in wanted}
        if wanted == {n: json.loads(p.read_text())["version"] for n, p in manifests.items()}:
            return
    done = subprocess.run(INSTALL, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        absent(f"npm install failed: {done.stderr.strip()[-300:]}")
