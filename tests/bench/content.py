"""What the benchmarks send, and to whom."""

from __future__ import annotations

import csv
import random
from pathlib import Path

SENDER = "News <news@example.com>"
SUBJECT = "Hello {{ first }}"
HTML = (
    "<html><body><p>Hello {{ first }},</p><p>your plan {{ plan }} in {{ city }} ends soon."
    ' Use {{ code }} at <a href="{{ url }}">our shop</a>, {{ last }}.</p>'
    + "<p>Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.</p>" * 6
    + "</body></html>"
)
SMS = "Hello {{ first }}, your code is {{ code }}. Reply STOP"
COLUMNS = ("email", "phone", "first", "last", "plan", "city", "code", "url")
_FIRST = ("Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Alan", "Zoë", "Jürgen", "Mei")
_LAST = ("Lovelace", "Hopper", "Dijkstra", "Liskov", "Knuth", "O'Neil", "Müller", "Nakamura")
_CITY = ("Amsterdam", "Berlin", "Zürich", "São Paulo", "New York", "Kyoto", "Nairobi", "Oslo")


def write_list(path: Path, count: int) -> Path:
    """Write so many people as CSV, always the same ones; return the path."""
    dice = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(count):
            code = f"{dice.getrandbits(40):010X}"
            writer.writerow((
                f"user{number}.{code[:4].lower()}@example{number % 977}.com",
                f"+1555{number:08d}"[:15], dice.choice(_FIRST), dice.choice(_LAST),
                ("free", "team", "pro")[number % 3], dice.choice(_CITY), code,
                f"https://shop.example.com/o/{code}?u={number}",
            ))  # fmt: skip
    return path


def write_campaign(folder: Path, provider: str, people: Path, **more: object) -> Path:
    """Write the file of a campaign to a list; ``more`` are further keys. Return its path."""
    keys: dict[str, object] = {"name": "bench", "provider": provider, "recipients": str(people)}
    if provider == "twilio":
        keys |= {"from": "+15550100200", "text": SMS}
    else:
        (folder / "bench.html").write_text(HTML, encoding="utf-8")
        keys |= {"from": SENDER, "subject": SUBJECT, "html": "bench.html"}
    keys |= more
    path = folder / f"{keys['name']}.toml"
    lines = [f"{key} = {value if isinstance(value, int) else repr(value)}"
             for key, value in keys.items()]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
