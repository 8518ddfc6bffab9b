"""What every vendor class shares: a spec and a bound client, nothing else."""

from __future__ import annotations

from typing import ClassVar

from .http.client import Calls
from .spec import Spec


class Provider:
    """One vendor account. A subclass sets `spec` and adds capability methods."""

    spec: ClassVar[Spec]

    def __init__(self, client: Calls) -> None:
        self.client = client
