"""Posts, as acts that reach a vendor item by item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..capability import CanPost, CanSettle, CanThread
from ..model import Post, Posted
from ..provider import Provider
from ..store.acts import Act, Wanted
from . import content
from .acting import Published, carry_out
from .session import Session

VERB = "post"


class Posts:
    """The items of a thread, each below the one before."""

    def __init__(self, provider: Provider, posts: Sequence[Post]) -> None:
        self.provider, self.posts = provider, posts
        self.traceable = isinstance(provider, CanSettle)

    @classmethod
    def kept(cls, provider: Provider, act: Act) -> Posts:
        """Return what an act holds; `InvalidInput` if its files have changed."""
        return cls(provider, content.from_json(act.content["posts"]))

    def __len__(self) -> int:
        return len(self.posts)

    def check(self) -> None:
        content.check(self.provider, self.posts)

    def send(self, seq: int, token: str, before: Sequence[Posted], /) -> Posted:
        post = self._placed(seq, token, before)
        if post.reply_to is not None:
            assert isinstance(self.provider, CanThread)
            return self.provider.reply(post)
        assert isinstance(self.provider, CanPost)
        return self.provider.post(post)

    def trace(
        self, seq: int, token: str, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        assert isinstance(self.provider, CanSettle)
        return self.provider.settle(self._placed(seq, token, before), since, known)

    def _placed(self, seq: int, token: str, before: Sequence[Posted]) -> Post:
        previous, root = (before[-1], before[0]) if before else (None, None)
        return replace(self.posts[seq - 1], reply_to=previous, root=root, token=token)


def wanted(
    session: Session,
    posts: Sequence[Post],
    *,
    key: str | None,
    due: float | None = None,
    zone: str = "",
) -> Wanted:
    """Return the act that these items amount to at this account."""
    return Wanted(
        VERB, session.spec.name, session.account, key, content.digest(posts),
        {"posts": content.to_json(posts)}, due, zone,
    )  # fmt: skip


def publish(
    session: Session, want: Wanted, posts: Sequence[Post], *, again: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Published:  # fmt: skip
    """Publish, or go on with, one act; every failure is in the result, none is raised."""
    return carry_out(session, want, Posts(session.provider, posts), again=again, say=say)
