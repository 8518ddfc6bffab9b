"""The commands of the README, typed as they stand there, at a sandbox."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import httpx
import jsonschema
import pytest

from mktool.core.export.schema import schema
from mktool.sandbox import vendors
from mktool.store.paths import config_dir
from tests.box import Box
from tests.cli.conftest import Mktool, Ran

README = Path(__file__).resolve().parents[2] / "README.md"
PEOPLE = 1000
# What a line ends with that is not 0: there is nobody to type the number, and all has gone out.
CODES = {"send-campaign launch.toml": 2, "campaign pause launch": 2, "campaign cancel launch": 2}


def section(title: str) -> str:
    """Return what stands below a heading, up to the next one that is in no example."""
    found, inside, fence = list[str](), False, False
    for line in README.read_text(encoding="utf-8").splitlines():
        fence ^= line.startswith("```")
        if line.startswith("## ") and not fence:
            inside = line == f"## {title}"
        elif inside:
            found.append(line)
    return "\n".join(found) + "\n"


def examples(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.+?)```", text, re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Return the lines of the code blocks, without ``mktool`` and the comment."""
    typed = re.findall(r"^ {4}mktool (.+)", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in typed]


def test_the_campaign_of_the_readme(
    box: Box, mktool: Mktool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = section("Campaigns")
    (toml,) = examples(text, "toml")
    (provider,) = re.findall(r'^provider = "(.+)"', toml, re.MULTILINE)
    for name, value in vendors.load(provider).environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(f"MKTOOL_{provider.upper()}_REQUESTS_PER_SECOND", "1000")
    monkeypatch.setenv("CI", "1")
    monkeypatch.chdir(tmp_path)
    init, *rest = commands(text)
    assert mktool(*init).code == 0
    (tmp_path / "launch.toml").write_text(toml)
    people = (f"{n},reader{n}@acme.example,Reader {n},NL,pro\n" for n in range(PEOPLE))
    (tmp_path / "people.csv").write_text("id,email,first_name,country,plan\n" + "".join(people))

    (tmp_path / "bodies.jsonl").write_text("[]")
    ended = {line: mktool(*line.split()) for line in map(" ".join, rest)}
    assert {line: ran.code for line, ran in ended.items()} == dict.fromkeys(ended, 0) | CODES
    sent = Counter(item.to for item in box.items)
    assert set(sent.values()) == {1}
    assert len(sent) == PEOPLE + len(["me@acme.example"])
    assert ["sent", str(PEOPLE), "", ""] in ended["campaign report launch --revenue 4000"].rows
    assert len((tmp_path / "launch.csv").read_text().splitlines()) == PEOPLE + 1


@pytest.fixture
def logins(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to work in, logged in everywhere, and two people in the records of HubSpot."""
    for name in vendors.names():
        for variable, value in vendors.load(name).environment.items():
            monkeypatch.setenv(variable, value)
    monkeypatch.setenv("CI", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seed.csv").write_text(
        "email,firstname,phone\nada@example.com,Ada,1\nbob@example.com,Bob,2\n"
    )
    return tmp_path


def configured(home: Path, *tomls: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text("\n".join(tomls))


def typed(mktool: Mktool, box: Box, lines: Iterable[str]) -> dict[str, Ran]:
    """Type lines one after the other, with a minute between them, as an index needs."""
    ended = {}
    for line in lines:
        ended[line] = mktool(*shlex.split(line))
        box.ahead += 61
    return ended


def test_the_reports_of_the_readme(box: Box, mktool: Mktool, logins: Path) -> None:
    text = section("Reports")
    (report,), (weekly,) = examples(text, "json"), examples(text, "markdown")
    (toml,), (template,) = examples(text, "toml"), examples(text, "jinja")
    for folder in (logins, logins / "meetings"):
        folder.mkdir(exist_ok=True)
        (folder / "report.json").write_text(report)
        (folder / "weekly.md").write_text(weekly)
    configured(config_dir(), toml)
    (config_dir() / "recap.md").write_text(template)
    jsonschema.validate(json.loads(report), schema())
    assert mktool(*shlex.split("sync hubspot contacts --from seed.csv")).code == 0

    ended = typed(mktool, box, map(shlex.join, commands(text)))
    assert {line: (ran.code, ran.err) for line, ran in ended.items() if ran.code} == {}
    seen = [(item.vendor, item.kind) for item in box.items]
    assert {vendor for vendor, _ in seen} == {"slack", "hubspot", "salesforce", "teams", "notion"}
    assert seen.count(("hubspot", "note")) == 3  # one, and two of the folder
    tasks = [item.text for item in box.items if (item.vendor, item.kind) == ("salesforce", "task")]
    assert any(words.startswith("2026-11-20 Launch review") for words in tasks)
    first, *_ = ended.values()
    assert ", 2 people" in first.out  # of the template, in a dry run
    assert len(ended["export history"].rows) == 5


CAMPAIGN = """name = "launch"
provider = "resend"
from = "Acme <news@acme.example>"
subject = "Hello {{ firstname }}"
text = "Dear {{ firstname }}, it is here."
recipients = "hubspot:list/1"
unsubscribe = "https://acme.example/u/{{ id }}"
postal_address = "Acme Inc, 1 Main Street, Springfield"
"""


def property_of_ones_own(box: Box, name: str) -> None:
    """Have a field on contacts, as somebody makes it in HubSpot's settings."""
    body = {"name": name, "label": name, "type": "string", "fieldType": "text",
            "groupName": "contactinformation"}  # fmt: skip
    made = httpx.post(
        f"{box.sandbox.url}/api.hubapi.com/crm/v3/properties/contacts", json=body,
        headers={"authorization": "Bearer pat-sandbox-run"},
    )  # fmt: skip
    assert made.status_code == 201


def test_the_records_of_the_readme(box: Box, mktool: Mktool, logins: Path) -> None:
    text = section("Records")
    (toml,) = examples(text, "toml")
    configured(config_dir(), toml)
    for name in re.findall(r"^(lead_\w+) =", toml, re.MULTILINE):
        property_of_ones_own(box, name)
    (logins / "people.csv").write_text("email,firstname,phone\nada@example.com,Ada,3\n")
    (logins / "launch.toml").write_text(CAMPAIGN)
    first = ["sync hubspot contacts --from seed.csv", "sync hubspot contacts --to team.csv",
             "send-campaign launch.toml"]  # fmt: skip
    assert {ran.code for ran in typed(mktool, box, first).values()} == {0}
    team = logins / "team.csv"
    team.write_text(team.read_text().replace(",1,", ",4,").replace("Bob", "Rob"))

    ended = typed(mktool, box, map(shlex.join, commands(text)))
    assert {line: (ran.code, ran.err) for line, ran in ended.items() if ran.code} == {}
    mktool("sync", "hubspot", "contacts", "--to", "now.jsonl")
    ada, rob = map(json.loads, (logins / "now.jsonl").read_text().splitlines())
    assert (ada["phone"], rob["firstname"]) == ("4", "Rob")
    assert (ada["lead_campaign"], rob["lead_campaign_sent"][:2]) == ("launch", "20")
    assert {item.to for item in box.items if item.vendor == "resend"} == {
        "ada@example.com", "bob@example.com",
    }  # fmt: skip


def test_the_settings_of_the_readme_sync_leads(box: Box, mktool: Mktool, logins: Path) -> None:
    (toml,) = examples(section("Records"), "toml")
    configured(config_dir(), toml)
    leads = logins / "leads.csv"
    leads.write_text("email,name,company,phone,changed_at,ours\nada@example.com,Ada,Acme,1,,x\n")
    both = "sync salesforce leads --to leads.csv --from leads.csv"
    assert typed(mktool, box, [both])[both].code == 0
    for at, kept in (("2100-01-01T00:00Z", "Here 2100"), ("2001-01-01T00:00Z", "There 2001")):
        there = f"There {at[:4]}"
        (logins / "others.csv").write_text(
            f"email,name,company,phone,changed_at\nada@example.com,Ada,{there},{at[:4]},2090-01-01\n"
        )
        (row,) = csv.DictReader(leads.read_text().splitlines())
        row |= {"company": f"Here {at[:4]}", "phone": f"9 {at[:4]}", "changed_at": at}
        leads.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
        ended = typed(mktool, box, ["sync salesforce leads --from others.csv", both])
        assert {ran.err for ran in ended.values() if ran.code} == set()
        (row,) = csv.DictReader(leads.read_text().splitlines())
        assert (row["company"], row["phone"], row["ours"]) == (kept, f"9 {at[:4]}", "x")
