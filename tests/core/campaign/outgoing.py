"""Campaigns that really go out, to the vendors of a sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mktool.core.campaign import opening
from mktool.core.campaign.campaign import Options, Result
from mktool.core.settings import Settings
from mktool.store.config import load

PEOPLE = [
    *(f"p{n}@acme.example" for n in range(40)),
    "bounced@acme.example",
    "complained@a.example",
]
LOGINS = {
    "MKTOOL_RESEND_API_KEY": "re_sandbox_run",
    "MKTOOL_RESEND_REQUESTS_PER_SECOND": "1000",
    "MKTOOL_SENDGRID_API_KEY": "SG.sandbox.run",
    "MKTOOL_TWILIO_ACCOUNT_SID": "ACsandbox0000000000000000000000run",
    "MKTOOL_TWILIO_AUTH_TOKEN": "sandbox-run",
    "MKTOOL_MAILCHIMP_API_KEY": "sandbox-run-us1",
}
MAIL = """\
name = "{name}"
provider = "{provider}"
from = "Acme <news@acme.example>"
subject = "It is here"
text = "Hello"
recipients = "people.csv"
"""
TEXT = """\
name = "{name}"
provider = "{provider}"
from = "+15550100200"
text = "It is here"
recipients = "people.csv"
"""


def send(
    folder: Path, provider: str, people: Iterable[str], more: str = "", *, name: str = "launch"
) -> Result:
    """Send a campaign to some addresses; ``more`` is added to its file."""
    column, text = ("phone", TEXT) if provider == "twilio" else ("email", MAIL)
    (folder / "people.csv").write_text("\n".join((column, *people)) + "\n")
    file = folder / "launch.toml"
    file.write_text(text.format(name=name, provider=provider) + more)
    settings, options = Settings(load()), Options()
    wanted = opening.read(file, options, settings)
    with opening.opened(settings, wanted, options) as campaign:
        campaign.stage()
        result = campaign.send()
    assert result.error is None
    return result
