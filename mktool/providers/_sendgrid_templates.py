"""SendGrid's templates, of which each has versions; one of them is active."""

from __future__ import annotations

from collections.abc import Iterator

from .. import errors as e
from ..http.client import Calls
from ..http.pages import by_link
from ..spec import Endpoint

TEMPLATES = Endpoint("templates", "GET", "/v3/templates")
TEMPLATE = Endpoint("template", "GET", "/v3/templates/{}")
ADD = Endpoint("add template", "POST", "/v3/templates")
ADD_VERSION = Endpoint("add version", "POST", "/v3/templates/{}/versions")
LONGEST_NAME = 100
SUBJECT = "{{subject}}"  # one is demanded: whoever sends with the template says it


def listed(client: Calls) -> Iterator[tuple[str, str]]:
    """Yield (id, name) of each template."""
    query = {"generations": "legacy,dynamic", "page_size": "200"}  # legacy alone otherwise
    for page in by_link(client, TEMPLATES, query=query, found="_metadata.next"):
        yield from ((t.need("id"), t.need("name")) for t in page.each("result"))


def html_of(client: Calls, id: str) -> str:
    """Return the HTML of the active version; `InvalidInput` if there is none."""
    version = client.call(TEMPLATE, id).find("versions", active=1)
    if version is None:
        raise e.InvalidInput(
            f"the template {id} has no active version",
            hint="https://mc.sendgrid.com/dynamic-templates",
        )
    return version.need("html_content")


def add(client: Calls, name: str, html: str) -> str:
    """Add a template with one version, and return its id."""
    if len(name) > LONGEST_NAME:
        raise e.InvalidInput(
            f"the name of a template has {LONGEST_NAME} characters at most", hint="--name NAME"
        )
    id = client.call(ADD, json={"name": name, "generation": "dynamic"}).need("id")
    version = {"name": name, "subject": SUBJECT, "html_content": html, "active": 1}
    client.call(ADD_VERSION, id, json=version)
    return id
