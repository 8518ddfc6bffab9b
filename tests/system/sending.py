"""Campaigns as a person starts them, and what the program says became of everybody."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mktool.sandbox.server import Sandbox
from tests.system.program import Ended, Program, finish
from tests.system.recorder import Recorder

LOGINS = {
    "MKTOOL_RESEND_API_KEY": "re_sandbox",
    "MKTOOL_RESEND_REQUESTS_PER_SECOND": "1000",
    "MKTOOL_SENDGRID_API_KEY": "SG.sandbox",
    "MKTOOL_MAILCHIMP_API_KEY": "sandbox-us19",
    "MKTOOL_MAILCHIMP_STATUS": "subscribed",
    "MKTOOL_SMTP_HOST": "mail.example.com",
    "TWILIO_ACCOUNT_SID": f"AC{'a' * 32}",
    "TWILIO_AUTH_TOKEN": "sandbox",
}
MAIL = """from = "Acme <news@acme.example>"
subject = "Hello {{ name }}"
text = "Dear {{ name }}, it is here."
unsubscribe = "https://acme.example/u/{{ email }}"
"""
TEXT = """from = "+15005550006"
text = "Dear {{ name }}, it is here. Reply STOP to end"
"""
BY_PHONE = ("twilio",)


@dataclass
class Mailing:
    """A campaign's file with its list beside it, and the program that sends it."""

    program: Program
    folder: Path
    provider: str
    name: str = "launch"
    lines: str = ""
    people: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.write()

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def list(self) -> Path:
        return self.folder / f"{self.name}.csv"

    @property
    def args(self) -> tuple[str, ...]:
        return ("send-campaign", str(self.file), "--confirm", str(len(self.people)))

    def write(self, lines: str | None = None) -> None:
        """Write file and list as they are now; ``lines`` is what the message is made of."""
        phone = self.provider in BY_PHONE
        message = lines or (TEXT if phone else MAIL)
        head = f'name = "{self.name}"\nprovider = "{self.provider}"\n{self.lines}'
        self.file.write_text(f'{head}recipients = "{self.list.name}"\n{message}')
        header = "phone" if phone else "email"
        rows = (f"{address},Name {number}\n" for number, address in enumerate(self.people))
        self.list.write_text(f"{header},name\n{''.join(rows)}")

    def run(self, *more: str, largest: int = 0) -> Ended:
        """Run to the end; no file may grow larger than ``largest`` bytes (0: any size)."""
        return finish(self.start(*more, largest=largest))

    def start(self, *more: str, largest: int = 0) -> subprocess.Popen[bytes]:
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL}
        if largest:
            sizes = (largest, resource.RLIM_INFINITY)
            options["preexec_fn"] = partial(resource.setrlimit, resource.RLIMIT_FSIZE, sizes)
        return self.program.start(*self.args, *more, **options)

    def outcomes(self) -> dict[str, str]:
        """Return what `campaign export` says became of each address; nobody is there twice."""
        ended = self.program.run("campaign", "export", self.name, "-", "--json")
        assert ended.code == 0, ended
        rows = [json.loads(line) for line in ended.out.splitlines()]
        found = {row["address"]: row["state"] for row in rows}
        assert len(found) == len(rows)
        return found

    def until_complete(self, *, tries: int = 5) -> Ended:
        """Give the same command until it exits 0."""
        for _ in range(tries):
            ended = self.run()
            if ended.code == 0:
                return ended
        raise AssertionError(ended)

    def killed(
        self, vendor: Recorder | Sandbox, pause: float, *, sending: bool, more: Sequence[str] = ()
    ) -> bool:
        """`kill -9` after a pause, begun with the start or (``sending``) with a first request of
        this run; return whether it was still running."""
        before, process = reached(vendor), self.start(*more)
        while sending and reached(vendor) == before and process.poll() is None:
            time.sleep(0.002)
        time.sleep(pause)
        process.kill()
        _, said = process.communicate()
        assert b"Traceback" not in said, said
        assert b"a bug" not in said, said
        return process.returncode == -9


def reached(vendor: Recorder | Sandbox) -> int:
    """Return how far a vendor got: what it was given so far."""
    return vendor.requests if isinstance(vendor, Recorder) else len(vendor.world.calls)


def emails(count: int, *, tag: str = "p") -> list[str]:
    return [f"{tag}{number}@example.com" for number in range(count)]


def phones(count: int, *, tag: int = 0) -> list[str]:
    return [f"+3161{tag:02}{number:05}" for number in range(count)]


def once(got: Mapping[str, int], people: Iterable[str]) -> None:
    """Everybody got it, and nobody got it twice."""
    assert dict(got) == dict.fromkeys(people, 1)


def nobody_twice_or_lost(
    got: Mapping[str, int], people: Iterable[str], outcomes: Mapping[str, str]
) -> list[str]:
    """Whoever is said to have got it did, once; who may not have is said to be unknown.

    Return the unknown ones.
    """
    assert set(outcomes) == set(people)
    assert set(got.values()) <= {1}
    assert set(outcomes.values()) <= {"sent", "unknown"}
    said = {address for address, state in outcomes.items() if state == "sent"}
    assert said <= set(got)
    assert set(got) <= set(outcomes)
    return sorted(set(outcomes) - said)


def wait_until(there: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.005)
