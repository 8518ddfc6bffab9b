"""Templates that a vendor keeps: listed, read, and added from a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .. import errors as e
from .. import providers
from ..capability import CanBroadcast, CanDeliver, CanTemplate

if TYPE_CHECKING:
    from .settings import Settings


def listed(settings: Settings, provider: str, account: str) -> list[tuple[str, str]]:
    """Return (id, name) of each template."""
    with _vendor(settings, provider, account) as vendor:
        return list(vendor.templates())


def html_of(settings: Settings, provider: str, account: str, id: str) -> str:
    """Return the HTML of a template; `Unsupported` where the vendor keeps it back."""
    with _vendor(settings, provider, account) as vendor:
        return vendor.template(id)


def save(path: Path, html: str) -> None:
    """Write the HTML into a new file; `InvalidInput` where there is one already."""
    try:
        path.touch(exist_ok=False)
        path.write_text(html, encoding="utf-8", newline="")
    except FileExistsError:
        raise e.InvalidInput(f"{path} is there already", hint="--save ANOTHER_FILE") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise e.InvalidInput(f"{path}: {reason}", hint="--save ANOTHER_FILE") from None


def add(settings: Settings, provider: str, account: str, path: Path, name: str = "") -> str:
    """Add a file as a template, named like the file if not otherwise, and return its id.

    ``{{ column }}`` becomes the vendor's merge tag where the vendor is who merges: `Unsupported`
    for what is more than a column with a default.
    """
    from .campaign.definition import MAX_TEMPLATE
    from .campaign.document import read_text

    html = read_text(path, MAX_TEMPLATE)
    if not html.strip():
        raise e.InvalidInput(f"{path} is empty", hint="is it the right file?")
    with _vendor(settings, provider, account) as vendor:
        if isinstance(vendor, CanBroadcast) and not isinstance(vendor, CanDeliver):
            from .campaign.merge import merge_tags
            from .campaign.prepare import Parts

            html = merge_tags(Parts("", html, "", ""), vendor.merge_tag).html
        try:
            return vendor.add_template(name or path.stem, html)
        except e.OutcomeUnknown as error:  # it belongs to no act that could be settled
            error.hint = f"mktool templates list {provider} shows whether it is there"
            raise


@contextlib.contextmanager
def _vendor(settings: Settings, provider: str, account: str) -> Iterator[CanTemplate]:
    cls = providers.load(provider)
    if not issubclass(cls, CanTemplate):
        able = [name for name in providers.names() if issubclass(providers.load(name), CanTemplate)]
        raise e.Unsupported(
            f"{cls.spec.title} keeps no templates", hint=f"one of {', '.join(able)}"
        )
    from .session import open_session

    session = open_session(settings, provider, account)
    try:
        assert isinstance(session.provider, CanTemplate)
        yield session.provider
    finally:
        session.close()
