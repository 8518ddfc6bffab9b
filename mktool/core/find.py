"""Finding what a person needs to fill in an id."""

from __future__ import annotations

from collections.abc import Iterator

from .. import errors as e
from ..capability import CanFind
from ..records import Found
from ..spec import Spec
from .session import Session


def find(session: Session, kind: str, term: str) -> Iterator[Found]:
    """Yield what matches; `Unsupported` names the kinds that this vendor knows."""
    provider, meant = session.provider, kind_of(session.spec, kind)
    if not term.strip():
        raise e.InvalidInput("what is to be found?", hint=_example(session.spec))
    assert isinstance(provider, CanFind)  # as its spec says that it finds
    return provider.find(meant, term.strip())


def kind_of(spec: Spec, word: str) -> str:
    """Return the kind that a word means, also in the plural; `InvalidInput` where it means none,
    `Unsupported` where there is none."""
    if not spec.finds:
        raise e.Unsupported(f"{spec.title} cannot be searched", hint="mktool providers")
    words = {word.lower(), *_as_the_vendor_says(spec, word.lower())}
    for kind in spec.finds:
        if words & {kind, _plural(kind)}:
            return kind
    raise e.InvalidInput(
        f"{spec.title} has no {word!r} to find; it has {', '.join(spec.finds)}",
        hint=_example(spec),
    )


def _as_the_vendor_says(spec: Spec, word: str) -> list[str]:
    """Return the vendor's own words for a kind of record, such as person for contact."""
    return [
        kind.object.lower()
        for kind in spec.records
        for name in (kind.name, *kind.aliases)
        if word in (name, _singular(name))
    ]


def _plural(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def _singular(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def _example(spec: Spec) -> str:
    kind = spec.finds[0] if spec.finds else "contact"
    return f"mktool find {spec.name} {kind} ada@example.com"
