"""The longer topics of `mktool help`: reports, and records kept in step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import cleandoc
from textwrap import indent, wrap

from .. import providers
from ..capability import CanExport, CanFind, CanListMembers
from ..core.export import notes, sources, template
from ..core.sync import attribution
from ..core.sync.order import RULES
from ..report import Report

EXAMPLE = """\
{
  "title": "Weekly",
  "start": "2026-12-01T09:00", "end": "2026-12-01T09:30",
  "timezone": "Europe/Amsterdam",
  "participants": ["Ada Lovelace <ada@example.com>", {"name": "Bob"}],
  "summary": "The beta is **out**.",
  "key_points": ["Forty people have tried it"],
  "decisions": ["Ship it"],
  "actions": [{"text": "Write the notes", "owner": "ada@example.com",
               "due": "2026-12-03", "priority": "high", "status": "open",
               "link": "https://acme.example/7"}],
  "link": "https://acme.example/weekly",
  "transcript": "Ada: Hello.",
  "transcript_link": "https://acme.example/said",
  "id": "the note taker's own", "metadata": {"project": "anything else"}
}"""

_REPORT = """\
A report is a .json file in which only the title must be there. mktool export
--schema prints the whole schema, with a word on every key.

{example}

Priorities are low, normal, high and urgent; statuses open, done and cancelled.
Summary, points, decisions and the texts of actions are Markdown. Or the whole
is, with the same keys in its front matter (YAML, or TOML between lines of
+++):

{markdown}

An action item ends, in any order, with @owner (a word, an address, or @[Ada
Lovelace]), (due DATE), !low, !high or !urgent, and (a link). [x] is done, [-]
cancelled.

Or it is what a note taker gives as JSON, which is known by its keys, else by
--source NAME:
{takers}
For another one, [report.NAME] in config.toml says where it has what: a path
such as meeting.people.0.name, or a list of paths, of which the first that holds
something counts; mktool help config has an example.

A template is Markdown with MiniJinja in it, whose syntax is Jinja's:
[export.PROVIDER] template = "recap.md", a file beside config.toml, or the
template itself. It knows
{values}
What it inserts has no meaning as Markdown, unless it says
{{{{ summary | markdown }}}}.

A vendor's own fields come from [map.PROVIDER.OBJECT]: each from a path in the
report, metadata.project, or a template, "{{{{ date }}}} {{{{ title }}}}".
These take reports, with the objects that they have:
{places}
"""

_SYNC = """\
    mktool sync PROVIDER KIND --to TARGET               reads
    mktool sync PROVIDER KIND --from SOURCE             writes
    mktool sync PROVIDER KIND --to SAME --from SAME     both

TARGET is FILE.csv, FILE.jsonl, sqlite:///FILE.db or postgresql://HOST/DB,
where ?table=NAME names another table than KIND. SOURCE is one of these,
FILE.parquet, - for stdin, or campaign:NAME. The kinds, each with its key, the
field by which a row without an id is known unless --key names another:
{kinds}

Three columns are ours: id is the vendor's, modified_at says when the record
was last changed there, and deleted is 1 once it is gone there. A field of the
vendor's with such a name gets an underscore: id_. The first run reads all,
later ones what was changed since then; --full reads all again.

Each column is the field of its name, unless --fields A,B says which ones count.
Where the vendor tells its fields, a name that is none of them is said before
anything is sent, and what only the vendor writes is left out with a word. A row
with an id is that record. One without is found by its key, also by a further
address of a person, which stays one, or made, unless --no-create. Nothing is
ever deleted at a vendor. Where columns have
other names than the fields, config.toml says so, and then only those are read
and written:

    [map.PROVIDER.KIND]
    Email = "mail"           # the vendor's field, and the column

A field that was changed on both sides is a conflict: nothing of its row is
written until --conflict RULE, or --conflict FIELD=RULE, says whose value is
kept:
{rules}
For newest, [sync.PROVIDER.KIND] names the column that dates a row: updated =
"changed_at"; key, fields and conflict may stand there, too. Where both sides
meet for the first time nobody knows who changed what: then --from alone writes
over what is there, and its plan says so; in both directions each difference is
a conflict.

What would be written is shown first, and above [campaign] confirm_above rows
it is confirmed, by typing or by --confirm N. After a crash the same command
goes on. A new row whose answer was lost is looked for at the vendor; where it
cannot be looked for it is unknown (mktool syncs ID --state unknown), and not
made again until it is found there, or --full has read everything and it is not
there.

A campaign takes its recipients from a list of {lists}:
recipients = "PROVIDER:list/ID". Whom it reached goes back with mktool sync
PROVIDER contacts --from campaign:NAME, into the fields that
[map.PROVIDER.attribution] names. There are the columns
{columns}

mktool find PROVIDER KIND TERM tells ids of:
{finds}
"""


def report() -> str:
    """Return what a report may be, and what is made of it."""
    specs = [s for s in providers.specs() if issubclass(providers.load(s.name), CanExport)]
    takers = _words(sources.known())
    known = template.values(Report("Weekly"))
    places = ((s.name, ", ".join(s.exports)) for s in specs)
    return _REPORT.format(
        example=indent(EXAMPLE, "    "),
        markdown=_example(),
        takers=takers,
        values=_words(known),
        places=_rows(places),
    )


def sync() -> str:
    """Return how records are known, mapped and merged."""
    specs = list(providers.specs())
    kinds = (
        (s.name, ", ".join(f"{k.name} ({k.key})" for k in s.records)) for s in specs if s.records
    )
    finds = ((s.name, ", ".join(s.finds)) for s in specs if _can(s.name, CanFind))
    lists = " and ".join(s.title for s in specs if _can(s.name, CanListMembers))
    return _SYNC.format(
        kinds=_rows(kinds), rules=_words(RULES), lists=lists, finds=_rows(finds),
        columns=_words(attribution.COLUMNS),
    )  # fmt: skip


def _can(name: str, capability: type) -> bool:
    return issubclass(providers.load(name), capability)


def _example() -> str:
    """Return the example in what is written about the Markdown of reports."""
    lines = cleandoc(notes.__doc__ or "").splitlines()
    return "\n".join(line for line in lines if line.startswith("    "))


def _words(names: Iterable[str]) -> str:
    return indent("\n".join(wrap(", ".join(names), 76)), "    ")


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names with what belongs to each, in two columns."""
    return "\n".join(line for name, text in pairs for line in _row(name, text))


def _row(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(wrap(text, 62) or [""]):
        yield f"    {'' if number else name:<12}{line}".rstrip()
