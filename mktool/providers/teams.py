"""
Microsoft Teams, through the address of a workflow.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
(read 2026-11). The answer 202 says that the workflow was started, nothing more: there is no id, no
thread and no way to read back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .. import errors as e
from ..capability import CanExport, CanPost
from ..http.auth import UrlKey
from ..model import Login, Post, Posted
from ..provider import Provider
from ..report import Export, Piece, Report
from ..spec import Endpoint, Field, Limit, Rule, Signed, Spec, Text
from ..text import meeting
from ..text.document import parse
from ._teams_card import ROOM, cards, elements, envelope, size

RUN = Endpoint("run", "POST", "", answers_text=True)  # the answer is empty
RETIRED = re.compile(r"(\w+\.)?webhook\.office(365)?\.com|outlook\.office(365)?\.com")
IN_TURN = 3.0  # seconds; workflows that run at once would post their cards in any order
LEFT_OUT = "The transcript is left out: a card has no room for it."
STEERING = ("mentions",)
HISTORY = "make.powerautomate.com, My flows, the flow, its run history"


@dataclass(frozen=True)
class Workflow(UrlKey):
    """The address of a workflow, which goes out byte for byte: its signature is in the query."""

    def sign(self, login: Login) -> Signed:
        host = urlsplit(login.value(self.field)).hostname or ""
        if RETIRED.fullmatch(host):
            raise e.ConfigError(
                "Teams: this is the address of an Office 365 connector; Microsoft retires those",
                hint="make a workflow in its place, then: mktool authorize teams",
            )
        return super().sign(login)


class Teams(Provider, CanPost, CanExport):
    spec = Spec(
        name="teams", title="Microsoft Teams", aliases=("msteams", "microsoft-teams"),
        docs="https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/",
        base_url="https://prod-00.westeurope.logic.azure.com",  # the workflow's own is used
        auth=(Workflow("webhook_url", "https://….logic.azure.com/workflows/***"),),
        fields=(
            Field("webhook_url", "address of the workflow, whole, with all that follows the ?",
                  True, required=True, env=("TEAMS_WEBHOOK_URL",),
                  pattern=r"(https://[\w.-]+(:443)?|"
                  r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)/\S+"),
            Field("mentions", "mention owners whose address is at these domains: acme.example,…",
                  pattern=r"[\w.-]+(,[\w.-]+)*")),
        # Power Automate's own limits depend on the plan; a channel takes about a message a second.
        limits=(Limit(1, 1.1, "run"),),
        request_id=("x-ms-workflow-run-id", "x-ms-request-id"),
        rules=(
            Rule(e.Unauthorized, 401, hint="copy the address again, whole, and let anyone trigger "
                 "the workflow; then: mktool authorize teams{account}"),
            Rule(e.NotFound, 404, hint="the workflow was deleted or turned off; make another, then:"
                 " mktool authorize teams{account}")),
        text=Text(ROOM - 3500, "bytes of a card", lambda text: size(elements(parse(text)))),
        link="attach",
        setup=f"""\
1. In Teams, at the channel: ••• > Workflows > "Send webhook alerts to a channel" (its name in
   2026; any flow that begins with "When a Teams webhook request is received" does).
2. Let anyone trigger it, and copy its address, whole: the signature is in the query.
3. mktool authorize teams (paste the address; in a shell, between single quotes)
   Teams answers "queued" and never tells what became of a card: that is in the flow's run
   history ({HISTORY}). The workflow stops when its owner leaves.""",
    )  # fmt: skip

    def post(self, post: Post, /) -> Posted:
        (card,) = cards(Report(""), parse(post.text), [("Open", post.link)] if post.link else [])
        return self._run(post.over(card), post.token)

    def pieces(self, export: Export, /) -> Sequence[Piece]:
        mentions = export.extra.get("mentions") or self.client.options.get("mentions", "")
        last = LEFT_OUT if export.transcript else ""
        over = Post("", extra=export.extra).over
        report, body = export.report, meeting.below(export.report, export.body)
        made = cards(report, body, meeting.links(report), domains=mentions, last=last)
        return [Piece("card", over(card, without=STEERING)) for card in made]

    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        if before:
            self.client.pause(IN_TURN)
        return self._run(piece.body, piece.token)

    def _run(self, card: Any, token: str) -> Posted:
        done = self.client.call(RUN, json=envelope(card))
        return Posted(f"queued-{done.headers.get('x-ms-workflow-run-id') or token}")


PROVIDER = Teams
