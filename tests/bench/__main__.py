"""
Measures mktool and prints ratios; nothing is asserted.

    make bench            or: python -m tests.bench [startup | campaigns | records] [options]
    make bench ARGS="campaigns --size 0.1"
"""

from __future__ import annotations

import argparse
import os

from . import campaigns, records, startup


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "what", nargs="?", choices=("startup", "campaigns", "records"), help="only this"
    )
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--size", type=float, default=1.0, help="0.1: lists of a tenth, to try it")
    parser.add_argument("--only", default="", help="campaigns: only sections whose name has this")
    parser.add_argument("--huge", action="store_true", help="also send to 10,000,000 (minutes)")
    given = parser.parse_args()
    for name in [n for n in os.environ if n.startswith("MKTOOL_")]:
        del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if given.what in (None, "startup"):
        startup.run(given.rounds or 25)
    if given.what in (None, "campaigns"):
        campaigns.run(given.rounds or 5, given.size, given.only, huge=given.huge)
    if given.what in (None, "records"):
        records.run(given.rounds or 3, given.size)


if __name__ == "__main__":
    main()
