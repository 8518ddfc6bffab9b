"""`mktool templates`, at sandboxes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.box import Box
from tests.cli.conftest import Mktool

HTML = "<p mc:edit=\"body\">\tHello {{ first_name | default('you') }}</p>\n"


@pytest.fixture(autouse=True)
def _logged_in(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESEND_API_KEY", "re_sandbox_run")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.sandbox.run")
    monkeypatch.setenv("MAILCHIMP_API_KEY", "sandbox-us19")
    Path("launch.html").write_text(HTML)


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_what_is_imported_is_listed_and_comes_back_as_it_was(mktool: Mktool, provider: str) -> None:
    id = mktool("templates", "import", provider, "launch.html", "--json").json["data"]["id"]
    assert [id, "launch"] in mktool("templates", "list", provider).rows
    assert mktool("templates", "show", provider, id).out == HTML + "\n"
    shown = mktool("templates", "show", provider, id, "--json").json["data"]
    assert shown == {"id": id, "html": HTML}
    assert mktool("templates", "show", provider, id, "--save", "copy.html").code == 0
    assert Path("copy.html").read_text() == HTML


def test_a_vendor_that_merges_gets_its_own_tags(mktool: Mktool, box: Box) -> None:
    ran = mktool("templates", "import", "mailchimp", "launch.html", "--name", "More")
    id = ran.out.strip()
    assert [id, "More"] in mktool("templates", "list", "mailchimp").rows
    assert box.calls("/templates") == 1
    url = f"{box.sandbox.url}/us19.api.mailchimp.com/3.0/templates/{id}/default-content"
    key = base64.b64encode(b"mktool:sandbox-us19").decode()
    with urlopen(Request(url, headers={"Authorization": f"Basic {key}"})) as answer:
        sections = json.load(answer)["sections"]
    assert sections == {"body": "\tHello *|IF:FNAME|**|FNAME|**|ELSE:|*you*|END:IF|*"}


def test_a_file_that_is_there_is_kept(mktool: Mktool) -> None:
    id = mktool("templates", "import", "resend", "launch.html").out.strip()
    Path("mine.html").write_text("mine")
    for place in ("mine.html", ".", "no/such/folder/x.html"):
        ran = mktool("templates", "show", "resend", id, "--save", place)
        assert (ran.code, ran.err.startswith("error: ")) == (2, True)
    assert Path("mine.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("argv", "code", "named"),
    [
        (("list", "slack"), 5, "Slack keeps no templates"),
        (("show", "mailchimp", "1001"), 5, "Mailchimp does not hand out"),
        (("show", "resend", "nothing"), 13, "resend template"),
        (("import", "resend", "nothing.html"), 2, "there is no such file"),
        (("import", "resend", "empty.html"), 2, "is empty"),
        (("import", "sendgrid", "launch.html", "--name", "n" * 101), 2, "100 characters"),
        (("import", "mailchimp", "loop.html"), 5, "{% for %}"),
        (("list", "nobody"), 2, "unknown provider"),
    ],
)
def test_what_cannot_be_done_is_said(
    mktool: Mktool, box: Box, argv: tuple[str, ...], code: int, named: str
) -> None:
    Path("empty.html").write_text(" \n")
    Path("loop.html").write_text("{% for x in y %}{{ x }}{% endfor %}")
    ran = mktool("templates", *argv)
    assert ran.code == code
    assert named in ran.err
    assert not [row for row in box.sandbox.world.calls if row.method == "POST"]


def test_a_lost_answer_says_where_to_look(mktool: Mktool, box: Box) -> None:
    box.breaks("cut=100%")
    ran = mktool("templates", "import", "resend", "launch.html")
    assert ran.code == 18
    assert "next: mktool templates list resend" in ran.err
