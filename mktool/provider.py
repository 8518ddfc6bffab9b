"""What every vendor class shares: a spec and a bound client, nothing else."""

from __future__ import annotations

from typing import ClassVar

from .http.client import Calls
from .model import Post
from .spec import Spec


class Provider:
    """One vendor account. A subclass sets `spec` and adds capability methods."""

    spec: ClassVar[Spec]

    def __init__(self, client: Calls) -> None:
        self.client = client

    def refuses(self, post: Post) -> str:
        """Return why this account cannot publish ``post``, or "". Nothing is sent.

        A later part of a thread has an empty ``reply_to``. An option that is wrong may also raise
        `InvalidInput`.
        """
        return ""
