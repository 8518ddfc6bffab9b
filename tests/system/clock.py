"""A machine whose clock is wrong and set while programs run, and one on which time flies."""

from __future__ import annotations

import os
from pathlib import Path

from tests.system.program import ROOT, Program

_PATCH = """import os, time
_true, _offset = time.time, os.environ["CLOCK_OFFSET"]
def told():
    with open(_offset) as file:
        return _true() + float(file.read())
time.time = told
_counted, _speed = time.monotonic, float(os.environ["CLOCK_SPEED"])
_start = _counted()
if _speed != 1:
    time.monotonic = lambda: _start + (_counted() - _start) * _speed
"""


class Clock:
    """The clock of every process of `on`; the vendor has its own, which is right."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clock"
        self.folder.mkdir()
        (self.folder / "sitecustomize.py").write_text(_PATCH)  # read by Python when it starts
        self.set(0)

    def set(self, seconds: float) -> None:
        """Have the clock show so many seconds more than is true, from this moment on."""
        new = self.folder / "new"
        new.write_text(str(seconds))
        os.replace(new, self.folder / "offset")

    def on(self, program: Program, speed: int = 1) -> Program:
        """Return the program with this clock; at a ``speed`` of 10, ten seconds last one."""
        return program.having(
            CLOCK_SPEED=str(speed),
            PYTHONPATH=f"{self.folder}{os.pathsep}{ROOT}",
            CLOCK_OFFSET=str(self.folder / "offset"),
        )
