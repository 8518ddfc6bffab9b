"""The files that a first campaign starts from: `mktool send-campaign --init`."""

from __future__ import annotations

from pathlib import Path

from ...errors import InvalidInput
from ...message import Channel

_HEAD = """\
# A campaign: mktool send-campaign launch.toml --dry-run   shows what would go out
#             mktool send-campaign launch.toml             sends it, or goes on with it
# What begins with # is switched off. Every {{ name }} is a column of the list.

# Its identity: under the same name a campaign goes on, it does not start over.
name = "launch"
provider = "@provider@"
# The account to send with, where several are connected.
# account = "work"

"""
_EMAIL = """\
# Who it is from. The vendor must know the domain as yours.
from = "Acme <news@acme.example>"
# reply_to = "hello@acme.example"
subject = "{{ first_name | default('Hello') }}, it is here"
# What mail programs show beside the subject.
preheader = "Three things that are new, and one that is gone."
# A file beside this one, or the HTML itself.
html = "launch.html"
# The plain part: a file, or the text. Without it, it is made from the HTML.
# text = "Hello {{ first_name }}, it is here: https://acme.example/launch"
# Write style sheets into the elements, for mail programs that drop them.
# inline_css = true
# Where one unsubscribes: becomes the header, and {{ unsubscribe }} in the HTML.
unsubscribe = "https://acme.example/unsubscribe?id={{ id }}"
# Law asks for it in commercial mail; becomes {{ postal_address }} in the HTML.
postal_address = "Acme Inc, 1 Main Street, Springfield"

# The list: .csv, .jsonl, .parquet, "-", or sqlite:///crm.db?query=…
recipients = "people.csv"
# The column of the addresses, if it is not found by itself.
# column = "email"
# Hand the list to the vendor, which sends by itself, where it can do both.
# hosted = true
"""
_SMS = """\
# Who it is from: a number, a short code, a name, or the id of a service that picks a number.
from = "+12025550100"
# A file beside this one, or the text.
text = "{{ first_name | default('Hello') }}, it is here: https://acme.example/launch"
# Pictures, for an MMS.
# media = ["https://acme.example/launch.jpg"]

# The list: .csv, .jsonl, .parquet, "-", or sqlite:///crm.db?query=…
recipients = "people.csv"
# The column of the numbers, if it is not found by itself.
# column = "phone"
"""
_TAIL = """\
# Only those for whom this holds, and only those of a segment that config.toml names.
# where = "country == 'NL' and plan != 'free'"
# segment = "dutch"
# Beside those who want no mail at all, leave those out who left this list.
# list = "newsletter"
# Go on although some addresses are wrong; without it, that stops before anything is sent.
# skip_invalid = true

# Names the campaign in the vendor's statistics.
tags = ["launch"]
# When it goes out, with an optional zone.
# send_at = "2027-01-15T09:00 Europe/Amsterdam"
# Messages per second, and requests at a time: the vendor's own limits hold anyway.
# rate = 50
# concurrency = 4
# Stop after so many refused recipients.
# max_errors = 100
# What it cost and brought in, for the report.
# cost = 120.50
# revenue = 4000

# What stands where a column is empty; without it, and without default() in the template,
# a recipient with an empty column is an error, found before anything is sent.
[defaults]
plan = "free"

# Parameters added to links; utm = true above the first section adds the usual ones.
# [utm]
# source = "newsletter"
# medium = "@channel@"
# campaign = "launch"
# term = "shoes"
# content = "header"

# Variants, 2 to 5 of them; also of from, html and text.
# [ab]
@variants@
# They are tried on this share; after the wait, the rest gets the winner.
# test_share = 0.2
# wait = "4h"
# By opens, clicks, or a figure that you give (manual).
# winner = "clicks"

# What the vendor knows beyond all this, in its own words.
# [options]
"""
_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>It is here</title>
</head>
<body style="margin:0; padding:0; background:#f4f4f5;">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0">
<tr><td align="center" style="padding:24px 12px;">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0"
  style="max-width:600px; background:#ffffff; border-radius:8px;">
<tr><td style="padding:32px; font:16px/1.5 Arial, Helvetica, sans-serif; color:#18181b;">
<h1 style="margin:0 0 16px; font-size:24px; line-height:1.25;">It is here</h1>
<p style="margin:0 0 16px;">Hello {{ first_name | default('there') }},</p>
<p style="margin:0 0 24px;">you asked us to tell you. Three things are new, and one is gone.</p>
{% if plan == 'pro' %}<p style="margin:0 0 24px;">With your plan you have it already.</p>{% endif %}
<p style="margin:0;"><a href="https://acme.example/launch" style="display:inline-block;
  padding:12px 24px; background:#18181b; color:#ffffff; border-radius:6px;
  text-decoration:none;">Have a look</a></p>
</td></tr>
</table>
<p style="margin:24px 0 0; font:12px/1.5 Arial, Helvetica, sans-serif; color:#71717a;">
{{ postal_address }}<br>
<a href="{{ unsubscribe }}" style="color:#71717a;">Unsubscribe</a></p>
</td></tr>
</table>
</body>
</html>
"""
_PEOPLE = (
    ("id", "email", "phone", "first_name", "country", "plan"),
    ("1", "ada@example.com", "+12025550101", "Ada", "GB", "pro"),
    ("2", "bram@example.com", "+12025550102", "Bram", "NL", "free"),
    ("3", "carmen@example.com", "+12025550103", "Carmen", "ES", "pro"),
    ("4", "zoe@example.com", "+12025550104", "Zoë", "NL", "pro"),
    ("5", "noname@example.com", "+12025550105", "", "US", ""),
)
_VARIANTS = {
    "email": '# subject = ["It is here", "{{ first_name }}, have you seen it?"]',
    "sms": '# text = ["It is here: https://acme.example", "Seen it? https://acme.example"]',
}


def write_example(folder: Path, provider: str, channel: Channel = "email") -> list[Path]:
    """Write a campaign that works, and return its files, the one to send first.

    Raises `InvalidInput`, and writes nothing, if one of them is there already.
    """
    toml = (_HEAD + (_EMAIL if channel == "email" else _SMS) + _TAIL).replace(
        "@provider@", provider
    )
    toml = toml.replace("@channel@", channel).replace("@variants@", _VARIANTS[channel])
    files = {"launch.toml": toml, "people.csv": _people(channel)}
    if channel == "email":
        files["launch.html"] = _HTML
    for name in files:
        if (folder / name).exists():
            raise InvalidInput(f"{folder / name}: is there already", hint="choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).touch(exist_ok=False)
            (folder / name).write_text(content, encoding="utf-8", newline="")
    except OSError as error:
        where = error.filename or folder
        raise InvalidInput(f"{where}: {error.strerror}", hint=f"ls -ld {folder}") from None
    return [folder / name for name in files]


def _people(channel: Channel) -> str:
    other = _PEOPLE[0].index("phone" if channel == "email" else "email")
    rows = ((*row[:other], *row[other + 1 :]) for row in _PEOPLE)
    return "".join(",".join(row) + "\n" for row in rows)
