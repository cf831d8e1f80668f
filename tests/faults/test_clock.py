"""A clock that jumps or runs backwards changes no result, and files from the future are files like others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from flow.progress import progress_bar
from neuro.checkpoint import Checkpoints
from neuro.network import Settings
from neuro.training import Run
from tests.faults.conftest import ROOT, TABLE, Start, Undisturbed
from tests.neuro.learning import published, short_mnist

# Every look at the clock of the day finds it an hour earlier than the last one.
BACKWARDS = """
import sys, time
start, looks = time.time(), 0
def backwards():
    global looks
    looks += 1
    return start - 3600.0 * looks
time.time = backwards
time.time_ns = lambda: int(backwards() * 1e9)
sys.argv = sys.argv[1:]
import runpy
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def test_a_clock_that_runs_backwards(small: Path, undisturbed: Undisturbed) -> None:
    """Files of the future everywhere, too: sources, models, a cache in which nothing but the hash counts."""
    undisturbed.give(small)
    future = time.time() + 10 * 365 * 86400
    for path in small.rglob("*"):
        if path.is_file():
            os.utime(path, (future, future))
    command = [sys.executable, "-c", BACKWARDS, "flow", "characterize"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    done = subprocess.run(
        command, cwd=small, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "0 samples simulated" in done.stderr
    assert "compiling" not in done.stderr
    assert (small / TABLE).read_bytes() == undisturbed.table


@pytest.mark.slow
def test_sources_from_the_past_are_compiled_when_their_content_changed(small: Path, start: Start) -> None:
    source = small / "veriloga" / "dmtj.va"
    text = source.read_text()
    source.write_text(text + "\n// touched\n")
    os.utime(source, (0, 0))
    done = start(small, "flow", "build").end()
    assert done.code == 0, done.stderr
    assert "compiling dmtj" in done.stderr
    again = start(small, "flow", "build").end()
    assert "nothing to do" in again.stderr


def test_time_left_is_never_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich takes the steady clock; this holds it to that."""
    ticks = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(ticks)))
    console = Console(force_terminal=True, width=120, file=open(os.devnull, "w"), record=True)  # noqa: SIM115, PTH123
    with progress_bar("characterize", console) as tell:
        for done in range(5):
            tell(done, 10, "work")
            time.sleep(0.02)
    console.file.close()
    assert not re.search(r"-\d+:\d\d", console.export_text())


def test_checkpoints_are_kept_by_a_steady_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(published("smtj"), Settings(images_per_epoch=100), 0)
    kept = Checkpoints(tmp_path, short_mnist(), seconds=0.01)
    kept.resume([run])
    monkeypatch.setattr(time, "time", lambda: 0.0)
    time.sleep(0.02)
    kept.keep([run])
    assert kept.path(run).exists()
    os.utime(kept.path(run), (2e9, 2e9))
    assert kept.resume([run]) == 1
