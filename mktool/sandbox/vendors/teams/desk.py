"""The trigger of a workflow: it answers 202 and nothing else, whatever becomes of the card.

The address is the secret. It has two forms, and its query is compared byte for byte, as a
signature is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ...inbox import Item
from ...vendor import Vendor, on
from ...wire import Call, Refusal, Reply
from ...world import World
from . import card

_OLD = "workflows/{secret}/triggers/manual/paths/invoke"
_NEW = "powerautomate/automations/direct/workflows/{secret}/triggers/manual/paths/invoke"
_CU = "powerautomate/automations/direct/cu/{unit}/workflows/{secret}/triggers/manual/paths/invoke"
_PORTS = ("", ":443")
RUN = "5a4dbox000000000000000000000run1"  # the workflow of ``environment``
QUERY = "api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=sandbox%2Drun"
_HOST = "default0.00.environment.api.powerplatform.com:443"
_SIGNATURE = re.compile(r"sig=[\w.~%-]*sandbox[\w.~%-]*")


class Teams(Vendor):
    """Any workflow whose signature says "sandbox" exists, and posts to one channel."""

    name: ClassVar[str] = "teams"
    title: ClassVar[str] = "Microsoft Teams"
    color: ClassVar[str] = "#4b53bc"
    hosts: ClassVar[tuple[str, ...]] = (
        "*.logic.azure.com", "*.environment.api.powerplatform.com", "*.webhook.office.com",
    )  # fmt: skip
    scopes: ClassVar[frozenset[str]] = frozenset()
    environment: ClassVar[Mapping[str, str]] = {
        "MKTOOL_TEAMS_WEBHOOK_URL": f"https://{_HOST}/{_NEW.format(secret=RUN)}?{QUERY}"
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        # The query that a workflow was first called with is the one that was signed.
        self._signed = {RUN: QUERY}

    @on("POST", *(f"{{host}}.logic.azure.com{port}/{_OLD}" for port in _PORTS))
    @on("POST", *(f"{{host}}.environment.api.powerplatform.com{port}/{tail}"
                  for port in _PORTS for tail in (_NEW, _CU)))  # fmt: skip
    def trigger(self, call: Call) -> Reply:
        self._admit(call)
        if call.mime != "application/json":
            raise unreadable("The content type of the request must be application/json.")
        message = call.object()
        if message is None:
            raise unreadable("The request content is not valid JSON.")
        wrong = next(card.problems(message), "")
        number = self.world.number()
        text = card.plain(message)
        if wrong:
            self.world.inbox.add(
                Item(call.now, self.name, "General", "failed in the flow", f"run-{number}", text,
                     extra={"reason": wrong})
            )  # fmt: skip
        else:
            self.world.inbox.add(
                Item(call.now, self.name, "General", "card", f"run-{number}", text,
                     extra={"state": "posted", "bytes": str(card.size(message))})
            )  # fmt: skip
        return Reply(202, headers={"x-ms-workflow-run-id": f"{number:032d}"})

    def _admit(self, call: Call) -> None:
        """Check the signature, which covers the query as it was written."""
        parts = call.raw_query.split("&")
        signed = any(_SIGNATURE.fullmatch(part) for part in parts)
        if not signed or "sp=%2Ftriggers%2Fmanual%2Frun" not in parts or "sv=1.0" not in parts:
            raise Refusal(unauthorized())
        if self._signed.setdefault(call.params["secret"], call.raw_query) != call.raw_query:
            raise Refusal(unauthorized())

    def fails(self, status: int, call: Call) -> Reply:
        if status == 429:
            reply = failure(429, "WorkflowRunActionsRateExceeded", "Too many requests.")
            return Reply(429, json=reply.json, headers={"retry-after": "10"})
        return failure(status, "InternalError", "The sandbox was asked to answer with this.")

    def missing(self, call: Call) -> Reply:
        if "webhook.office.com" in call.path.partition("/")[0]:
            return Reply(410, body=b"Connectors are retired.", mime="text/plain")
        return failure(404, "WorkflowNotFound", "The workflow could not be found.")


def failure(status: int, code: str, message: str) -> Reply:
    """Return the answer that says no."""
    body: dict[str, Any] = {"error": {"code": code, "message": message}}
    return Reply(status, json=body)


def unreadable(message: str) -> Refusal:
    return Refusal(failure(400, "InvalidRequestContent", message))


def unauthorized() -> Reply:
    return failure(401, "DirectApiAuthorizationRequired",
                   "The request must be authenticated only by Shared Access scheme.")  # fmt: skip
