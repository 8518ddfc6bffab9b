from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mktool import errors as e
from mktool.http.wire import Wire as HttpWire
from mktool.model import Login, Post, Posted, Secret
from mktool.providers.teams import IN_TURN, Teams
from mktool.report import Block, Export, Report, Span
from mktool.store.ledger import Ledger
from mktool.text.cardtext import escape, from_block
from tests import reports
from tests.contract import LEAK, Example, ProviderContract, Wire

OLD = (
    "https://prod-12.westeurope.logic.azure.com:443/workflows/0aF/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig="
)
NEW = (
    "https://default0a.0b.environment.api.powerplatform.com:443/powerautomate/automations/direct/"
    "workflows/1/triggers/manual/paths/invoke?api-version=1&sp=%2ftriggers%2Fmanual%2frun&sv=1.0"
    "&sig=a-B_c%2Bd~e%3d"
)
FRAME = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard",
         "version": "1.4"}  # fmt: skip
HEADING = {"weight": "Bolder", "size": "Medium", "spacing": "Large"}


def block(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **look}


def button(title: str, url: str) -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": title, "url": url}


def queued(card: Any = None, status: int = 202, **more: Any) -> Wire:
    content = "application/vnd.microsoft.card.adaptive"
    held = {"contentType": content, "contentUrl": None, "content": card}
    sends = {"type": "message", **({"attachments": [held]} if card else {})}
    return Wire("POST", LEAK, sends, status=status, **{"reply": b"", **more})


CARD = {
    **FRAME,
    "body": [
        block("Kick-off", size="Large", weight="Bolder"),
        block("Mon 2026-09-21 14:00–15:00 UTC", isSubtle=True, spacing="Small"),
        block("Ada Lovelace, Bob", isSubtle=True, spacing="Small"),
        block("Summary", **HEADING),
        block(r"We \*\*start\*\* on Monday."),
        block("Decisions", **HEADING),
        block("- Ship it"),
        block("Action items", **HEADING),
        block("☐ **Write the plan** – <at>Ada Lovelace</at>", spacing="Small"),
        block("☑ **Order tea** – Carl", spacing="Small"),
    ],
    "actions": [button("Report", "https://notes.example/m-1")],
    "msteams": {
        "width": "Full",
        "entities": [
            {
                "type": "mention",
                "text": "<at>Ada Lovelace</at>",
                "mentioned": {"id": "ada@example.com", "name": "Ada Lovelace"},
            }
        ],
    },
}


def whole(teams: Any, export: Export = reports.EXPORTS["usual"]) -> list[Posted]:
    done: list[Posted] = []
    for number, piece in enumerate(teams.pieces(export), start=1):
        done.append(teams.write(replace(piece, token=f"t-{number}"), done))
    return done


class TestTeams(ProviderContract):
    provider = "teams"
    options: ClassVar = {"mentions": "acme.example,Example.com"}
    secrets = ("webhook_url",)
    examples = (
        Example(
            "post",
            lambda x: x.post(Post("**Out** now [x]", link="https://a.example", token="t-1")),
            (
                queued(
                    {
                        **FRAME,
                        "body": [block(r"**Out** now \[x\]")],
                        "actions": [button("Open", "https://a.example")],
                        "msteams": {"width": "Full"},
                    }
                ),
            ),
            Posted("queued-t-1"),
        ),
        Example(
            "export",
            whole,
            (queued(CARD, headers={"x-ms-workflow-run-id": "0858"}),),
            [Posted("queued-0858")],
        ),
    )

    def teams(self, ledger: Ledger, script: Iterable[Wire | Exception] = (), **options: str) -> Any:
        teams, self.vendor, self.naps = self.open(Teams, ledger, script, options)
        return teams

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(400, e.Rejected), (401, e.Unauthorized), (404, e.NotFound), (413, e.Rejected),
         (500, e.OutcomeUnknown), (502, e.OutcomeUnknown)],
    )  # fmt: skip
    def test_statuses(self, ledger: Ledger, status: int, kind: type[e.ProviderError]) -> None:
        refused = queued(status=status, reply={"error": {"code": "X", "message": f"no {LEAK}"}})
        with pytest.raises(kind) as caught:
            self.teams(ledger, [refused] * 2).post(Post("hi"))
        told = f"{caught.value} {caught.value.hint} {''.join(ledger.db.iterdump())}"
        assert LEAK not in told + "".join(json.dumps(r.shown()) for r in self.vendor.requests)

    def test_cards_are_small_and_nothing_is_left_out(self, ledger: Ledger) -> None:
        export = reports.EXPORTS["huge"]
        pieces = self.teams(ledger).pieces(export)
        said = ""
        for number, piece in enumerate(pieces, start=1):
            assert len(json.dumps(piece.body)) <= 20_000
            assert f"({number} of {len(pieces)})" in piece.body["body"][0]["text"]
            assert not re.search(r"<(?!at>)(?!/at>)", json.dumps(piece.body).replace("\\\\", ""))
            said += "\n".join(one["text"] for one in piece.body["body"]) + "\n"
        assert all(f"☐ **{number} &lt;script" in said for number in range(200))
        assert "transcript is left out" in pieces[-1].body["body"][-1]["text"]
        assert "actions" not in pieces[0].body

    def test_a_post_is_one_card_whatever_it_links_to(self, ledger: Ledger) -> None:
        post = Post("x" * 16_000, link="https://a.example/" + "é" * 1900, token="t-1")
        assert self.teams(ledger, [queued()]).post(post).id == "queued-t-1"

    def test_one_card_after_the_other(self, ledger: Ledger) -> None:
        body = tuple(reports.text("word " * 3000) for _ in range(2))
        done = whole(self.teams(ledger, [queued(), queued()]), Export(Report("T"), body))
        assert [one.id for one in done] == ["queued-t-1", "queued-t-2"]
        assert IN_TURN in self.naps

    def test_who_is_mentioned(self, ledger: Ledger) -> None:
        def owner(name: str, email: str) -> Block:
            return Block("todo", (Span(name, email=email),))

        body = (owner("A <b>", "a@acme.example"), owner("A b", "other@acme.example"),
                owner("Eve*", "eve@else.example"), owner("<>", "x@acme.example"))  # fmt: skip
        export = Export(Report("T"), body, extra={"mentions": "acme.example", "rtl": "true"})
        (piece,) = self.teams(ledger).pieces(export)
        texts = [one["text"] for one in piece.body["body"][1:]]
        assert texts == ["☐ <at>A b</at>", "☐ A b", r"☐ Eve\*", "☐ &lt;>"]
        assert [m["mentioned"]["id"] for m in piece.body["msteams"]["entities"]] == [
            "a@acme.example"
        ]
        assert piece.body["rtl"] is True
        (piece,) = self.teams(ledger).pieces(replace(export, extra={}))
        assert "<at>" not in json.dumps(piece.body)

    @pytest.mark.parametrize(
        "host", ["acme.webhook.office.com", "outlook.office.com", "outlook.office365.com"]
    )
    def test_retired_addresses_are_refused_before_anything_is_sent(
        self, ledger: Ledger, host: str
    ) -> None:
        teams = self.teams(ledger)
        url = Secret(f"https://{host}/webhookb2/1@2/IncomingWebhook/3/4")
        teams.client._credential._login = Login({}, {"webhook_url": url})
        with pytest.raises(e.ConfigError) as caught:
            teams.post(Post("hi"))
        assert "mktool authorize teams" in caught.value.hint


@pytest.mark.parametrize("tail", ["a-B_c%2Bd~e%3d", "a+b/c=", "%E2%82%ac&x=%7e!*'()", "é", ""])
@pytest.mark.parametrize("address", [OLD, NEW])
def test_the_address_goes_out_byte_for_byte(address: str, tail: str, tmp_path: Path) -> None:
    path = "/" + (address + tail).split("/", 3)[3]
    seen = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                while b"\r\n\r\n" not in seen:
                    seen.extend(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        wire = HttpWire(loopback=True)
        url = f"http://127.0.0.1:{server.getsockname()[1]}{path}"
        teams = connected(wire, url, tmp_path)
        teams.post(Post("hi"))
        wire.close()
        thread.join(5)
    line = bytes(seen).split(b"\r\n")[0]
    wanted = path.replace("é", "%C3%A9").encode()  # what cannot travel is encoded, all else is not
    assert line == b"POST " + wanted + b" HTTP/1.1"


def connected(wire: HttpWire, url: str, folder: Path) -> Teams:
    from mktool.http.client import Client
    from mktool.http.exchange import Exchange
    from mktool.http.target import Target
    from tests.contract import FixedCredential

    exchange = Exchange(Teams.spec, "default", lambda: wire, Ledger(folder / "l.db"))
    login = FixedCredential(Login({}, {"webhook_url": Secret(url)}))
    return Teams(Client(exchange, Target(Teams.spec.base_url), login, {}))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a*b_c [d](e) `f` ~g~ \\h", r"a\*b\_c \[d\](e) \`f\` \~g\~ \\h"),
        ("<at>x</at> &lt; & b", "&lt;at>x&lt;/at> &amp;lt; & b"),
        ("- a\n# b\n1. c\n2024 d", "\\- a\n\\# b\n1\\. c\n2024 d"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (Block("text", (Span(" a\nb ", bold=True, italic=True),)), " **_a_**\n\n**_b_** "),
        (Block("text", (Span("x]", link="https://a.example/(1) 2"),)),
         r"[x\]](https://a.example/%281%29%202)"),
        (Block("number", (Span("a\nb"),), level=1), "    3. a\nb"),
    ],
)  # fmt: skip
def test_blocks(one: Block, shown: str) -> None:
    assert from_block(one, 3) == shown


def test_addresses() -> None:
    field = Teams.spec.setting("webhook_url")
    assert field is not None
    for good in (OLD + "x", NEW, "http://127.0.0.1:8000/prod-1.logic.azure.com/workflows/1"):
        assert re.fullmatch(field.pattern, good)
    for bad in ("http://prod-1.logic.azure.com/x", "https://a.example:8443/x", "https://a.example"):
        assert not re.fullmatch(field.pattern, bad)
