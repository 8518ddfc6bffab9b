"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import Unsupported
from ..spec import Endpoint
from .client import Calls
from .reply import Reply


def by_token(
    client: Calls,
    endpoint: Endpoint,
    *path: str,
    query: Mapping[str, str],
    found: str,
    param: str,
    most: int,
) -> Iterator[Reply]:
    """Yield page after page: the token at ``found`` asks for the next one as ``param``.

    Raises `Unsupported` if there are more than ``most``: a search cut short proves nothing.
    """
    asked = dict(query)
    for _ in range(most):
        page = client.call(endpoint, *path, query=asked)
        yield page
        if not (token := page.get(found)):
            return
        asked[param] = str(token)
    raise Unsupported(f"more than {most} pages of {endpoint.operation}: not looked through")
