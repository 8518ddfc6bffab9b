"""`mktool sync` and `mktool syncs`, with a CRM that records."""

from __future__ import annotations

import csv
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mktool.providers.hubspot import HubSpot
from tests import postgres
from tests.cli.conftest import Mktool, Ran
from tests.system.crm import Crm

Rows = dict[str, dict[str, Any]]


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Crm]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HubSpot, "spec", replace(HubSpot.spec, limits=()))  # else tests wait
    with Crm() as running:
        monkeypatch.setenv("MKTOOL_HUBSPOT_ACCESS_TOKEN", "pat-1")
        monkeypatch.setenv("MKTOOL_SANDBOX", running.url)
        yield running


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    from urllib.parse import quote

    with postgres.server() as port:
        password = quote(postgres.PASSWORD, safe="")
        yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"


class Place:
    """One file or table, and the records of a CRM kept in step with it."""

    def __init__(self, mktool: Mktool, crm: Crm, target: str) -> None:
        self.mktool, self.crm, self.target = mktool, crm, target

    def sync(self, *args: str, kind: str = "contacts", code: int = 0) -> Any:
        ran = self.mktool("sync", "hubspot", kind, *args, "--json")
        assert ran.code == code, ran
        return ran.json

    def pull(self, *args: str, code: int = 0) -> Any:
        return self.sync("--to", self.target, *args, code=code)

    def push(self, *args: str, code: int = 0) -> Any:
        return self.sync("--from", self.target, *args, code=code)

    def both(self, *args: str, code: int = 0) -> Any:
        return self.sync("--to", self.target, "--from", self.target, *args, code=code)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        if self.target.startswith("sqlite"):
            db: Any = sqlite3.connect(self.target.removeprefix("sqlite:///"))
        else:
            import psycopg

            db = psycopg.connect(self.target)
            statement = statement.replace("%", "%%").replace("?", "%s")
        with closing(db):
            cursor = db.cursor()
            cursor.execute(statement, values)
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor] if names else []
            db.commit()
        return rows

    def all(self) -> list[dict[str, Any]]:
        if "://" in self.target:
            return self.sql("select * from contacts order by id")
        with Path(self.target).open(encoding="utf-8", newline="") as file:
            if self.target.endswith(".csv"):
                return list(csv.DictReader(file))
            return [json.loads(line) for line in file]

    def rows(self) -> Rows:
        """What is there, by id or else by address, without what is empty and what is mktool's."""
        own = ("id", "modified_at", "lastmodifieddate", "hs_object_id")
        return {
            row["id"] or row["email"]: {
                n: v for n, v in row.items() if v not in (None, "", False, 0) and n not in own
            }
            for row in self.all()
        }

    def write(self, id: str, **values: str) -> None:
        """Change a row as a person does."""
        if "://" in self.target:
            sets = ", ".join(f"{name} = ?" for name in values)
            self.sql(f"update contacts set {sets} where id = ?", *values.values(), id)
            return
        rows = [row | values if row["id"] == id else row for row in self.all()]
        self.put(rows)

    def insert(self, **values: str) -> None:
        if "://" in self.target:
            marks = ", ".join("?" * len(values))
            self.sql(f"insert into contacts ({', '.join(values)}) values ({marks})",
                     *values.values())  # fmt: skip
            return
        self.put([*self.all(), dict.fromkeys(self.all()[0], "") | values])

    def remove(self, id: str) -> None:
        if "://" in self.target:
            self.sql("delete from contacts where id = ?", id)
            return
        self.put([row for row in self.all() if row["id"] != id])

    def put(self, rows: list[dict[str, Any]]) -> None:
        with Path(self.target).open("w", encoding="utf-8", newline="") as file:
            if self.target.endswith(".csv"):
                table = csv.DictWriter(file, list(rows[0]))
                table.writeheader()
                table.writerows(rows)
            else:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture(params=["c.csv", "c.jsonl", "sqlite:///c.db", "postgresql"])
def place(request: pytest.FixtureRequest, mktool: Mktool, crm: Crm) -> Iterator[Place]:
    target = request.param
    if target == "postgresql":
        target = request.getfixturevalue("database")
    made = Place(mktool, crm, target)
    yield made
    if target.startswith("postgresql"):
        made.sql("drop table if exists contacts")


OWN = ("deleted", "ID_", "Modified_At")
NASTY = {
    "decimal": "1.10", "zeros": "00123", "moment": "2026-01-02T03:04:05.678+02:00",
    "id_like": "9223372036854775808123", "emoji": "👩‍👩‍👧 שלום", "lines": "a\r\nb\rc\nd",
    "formula": "=1+1", "guarded": "'=1+1", "phone": "+41 79 555 01 02", "blank": "  x  ",
    "quotes": 'he said "no", twice;|\t', "apostrophe": "'tis", "deleted": "yes", "ID_": "x",
    "Modified_At": "y", "half%": "50%", 'a "b"': "c",
}  # fmt: skip


def test_values_are_exact_there_and_back(place: Place) -> None:
    place.crm.fields["contacts"] += list(NASTY)
    id = place.crm.add("contacts", email="a@b.ch", nul="x", **NASTY)
    place.crm.change("contacts", id, notes="before\0after")
    place.pull()
    assert place.push()["data"]["plan"] == {"unchanged": 1}
    (row,) = place.all()
    if place.target != "c.csv":
        assert {n: row[n] for n in NASTY if n not in OWN} == {
            n: v for n, v in NASTY.items() if n not in OWN
        }
        assert [row[f"{n}_"] for n in OWN] == ["yes", "x", "y"]
        assert row["notes"] == "before\ufffdafter"
    before = place.crm.live("contacts")
    place.both()
    assert place.crm.live("contacts") == before
    assert place.push()["data"]["plan"] == {"unchanged": 1}


def test_what_was_deleted_stays_as_a_tombstone_and_can_come_back(place: Place) -> None:
    ids = [place.crm.add("contacts", email=f"c{n}@b.ch", firstname="x") for n in range(3)]
    place.pull()
    place.crm.delete("contacts", ids[0])
    assert place.pull()["data"]["deleted"] == 1
    place.crm.held["contacts"].pop(int(ids[1]))  # gone without a trace: only --full finds out
    place.pull("--full")
    gone = {row["id"] for row in place.all() if row["deleted"] not in ("", 0, False)}
    assert gone == set(ids[:2])
    assert place.push()["data"]["plan"] == {"unchanged": 1}
    place.crm.restore("contacts", ids[0], firstname="again")
    place.pull()
    assert place.rows()[ids[0]] == {"email": "c0@b.ch", "firstname": "again"}


def test_a_target_that_was_lost_is_whole_again(place: Place) -> None:
    for n in range(3):
        place.crm.add("contacts", email=f"c{n}@b.ch")
    place.pull()
    if "://" in place.target:
        place.sql("drop table contacts")
    else:
        Path(place.target).unlink()
    place.pull()
    assert place.rows() == place.crm.live("contacts")


def test_what_a_push_has_read_is_pulled_too(place: Place) -> None:
    id = place.crm.add("contacts", email="a@b.ch", firstname="old")
    place.pull()
    other = place.crm.add("contacts", email="c@d.ch")
    place.crm.change("contacts", id, firstname="new")
    assert place.push()["data"]["plan"] == {"unchanged": 1}
    place.pull()
    assert place.rows().keys() == {id, other}
    assert place.rows() == place.crm.live("contacts")


def test_a_field_that_is_new_and_one_that_is_gone(place: Place) -> None:
    id = place.crm.add("contacts", email="a@b.ch", firstname="x")
    place.pull()
    place.crm.fields["contacts"] += ["Twitter"]
    place.crm.fields["contacts"].remove("phone")
    place.crm.change("contacts", id, Twitter="@a")
    place.pull()
    assert place.rows()[id]["Twitter"] in ("@a", "'@a")
    place.pull("--fields", "email")
    assert place.rows()[id]["email"] == "a@b.ch"


def test_what_is_not_ours_is_not_written_over(place: Place) -> None:
    place.crm.add("contacts", email="a@b.ch")
    if "://" in place.target:
        place.sql("create table contacts (id text, email text)")
        place.insert(id="1", email="mine@b.ch")
    else:
        place.put([{"id": "1", "email": "mine@b.ch"}])
    ended = place.pull(code=2)
    assert "--replace" in ended["errors"][0]["hint"]
    assert place.rows() == {"1": {"email": "mine@b.ch"}}
    place.pull("--replace")
    assert len(place.rows()) == (2 if "://" in place.target else 1)


def test_both_ways_everything_arrives_and_nothing_is_overwritten(place: Place) -> None:
    crm = place.crm
    ids = [crm.add("contacts", email=f"c{n}@b.ch", firstname="f", phone="1") for n in range(6)]
    place.pull()
    crm.change("contacts", ids[0], firstname="theirs")
    place.write(ids[1], firstname="ours")
    crm.change("contacts", ids[2], firstname="theirs")  # another field on either side
    place.write(ids[2], phone="2")
    crm.change("contacts", ids[3], firstname="theirs")  # the same
    place.write(ids[3], firstname="ours")
    crm.delete("contacts", ids[4])
    place.remove(ids[5])
    new = crm.add("contacts", email="new@b.ch")
    place.insert(email="Mine@B.ch", firstname="made here")
    ended = place.both(code=6)
    plan = ended["data"]["plan"]
    assert plan == {"conflict": 1, "create": 1, "gone": 1, "unchanged": 1, "update": 2}
    (made,) = [i for i, r in crm.live("contacts").items() if r["email"] == "Mine@B.ch"]
    there, here = crm.live("contacts"), place.rows()
    assert there[ids[3]]["firstname"] == "theirs"
    assert here[ids[3]]["firstname"] == "ours"
    assert {ids[4], ids[5], new, made} <= here.keys()
    for id in (*ids[:3], ids[5], new, made):
        assert here[id] == there[id]
    assert place.both("--conflict", "firstname=theirs")["data"]["plan"] == {"unchanged": 8}
    assert place.rows()[ids[3]] == there[ids[3]]
    assert place.both()["data"]["plan"] == {"unchanged": 8}
    assert len(place.all()) == 8


def test_rows_without_an_id_get_it_by_their_key(place: Place) -> None:
    """What the vendor changed meanwhile is not overwritten by what such a row held before."""
    id = place.crm.add("contacts", email="a@b.ch", firstname="f", phone="1")
    place.crm.add("contacts", email="other@b.ch")
    place.pull()
    if "://" in place.target:
        place.sql("update contacts set id = null where id = ?", id)
    else:
        place.put([row | {"id": "" if row["id"] == id else row["id"]} for row in place.all()])
    place.insert(email=" A@B.ch", firstname="again")  # the same address once more
    place.crm.change("contacts", id, phone="2")
    assert place.both(code=6)["data"]["plan"] == {"refused": 1, "unchanged": 2 - 1 + 1}
    assert place.rows()[id]["phone"] == "2"
    assert place.crm.live("contacts")[id]["phone"] == "2"
    place.both(code=6)
    assert place.crm.live("contacts")[id]["phone"] == "2"


def test_a_row_with_a_second_address_means_that_person(place: Place) -> None:
    place.crm.fields["contacts"].append("hs_additional_emails")
    other = place.crm.add("contacts", email="other@b.ch")
    place.pull()
    id = place.crm.add("contacts", email="main@b.ch", hs_additional_emails="b@b.ch;c@b.ch")
    place.insert(email="C@b.ch", phone="1")
    for writes in (1, 0):
        assert place.both()["data"]["plan"].get("update", 0) == writes
        live = place.crm.live("contacts")
        assert live.keys() == {other, id}
        assert (live[id]["email"], live[id]["phone"]) == ("main@b.ch", "1")
        assert place.rows()[id] == {
            "email": "C@b.ch", "phone": "1", "hs_additional_emails": "b@b.ch;c@b.ch"
        }  # fmt: skip


def test_a_record_that_comes_back_at_the_vendor_is_no_second_row(place: Place) -> None:
    id = place.crm.add("contacts", email="a@b.ch", firstname="x")
    place.pull()
    place.crm.delete("contacts", id)
    place.both()
    place.crm.restore("contacts", id, firstname="y")
    assert place.both()["data"]["plan"] == {"restored": 1}
    assert place.rows() == {id: {"email": "a@b.ch", "firstname": "y"}}
    place.write(id, deleted="1")
    place.both()
    assert len(place.all()) == 1
    assert place.crm.live("contacts").keys() == {id}


def test_after_both_ways_a_pull_alone_overwrites_nothing(place: Place) -> None:
    id = place.crm.add("contacts", email="a@b.ch", firstname="x")
    place.pull()
    place.write(id, firstname="ours")
    place.crm.change("contacts", id, firstname="theirs")
    place.both(code=6)
    place.pull(code=2)
    assert place.rows()[id]["firstname"] == "ours"


def test_a_pull_that_was_cut_off_is_not_taken_for_agreed(place: Place) -> None:
    """Else the old values of the file would be pushed over what is new at the vendor."""
    ids = [place.crm.add("contacts", email=f"c{n}@b.ch", firstname="old") for n in range(250)]
    place.pull()
    for id in ids:
        place.crm.change("contacts", id, firstname="new")
    calls = iter(range(99))
    place.crm.before = lambda path: place.crm.faults.update(
        status_400=float(path.endswith("search") and next(calls) >= 1)
    )
    place.pull(code=14)
    place.crm.before, place.crm.faults = lambda path: None, {}
    assert place.both()["data"]["plan"] == {"unchanged": 250}
    assert {r["firstname"] for r in place.crm.live("contacts").values()} == {"new"}
    assert {r["firstname"] for r in place.rows().values()} == {"new"}


@pytest.fixture
def file(mktool: Mktool, crm: Crm) -> Place:
    return Place(mktool, crm, "c.csv")


def test_columns_of_ones_own_stay(file: Place) -> None:
    id = file.crm.add("contacts", email="a@b.ch", firstname="x")
    file.pull()
    file.put([{**row, "my notes": " 007, mine "} for row in file.all()])
    file.crm.change("contacts", id, firstname="y")
    file.both()
    assert file.rows()[id] == {"email": "a@b.ch", "firstname": "y", "my notes": " 007, mine "}


def test_lines_of_a_jsonl_that_get_nothing_stay_to_the_letter(mktool: Mktool, crm: Crm) -> None:
    place = Place(mktool, crm, "c.jsonl")
    ids = [crm.add("contacts", email=f"{n}@b.ch") for n in range(2)]
    lines = [f'{{"id":"{id}", "email": "{n}@b.ch","n":1.10, "phone": null, "t": [1, 2.50]}}'
             for n, id in enumerate(ids)]  # fmt: skip
    Path("c.jsonl").write_text("\n".join(lines) + "\n")
    crm.change("contacts", ids[1], phone="7")
    place.both()
    first, second = Path("c.jsonl").read_text().splitlines()
    assert first == lines[0]
    assert '"n":1.10' in second
    assert '"t":[1,2.50]' in second
    assert '"phone":"7"' in second


@pytest.mark.parametrize("line", ["a,b,c,d,e,f,g,h", '"a"b,c', "x\0y"])
def test_a_file_that_cannot_be_read_whole_is_not_written(file: Place, line: str) -> None:
    file.crm.add("contacts", email="a@b.ch")
    file.pull()
    with Path("c.csv").open("a") as out:
        out.write(line + "\n")
    before = Path("c.csv").read_bytes()
    assert "line 3" in file.both(code=2)["errors"][0]["message"]
    assert Path("c.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("lines", "plan", "code"),
    [
        (["a@b.ch,1", "A@B.CH,2"], {"create": 1, "refused": 1}, 6),
        ([",1"], {"refused": 1}, 6),
        (["c@d.ch,refuse", "e@f.ch,1"], {"create": 2}, 6),
        ([*(f"c{n}@d.ch,{'poison' if n == 7 else ''}" for n in range(9))], {"create": 9}, 6),
    ],
)
def test_rows_that_cannot_go(
    mktool: Mktool, crm: Crm, lines: list[str], plan: dict[str, int], code: int
) -> None:
    Path("in.csv").write_text("\n".join(["email,notes", *lines]) + "\n")
    ended = Place(mktool, crm, "in.csv").push(code=code)
    assert ended["data"]["plan"] == plan
    told = mktool("syncs", "1", "--state", "failed", "--state", "refused", "--json")
    assert len(told.json["data"]) == 1, told
    assert len(crm.live("contacts")) == len(lines) - 1


def test_an_id_that_is_not_there_and_one_that_is_meant_twice(mktool: Mktool, crm: Crm) -> None:
    id = crm.add("contacts", email="a@b.ch")
    lines = ["id,email,phone", "99,x@y.ch,1", f"{id},c@d.ch,2", ",a@b.ch,3"]
    Path("in.csv").write_text("\n".join(lines))
    ended = Place(mktool, crm, "in.csv").push(code=6)
    assert ended["data"]["plan"] == {"refused": 2, "update": 1}
    assert crm.live("contacts") == {id: {"email": "c@d.ch", "phone": "2"}}


def test_only_the_fields_that_are_named_are_written(mktool: Mktool, crm: Crm) -> None:
    Path("in.csv").write_text("email,firstname,phone\na@b.ch,Ada,1\n")
    Place(mktool, crm, "in.csv").push("--fields", "firstname")
    (made,) = crm.live("contacts").values()
    assert made == {"email": "a@b.ch", "firstname": "Ada"}


@pytest.mark.parametrize(
    ("columns", "args", "words", "hint"),
    [
        ("email,fristname", (), "in.csv: the vendor has no field fristname", "firstname?"),
        ("email,own", (), "no field own", "--fields A,B"),
        ("email", ("--fields", "email,nosuch"), "HubSpot: contacts have no field nosuch", "--to"),
        ("email", ("--key", "Email"), "no field Email", "did you mean email?"),
        ("email", ("--conflict", "fone=ours"), "no field fone", "did you mean phone?"),
        ("id,email", ("--to", "in.csv", "--fields", "nosuch"), "no field nosuch", "--to"),
        ("firstname", (), "no column email", "--key"),
    ],
)
def test_names_of_no_fields_are_said_before_anything_is_read(
    mktool: Mktool, crm: Crm, columns: str, args: tuple[str, ...], words: str, hint: str
) -> None:
    Path("in.csv").write_text(f"{columns}\n" + ",".join("x" for _ in columns.split(",")))
    (error,) = Place(mktool, crm, "in.csv").push(*args, code=2)["errors"]
    assert words in error["message"]
    assert hint in error["hint"]
    assert crm.requests <= 1  # what fields there are


def test_columns_that_are_left_out_may_have_any_name(mktool: Mktool, crm: Crm) -> None:
    Path("in.csv").write_text("email,own\na@b.ch,x\n")
    place = Place(mktool, crm, "in.csv")
    place.push("--fields", "email")
    place.both()
    assert [r for r in crm.live("contacts").values()] == [{"email": "a@b.ch"}]


def test_what_only_the_vendor_writes_is_left_out_with_a_word(mktool: Mktool, crm: Crm) -> None:
    id = crm.add("contacts", email="a@b.ch")
    place = Place(mktool, crm, "c.csv")
    place.pull()
    assert place.push()["data"]["ignored"] == []
    place.write(id, lastmodifieddate="2020-01-01T00:00:00Z", phone="1")
    assert (
        "not written: lastmodifieddate; only HubSpot"
        in mktool("sync", "hubspot", "contacts", "--from", "c.csv", "--dry-run").err
    )
    ended = place.push()["data"]
    assert (ended["plan"], ended["ignored"]) == ({"update": 1}, ["lastmodifieddate"])
    assert crm.live("contacts")[id]["phone"] == "1"
    assert place.push()["data"]["plan"] == {"unchanged": 1}


@pytest.mark.parametrize(
    ("command", "words", "code"),
    [
        ("sync slack contacts --to c.csv", "Slack has no records to sync", 5),
        ("sync pipedrive cats --to c.csv", "Pipedrive has no 'cats'", 2),
        ("find sendgrid contact a@b.ch", "SendGrid cannot be searched", 5),
        ("find pipedrive cat a@b.ch", "Pipedrive has no 'cat' to find", 2),
    ],
)
def test_nobody_has_to_log_in_for_what_there_is_not(
    mktool: Mktool, command: str, words: str, code: int
) -> None:
    ran = mktool(*command.split(), "--json")
    assert (ran.code, words in ran.json["errors"][0]["message"]) == (code, True)


def test_what_is_refused_is_not_agreed_on(mktool: Mktool, crm: Crm) -> None:
    Path("in.csv").write_text("email,phone\n,1\n")
    ran = mktool("sync", "hubspot", "contacts", "--from", "in.csv")
    assert ran.code == 6
    assert "agree" not in ran.out + ran.err


def test_a_page_that_leads_to_itself_is_not_read_for_ever(
    mktool: Mktool, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = crm.add("contacts", email="a@b.ch")
    again = {"results": [crm.held["contacts"][int(id)]], "paging": {"next": {"after": "7"}}}
    monkeypatch.setattr(crm, "_listed", lambda kind, asked: again)
    for _ in range(2):
        (error,) = Place(mktool, crm, "c.csv").pull(code=17)["errors"]
        assert "names itself" in error["message"]
    assert crm.requests < 9


def test_a_file_that_is_not_there_yet(mktool: Mktool, crm: Crm) -> None:
    (error,) = Place(mktool, crm, "c.csv").both(code=2)["errors"]
    assert error["hint"] == "without --from, the same command makes it"
    assert crm.requests <= 1


def test_many_have_to_be_confirmed(mktool: Mktool, crm: Crm) -> None:
    rows = "".join(f"c{n}@b.ch\n" for n in range(1500))
    Path("in.csv").write_text(f"email\n{rows}")
    place = Place(mktool, crm, "in.csv")
    assert "--confirm 1500" in place.push(code=2)["errors"][0]["hint"]
    place.push("--confirm", "7", code=2)
    assert not crm.writes
    place.push("--confirm", "1500")
    assert len(crm.live("contacts")) == 1500


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("contacts",), 2, "where to, or where from?"),
        (("cats", "--to", "c.csv"), 2, "has no 'cats'"),
        (("contacts", "--to", "c.txt"), 2, "neither .csv nor .jsonl"),
        (("contacts", "--to", "mysql://me:hush@db/x"), 2, "neither"),
        (("contacts", "--to", "postgresql://me:hush@127.0.0.1:1/x"), 3, "refused"),
        (("contacts", "--to", "nowhere/c.csv"), 2, "no such folder"),
        (("contacts", "--to", "sqlite:///nowhere/c.db"), 3, "unable to open"),
        (("contacts", "--to", "sqlite:///c.db?table=a;b"), 2, "name of a table"),
        (("contacts", "--from", "missing.csv"), 2, "missing.csv"),
        (("contacts", "--from", "c.csv", "--to", "d.csv"), 2, "same file"),
        (("contacts", "--from", "c.csv", "--conflict", "mine"), 2, "--conflict mine"),
        (("contacts", "--to", "c.csv", "--dry-run"), 2, "--dry-run"),
        (("lists", "--from", "c.csv"), 5, "can only be read"),
    ],
)
def test_what_is_asked_wrongly(
    mktool: Mktool, crm: Crm, args: tuple[str, ...], code: int, words: str
) -> None:
    ran = mktool("sync", "hubspot", *args)
    assert (ran.code, ran.out) == (code, ""), ran
    assert words in ran.err
    assert "hush" not in ran.err


def test_two_tables_of_one_database_are_two_pairs(mktool: Mktool, crm: Crm) -> None:
    crm.add("contacts", email="a@b.ch")
    for table in ("one", "two"):
        Place(mktool, crm, f"sqlite:///c.db?table={table}").pull()
    with sqlite3.connect("c.db") as db:
        assert db.execute("select count(*) from two").fetchone() == (1,)
    db.close()
    assert len(mktool("syncs", "--json").json["data"]) == 2


def test_passwords_are_nowhere(mktool: Mktool, crm: Crm, database: str) -> None:
    place = Place(mktool, crm, database)
    crm.add("contacts", email="a@b.ch")
    said = [place.pull(), place.push(), place.both(), mktool("syncs", "--json").json]
    place.sql("drop table contacts")
    home = Path.cwd() / "home"
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    for password in (postgres.PASSWORD, "p%40ss"):
        assert password not in json.dumps(said)
        assert password.encode() not in kept


def test_a_person_sees_what_will_be_done(mktool: Mktool, crm: Crm) -> None:
    crm.add("contacts", email="a@b.ch", phone="1")
    Path("in.csv").write_text("email,phone\na@b.ch,2\nc@d.ch,3\n")
    ran: Ran = mktool("sync", "hubspot", "contacts", "--from", "in.csv", "--dry-run")
    assert ran.code == 0
    assert "1 create, 1 update" in ran.err
    assert "phone = 2" in ran.err
    assert crm.writes == 0


def test_standard_input_and_other_files(mktool: Mktool, process: Mktool, crm: Crm) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    ran = process("sync", "hubspot", "contacts", "--from", "-", stdin="email\na@b.ch\n")
    assert ran.code == 0, ran
    parquet.write_table(pa.table({"email": ["c@d.ch"], "phone": ["007"]}), "in.parquet")
    Path("in.jsonl").write_text('{"email": "e@f.ch", "firstname": "\'=x"}\n')
    Path("win.csv").write_bytes("email;firstname\ng@h.ch;Zoë\n".encode("cp1252"))
    with sqlite3.connect("in.db") as db:
        db.execute("create table people (email, n)")
        db.execute("insert into people values ('i@j.ch', 1)")
    db.close()
    query = "sqlite:///in.db?query=select email, '00' || n as phone from people"
    for source in ("in.parquet", "in.jsonl", "win.csv", query):
        Place(mktool, crm, source).push()
    assert {str(r.pop("email")): r for r in crm.live("contacts").values()} == {
        "a@b.ch": {}, "c@d.ch": {"phone": "007"}, "e@f.ch": {"firstname": "'=x"},
        "g@h.ch": {"firstname": "Zoë"}, "i@j.ch": {"phone": "001"},
    }  # fmt: skip


def test_what_is_changed_here_while_it_runs_is_not_overwritten(place: Place) -> None:
    crm = place.crm
    id = crm.add("contacts", email="a@b.ch", firstname="x")
    other = crm.add("contacts", email="c@d.ch", firstname="x")
    place.pull()
    crm.change("contacts", id, firstname="theirs")
    place.write(other, firstname="pushed")
    crm.before = lambda path: place.write(id, firstname="late") if "update" in path else None
    place.both(code=6 if "://" in place.target else 2)
    crm.before = lambda path: None
    assert place.rows()[id]["firstname"] == "late"
    assert crm.live("contacts")[other]["firstname"] == "pushed"
    assert place.both(code=6)["data"]["plan"] == {"conflict": 1, "unchanged": 1}
    assert crm.live("contacts")[id]["firstname"] == "theirs"


def test_the_newer_side_wins_where_both_are_dated(
    mktool: Mktool, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Path("config.toml")
    config.write_text('[sync.hubspot.contacts]\nupdated = "updated"\nconflict = "newest"\n')
    monkeypatch.setenv("MKTOOL_CONFIG", str(config))
    place = Place(mktool, crm, "c.csv")
    ids = [crm.add("contacts", email=f"c{n}@b.ch", firstname="x") for n in range(2)]
    place.pull()
    years = ("2020-01-01", "2099-01-01T00:00:00+02:00")
    place.put([{**row, "firstname": "ours", "updated": year}
               for row, year in zip(place.all(), years, strict=True)])  # fmt: skip
    for id in ids:
        crm.change("contacts", id, firstname="theirs")
    place.both()
    assert [crm.live("contacts")[id]["firstname"] for id in ids] == ["theirs", "ours"]
    assert [place.rows()[id]["firstname"] for id in ids] == ["theirs", "ours"]


def test_a_table_of_ones_own_is_kept_in_step(
    mktool: Mktool, crm: Crm, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(mktool, crm, database)
    place.sql(
        "create table contacts (nr serial primary key, id text, email varchar not null,"
        ' "Rate %" numeric, phone bigint, at timestamptz default now())'
    )
    place.insert(email="a@b.ch", phone="417955")
    place.insert(email="c@d.ch", phone="7")
    id = crm.add("contacts", email="c@d.ch", phone="8")
    try:
        place.both(code=6)
        place.both("--conflict", "theirs")
        crm.change("contacts", id, phone="9")
        crm.add("contacts", email="e@f.ch")
        place.both()
        rows = {r["email"]: r["phone"] for r in place.all()}
        assert rows == {"a@b.ch": 417955, "c@d.ch": 9, "e@f.ch": None}
        assert {r["email"] for r in crm.live("contacts").values()} == rows.keys()
    finally:
        place.sql("drop table contacts")


@pytest.mark.parametrize(
    ("names", "words"),
    [(["Phone"], "would both be the column"), ([f"f{n}" for n in range(2100)], "--fields")],
)
def test_more_than_a_table_can_hold_is_said(
    mktool: Mktool, crm: Crm, names: list[str], words: str
) -> None:
    crm.fields["contacts"] += names
    crm.add("contacts", email="a@b.ch", phone="1")
    ran = mktool("sync", "hubspot", "contacts", "--to", "sqlite:///c.db")
    assert ran.code in (2, 3)
    assert words in ran.err


def test_a_table_that_somebody_else_writes_is_waited_for(
    mktool: Mktool, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm.add("contacts", email="a@b.ch")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **o: connect(path, **o | {"timeout": 0.1}))
    place = Place(mktool, crm, "sqlite:///c.db")
    place.pull()
    db = connect("c.db", isolation_level=None)
    db.execute("begin immediate")
    crm.add("contacts", email="c@d.ch")
    ran = mktool("sync", "hubspot", "contacts", "--to", "sqlite:///c.db")
    assert ran.code == 3
    assert "locked" in ran.err
    db.rollback()
    db.close()
    place.pull()
    assert len(place.rows()) == 2


def test_a_full_disk_leaves_the_old_file(
    mktool: Mktool, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mktool.core.sync import files

    place = Place(mktool, crm, "c.csv")
    crm.add("contacts", email="a@b.ch")
    place.pull()
    before = Path("c.csv").read_bytes()
    crm.add("contacts", email="c@d.ch")

    def full(*about: Any) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "_line", full)
        assert "No space" in place.pull(code=3)["errors"][0]["message"]
    assert Path("c.csv").read_bytes() == before
    place.pull()
    assert place.rows() == crm.live("contacts")


def test_where_a_campaign_s_outcome_goes_has_to_be_said(mktool: Mktool, crm: Crm) -> None:
    ran = mktool("sync", "hubspot", "contacts", "--from", "campaign:launch")
    assert ran.code == 3
    assert "[map.hubspot.attribution]" in ran.err
    assert 'YOUR_FIELD = "campaign"' in ran.err


def test_how_a_vendor_spells_what_it_was_given_is_no_change(mktool: Mktool, crm: Crm) -> None:
    place = Place(mktool, crm, "in.csv")
    id = crm.add("contacts", email="a@b.ch", phone="1")
    Path("in.csv").write_text("email,phone\na@b.ch,+41 79\n")
    place.push()
    crm.change("contacts", id, phone="+4179")  # at once: the vendor itself
    assert place.push()["data"]["plan"] == {"unchanged": 1}
    Path("in.csv").write_text("email,phone\na@b.ch,+41 80\n")
    assert place.push()["data"]["plan"] == {"update": 1}
    crm.held["contacts"][int(id)]["properties"]["phone"] = "+4180"
    time.sleep(2.1)
    crm.change("contacts", id, phone="theirs")
    place.push()
    Path("in.csv").write_text("email,phone\na@b.ch,+41 81\n")
    assert place.push(code=6)["data"]["plan"] == {"conflict": 1}


def test_what_no_search_shows_yet_is_not_overwritten(mktool: Mktool, crm: Crm) -> None:
    id = crm.add("contacts", email="a@b.ch", phone="1")
    place = Place(mktool, crm, "two.csv")
    place.pull("--fields", "email,phone")
    crm.change("contacts", id, phone="2")
    crm.blind = True
    Path("two.csv").write_text(Path("two.csv").read_text().replace(",1,", ",3,"))
    assert place.both("--fields", "email,phone", code=6)["data"]["plan"] == {"conflict": 1}
    assert crm.live("contacts")[id]["phone"] == "2"
