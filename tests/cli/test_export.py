"""`mktool export`: a report to one or several providers, or a folder; later, or not at all."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from mktool.core.settings import ledger_path
from tests.box import Box
from tests.cli.conftest import Mktool

REPORT: dict[str, Any] = {
    "version": 1, "id": "m-1", "title": "Kick-off", "start": "2026-09-21T14:00:00Z",
    "participants": ["Ada <ada@example.com>"], "summary": "We **start** & <!channel>.",
    "decisions": ["Ship it"], "metadata": {"project": "Apollo"},
    "actions": [{"text": "Write the plan", "owner": "Ada <ada@example.com>"}],
    "transcript": "Ada: hello",
}  # fmt: skip
SECRET = "canary%2Dsig"
TEAMS = (
    "https://default0.00.environment.api.powerplatform.com:443/powerautomate/automations/direct/"
    "workflows/5a4dbox000000000000000000000run1/triggers/manual/paths/invoke?api-version=1"
    f"&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=sandbox{SECRET}"
)
HUBSPOT = "/api.hubapi.com/crm/v3/objects/contacts"
LOGINS = (
    "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_TOKEN", "NOTION_TOKEN", "PIPEDRIVE_API_TOKEN",
    "SALESFORCE_ACCESS_TOKEN", "SLACK_BOT_TOKEN", "TEAMS_WEBHOOK_URL",
)  # fmt: skip
EXPORTERS = ("hubspot", "notion", "pipedrive", "salesforce", "slack", "teams", "zoho")


@pytest.fixture
def file(tmp_path: Path) -> str:
    return written(tmp_path / "report.json")


@pytest.fixture
def desk(box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    """A sandbox in which HubSpot knows Ada, with every exporter but Zoho CRM logged in."""
    from mktool.sandbox import vendors
    from mktool.sandbox.vendors.notion.pages import HOME

    made_up = {"MKTOOL_NOTION_PARENT": HOME}
    for name in ("hubspot", "notion", "pipedrive", "salesforce"):
        made_up |= vendors.load(name).environment
    for name, value in {**made_up, "MKTOOL_TEAMS_WEBHOOK_URL": TEAMS}.items():
        monkeypatch.setenv(name, value)
    httpx.post(
        box.sandbox.url + HUBSPOT, json={"properties": {"email": "ada@example.com"}},
        headers={"authorization": "Bearer pat-sandbox-run"}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    box.sandbox.world.inbox.clear()
    return box


def written(path: Path, **more: Any) -> str:
    path.write_text(json.dumps({**REPORT, **more}), encoding="utf-8")
    return str(path)


def kinds(box: Box) -> list[str]:
    return sorted(f"{item.vendor} {item.kind}" for item in box.items)


WHOLE = ["hubspot note", "hubspot task", "notion page", "salesforce task", "salesforce task"]


@pytest.mark.parametrize(
    "argv",
    [
        ("FILE", "--to", "notion", "hubspot", "salesforce"),
        ("--to", "notion", "hubspot", "salesforce", "--", "FILE"),
        ("notion", "FILE", "--to", "hubspot", "--to", "salesforce", "notion"),
        ("FILE", "notion", "hubspot", "salesforce", "--format", "full"),
    ],
)
def test_several_words_may_follow_to(
    desk: Box, mktool: Mktool, file: str, argv: tuple[str, ...]
) -> None:
    ran = mktool("export", *(file if word == "FILE" else word for word in argv))
    assert ran.code == 0, ran
    assert {tuple(row[:2]) for row in ran.rows} == {
        ("notion", "done"), ("hubspot", "done"), ("salesforce", "done")
    }  # fmt: skip
    assert kinds(desk) == WHOLE


def test_what_is_shown_of_it(desk: Box, mktool: Mktool, file: str) -> None:
    args = ("--no-action-items", "--no-decisions", "--no-transcript")
    assert mktool("export", file, "--to", "notion", *args).code == 0
    assert mktool("export", file, "--to", "notion", "--format", "summary").code == 0
    short, summary = (item.text for item in desk.items)
    assert "We start & <!channel>." in short
    assert not {"Ship it", "Write the plan", "hello"} & set(short.replace("Ada: ", "").split("\n"))
    assert "Write the plan" in summary
    assert "Ship it" not in summary


def test_once_in_a_day_or_again(desk: Box, mktool: Mktool, file: str) -> None:
    args = ("export", file, "--to", "notion")
    assert mktool(*args).code == 0
    ran = mktool(*args)
    assert ran.code == 14
    assert "--again" in ran.err
    assert mktool(*args, "--again").code == 0
    assert len(desk.items) == 2


def test_once_for_ever_under_a_key(desk: Box, mktool: Mktool, tmp_path: Path, file: str) -> None:
    args = ("export", file, "--to", "notion", "--key", "k", "--json")
    first = mktool(*args).json["data"][0]
    written(tmp_path / "report.json", title="Something else")
    again = mktool(*args)
    assert again.code == 0
    assert again.json["data"][0] == {**first, "repeated": True}
    assert len(desk.items) == 1


def test_one_that_fails_stops_no_other(desk: Box, mktool: Mktool, tmp_path: Path) -> None:
    file = written(tmp_path / "r.json", participants=["nobody@example.com"])
    ran = mktool("export", file, "--to", "hubspot", "notion", "zoho", "--json")
    assert ran.code == 6
    assert ran.json["status"] == "partial"
    states = {row["provider"]: (row["state"], row["error"]) for row in ran.json["data"]}
    assert states == {
        "hubspot": ("failed", "invalid_input"), "notion": ("done", None),
        "zoho": ("failed", "needs_login"),
    }  # fmt: skip
    assert kinds(desk) == ["notion page"]


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (("--to", "notion"), 2, "which report?"),
        (("FILE",), 2, "where to?"),
        (("FILE", "--to", "notoin"), 2, "did you mean notion?"),
        (("nothing.json", "--to", "notion"), 2, "nothing.json: there is no such file"),
        (("FILE", "--to", "smtp"), 5, "SMTP takes no reports"),
        (("FILE", "--to", "notion", "--format", "sumary"), 2, "--format full, or summary"),
        (("FILE", "--to", "notion", "--set", "parent"), 2, "is not K=V"),
        (("FILE", "--to", "notion", "--key", ""), 2, "1 to 200 characters"),
        (("FILE", "--to", "notion", "--since", "2026-01-01"), 2, "--from-dir"),
        (("FILE", "--to", "notion", "--source", "odder"), 2, "unknown source odder"),
        (("--from-dir", "DIR"), 2, "where to?"),
        (("--from-dir", "DIR/none", "--to", "notion"), 2, "none: No such file or directory"),
        (("--from-dir", "DIR", "--to", "notion", "--key", "k"), 2, "each has its own"),
        (("--from-dir", "DIR", "--to", "notion", "--since", "yesterday"), 2, "is not a date"),
        (("FILE", "--to", "notion", "--set", "parent=Home"), 2, "'Home' is not the address"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_sent(
    desk: Box, mktool: Mktool, file: str, argv: tuple[str, ...], code: int, told: str
) -> None:
    words = [w.replace("FILE", file).replace("DIR", str(Path(file).parent)) for w in argv]
    ran = mktool("export", *words)
    assert (ran.code, told in ran.err) == (code, True), ran
    assert "next: " in ran.err or code == 2
    assert desk.items == []


def test_history(desk: Box, mktool: Mktool, tmp_path: Path, file: str) -> None:
    assert mktool("export", "history").err == "nothing was exported yet\n"
    mktool("export", file, "--to", "notion", "salesforce")
    mktool(
        "export", written(tmp_path / "b.json", participants=["x@example.com"]), "--to", "hubspot"
    )
    rows = mktool("export", "history").rows
    assert rows[0][2:6] == ["hubspot", "failed", "0/3", "Kick-off"]
    assert "nobody who took part" in rows[0][6]
    (told,) = mktool("export", "history", "notion", "--json").json["data"]
    (page,) = (item for item in desk.items if item.vendor == "notion")
    assert told["items"] == [{"id": page.id, "url": page.url}]
    assert (told["state"], told["parts"], told["source"]) == ("done", 1, file)
    (told,) = mktool("export", "history", "--to", "hubspot", "--json").json["data"]
    assert told["error"]["code"] == "invalid_input"


@pytest.mark.parametrize("fault", ["429@1", "cut@1", "cut@2", "429@2"])
@pytest.mark.parametrize("name", ["notion", "hubspot", "salesforce"])
def test_whatever_becomes_of_a_call_each_part_arrives_once(
    desk: Box, mktool: Mktool, file: str, fault: str, name: str
) -> None:
    desk.breaks(f"{fault}:POST *")
    for _ in range(3):
        ran = mktool("export", file, "--to", name, "--key", "k")
        if ran.code == 0:
            break
        assert ran.code in (16, 17, 18, 6), ran
    assert ran.code == 0, ran
    assert kinds(desk) == [one for one in WHOLE if one.startswith(name)]


# -- a folder --------------------------------------------------------------------------------------


def test_a_folder_is_exported_once_however_often_cron_runs(
    desk: Box, mktool: Mktool, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        written(tmp_path / f"{name}.json", id=name, title=name)
    written(tmp_path / "old.json", id="old", start="2025-01-01T10:00:00Z")
    (tmp_path / "broken.json").write_text('{"title": 5}')
    (tmp_path / "notes.md").write_text("---\ntitle: Notes\n---\n## Decisions\n- yes\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    args = ("export", "--from-dir", str(tmp_path), "--since", "2026-01-01", "--to", "notion")
    ran = mktool(*args)
    assert ran.code == 6
    assert "broken.json: title: must be text, not 5" in ran.err
    assert [row[:3] for row in ran.rows] == [
        ["a.json", "notion", "done"], ["b.json", "notion", "done"], ["notes.md", "notion", "done"]
    ]  # fmt: skip
    written(tmp_path / "broken.json", id="", title="mended")
    ran = mktool(*args)
    assert ran.code == 0
    assert [row[0] for row in ran.rows] == ["broken.json"]
    ran = mktool(*args)
    assert (ran.code, ran.out) == (0, "")
    assert "4 exports went out before" in ran.err
    assert [item.subject for item in desk.items] == ["a", "b", "Notes", "mended"]


def test_a_folder_goes_on_past_what_a_vendor_refuses(
    desk: Box, mktool: Mktool, tmp_path: Path
) -> None:
    written(tmp_path / "a.json", id="a", participants=[])
    written(tmp_path / "b.json", id="b")
    ran = mktool("export", "--from-dir", str(tmp_path), "--to", "hubspot", "zoho", "--json")
    assert ran.code == 6
    told = [(row["provider"], row["state"]) for row in ran.json["data"]]
    assert told == [("hubspot", "failed"), ("hubspot", "done"), ("zoho", "failed")]
    assert "names nobody" in ran.json["data"][0]["message"]


def test_a_folder_for_later_and_not_at_all(desk: Box, mktool: Mktool, tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / f"{name}.json", id=name, title=name)
    args = ("export", "--from-dir", str(tmp_path), "--to", "notion")
    ran = mktool(*args, "--dry-run")
    assert (ran.code, ran.out.count("POST ")) == (0, 2)
    for _ in range(2):
        assert mktool(*args, "--at", "in 1h").code == 0
    assert [row[-1] for row in mktool("schedule", "list").rows] == ["export a", "export b"]
    assert desk.items == []


# -- later -----------------------------------------------------------------------------------------


def test_it_goes_out_later_though_the_report_is_gone(
    desk: Box, mktool: Mktool, tmp_path: Path, file: str
) -> None:
    args = ("export", file, "--to", "notion", "salesforce", "--at", "in 1h")
    assert mktool(*args).code == 0
    Path(file).unlink()
    with closing(sqlite3.connect(ledger_path())) as db, db:
        db.execute("update acts set due = ?", (time.time() - 60,))
    ran = mktool("run-due")
    assert ran.code == 0, ran
    assert [row[1] for row in ran.rows] == ["done", "done"]
    assert kinds(desk) == [one for one in WHOLE if "hubspot" not in one]


# -- not at all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPORTERS)
@pytest.mark.parametrize("connected", [True, False])
def test_a_dry_run_shows_the_requests_and_sends_nothing(
    desk: Box, mktool: Mktool, file: str, monkeypatch: pytest.MonkeyPatch,
    name: str, connected: bool,
) -> None:  # fmt: skip
    if not connected:
        for login in LOGINS:
            monkeypatch.delenv(f"MKTOOL_{login}", raising=False)
    before = len(desk.sandbox.world.calls)
    ran = mktool("export", file, "--to", name, "--dry-run", "--json")
    assert ran.code == 0, ran
    (plan,) = ran.json["data"]["plans"]
    assert plan["connected"] is (connected and name != "zoho")
    writes = [request for request in plan["requests"] if request["method"] == "POST"]
    assert any("Kick-off" in json.dumps(write) for write in writes)
    assert not {SECRET, "sandbox-run", "xoxb-sandbox"} & set(ran.out.replace('"', " ").split())
    assert SECRET not in ran.out
    assert len(desk.sandbox.world.calls) == before


def test_the_schema(mktool: Mktool) -> None:
    schema = json.loads(mktool("export", "--schema").out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(REPORT) <= set(schema["properties"])


def test_the_address_of_a_workflow_is_never_shown(desk: Box, mktool: Mktool, file: str) -> None:
    desk.breaks("503@1")
    told = [mktool("export", file, "--to", "teams", *more) for more in ((), ("--json",), ())]
    told.append(mktool("export", "history", "--json"))
    told.append(mktool("log", "--json"))
    assert not any(SECRET in ran.out + ran.err for ran in told)
    assert SECRET.encode() not in b"".join(
        path.read_bytes() for path in ledger_path().parent.glob("ledger.db*")
    )


# -- the configuration -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "code", "told"),
    [
        ('[export.notion]\ntemplate = "none.md"', 3, "template none.md: No such file"),
        ('[export.notion]\ntemplate = "\\u0000{"', 3, "[export.notion] template"),
        ("[export.notion]\ntemplate = 5", 3, "[export.notion] template must be text"),
        ('[export.notion]\ntemplat = "a.md"', 3, "did you mean template?"),
        ('[export.notoin]\ntemplate = "a.md"', 3, "did you mean notion?"),
        ('[export.notion]\ntemplate = "{{ titel }}"', 2, "did you mean title?"),
        ('[export.notion]\ntemplate = "a\\n{{ title"', 2, "[export.notion] template: line 2"),
        ('[map.notion.pgae]\nName = "title"', 3, "did you mean [map.notion.page]?"),
        ('[map.notion.page]\nName = "titel"', 3, "[map.notion.page] Name: there is no titel"),
        ('[map.notion.page]\nName = "{{ titel }}"', 2, "[map.notion.page] Name"),
        ("[map.notion.page]\nName = 5", 3, "[map.notion.page] Name must be text"),
    ],
)
def test_a_wrong_configuration_is_named(
    desk: Box, mktool: Mktool, tmp_path: Path, file: str, config: str, code: int, told: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config)
    ran = mktool("--config", str(path), "export", file, "--to", "notion")
    assert (ran.code, told in ran.err) == (code, True), ran
    assert "config.toml" in ran.err
    assert desk.items == []


def test_templates_and_fields_of_ones_own(
    desk: Box, mktool: Mktool, tmp_path: Path, file: str
) -> None:
    path = tmp_path / "config.toml"
    (tmp_path / "recap.md").write_text("# Recap\n\n{% for d in decisions %}- {{ d }}\n{% endfor %}")
    path.write_text(
        '[export.notion]\ntemplate = "recap.md"\n[export.hubspot]\ntemplate = "**{{ title }}**"\n'
        '[map.salesforce.Task]\nDescription = "metadata.project"\n'
        '[map.salesforce.lead]\nEmail = "email"\n'  # of `mktool sync`
    )
    ran = mktool("--config", str(path), "export", file, "--to", "notion", "hubspot", "salesforce")
    assert ran.code == 0, ran
    texts = {f"{item.vendor} {item.kind}": item.text for item in reversed(desk.items)}
    assert "Recap\n• Ship it" in texts["notion page"]
    assert "<strong>Kick-off</strong>" in texts["hubspot note"]
    assert "Apollo" in texts["salesforce task"]
