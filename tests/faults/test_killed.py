"""Kill, SIGTERM, Ctrl-C at any moment: the next run goes on and ends with the bytes of an undisturbed one."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT, TABLE, Command, Start, Undisturbed, wait_until
from tests.faults.training import Trained, train_options


def entries(project: Path) -> int:
    return len(list((project / "build" / "cache").glob("*/*")))


def stop(command: Command, number: int) -> None:
    if number == signal.SIGINT:
        command.interrupt()
    else:
        command.send(number)
    command.end()
    assert "Traceback" not in command.stderr, command.stderr
    if number == signal.SIGINT and command.code != 0:
        # Python ends itself by the signal where it came within an `exec`; a shell says 130 for both.
        assert command.code in (130, -signal.SIGINT)
        lines = [line for line in command.stderr.splitlines() if "interrupted" in line]
        assert len(lines) <= 1


SLOW_TERM = pytest.param(signal.SIGTERM, marks=pytest.mark.slow)
SLOW_INT = pytest.param(signal.SIGINT, marks=pytest.mark.slow)
SLOW_KILL = pytest.param(signal.SIGKILL, marks=pytest.mark.slow)


@pytest.mark.parametrize("number", [signal.SIGKILL, SLOW_INT, SLOW_TERM], ids=lambda n: n.name)
def test_a_characterisation_goes_on_after_a_kill(
    small: Path, start: Start, undisturbed: Undisturbed, number: signal.Signals
) -> None:
    undisturbed.give(small, 0.9)
    kept = entries(small)
    command = start(small, "flow", "characterize")
    wait_until(lambda: entries(small) > kept or bool(command.workers()), command)
    stop(command, number)
    assert command.code in ((130, -number) if number == signal.SIGINT else (-number,))
    if number == signal.SIGINT:
        assert command.stderr.splitlines()[-1].startswith("interrupted")
    command.assert_nothing_left(small)
    assert not (small / TABLE).exists()
    resumed = start(small, "flow", "characterize").end()
    assert resumed.code == 0, resumed.stderr
    assert (small / TABLE).read_bytes() == undisturbed.table
    resumed.assert_nothing_left(small)


@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 20))])
def test_ctrl_c_at_a_random_moment_of_the_start(small: Path, start: Start, seed: int) -> None:
    """While libraries load, models are checked and workers begin, too, there is no traceback."""
    command = start(small, "flow", "characterize")
    time.sleep(random.Random(seed).uniform(0.2, 1.5))
    try:
        stop(command, signal.SIGINT)
    except AssertionError:
        # On a busy machine the interpreter itself still starts; before our first line nothing is ours.
        assert str(ROOT / "flow") not in command.stderr, command.stderr
    assert command.code in (130, -signal.SIGINT)
    command.assert_nothing_left(small)


SWALLOWED = """
import os, signal, sys, time
from flow.command_line import run_command_line
from flow.table import replace_file

def app():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        pass  # as compiled libraries do, which then go on with half of their work
    replace_file(sys.argv[1], b"a result of half of the work")

run_command_line(app)
"""


def test_a_swallowed_ctrl_c_leaves_no_result(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SWALLOWED, str(tmp_path / "table.h5")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130
    assert done.stderr == "interrupted; what is finished is kept, start again to go on\n"
    assert list(tmp_path.iterdir()) == []


PRINTED = """
import sys
import typer
import {package}.cli as cli

@cli.app.command()
def swallow() -> None:
    # Compiled code that cannot raise prints what it caught: through this hook.
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

sys.argv = ["{package}", "swallow"]
cli.main()
"""


@pytest.mark.parametrize("package", ["flow", "neuro"])
def test_a_ctrl_c_that_compiled_code_prints_is_not_seen(package: str) -> None:
    script = PRINTED.format(package=package)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda n: n.name)
def test_twenty_random_moments_of_a_characterisation(
    small: Path, start: Start, undisturbed: Undisturbed, number: signal.Signals
) -> None:
    generator = random.Random(int(number))
    started = time.monotonic()
    assert start(small, "flow", "characterize").end(300).code == 0
    lasts = time.monotonic() - started
    stopped = 0
    for _ in range(20):
        (small / TABLE).unlink(missing_ok=True)
        if entries(small) > 18:
            for path in sorted((small / "build" / "cache").glob("*/*"))[::2]:
                path.unlink()
        command = start(small, "flow", "characterize")
        time.sleep(generator.uniform(0.2, lasts))
        stop(command, number)
        stopped += command.code != 0
        command.assert_nothing_left(small)
        assert not (small / TABLE).exists() or (small / TABLE).read_bytes() == undisturbed.table
    assert stopped >= 10
    assert start(small, "flow", "characterize").end(300).code == 0
    assert (small / TABLE).read_bytes() == undisturbed.table


@pytest.mark.parametrize("number", [SLOW_KILL, signal.SIGINT], ids=lambda n: n.name)
def test_a_training_goes_on_after_a_kill(
    tmp_path: Path, start: Start, trained: Trained, number: signal.Signals
) -> None:
    command = start(tmp_path, "neuro", *train_options())
    wait_until(lambda: bool(list((tmp_path / "kept").glob("*.npz"))), command)
    stop(command, number)
    assert command.code in ((130, -number) if number == signal.SIGINT else (-number,))
    assert not (tmp_path / "t.h5").exists()
    command.assert_nothing_left(tmp_path)
    resumed = start(tmp_path, "neuro", *train_options()).end()
    assert "going on with" in resumed.stderr
    trained.assert_same(tmp_path)
    assert not list((tmp_path / "kept").iterdir())
    resumed.assert_nothing_left(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda n: n.name)
def test_twenty_random_moments_of_a_training(
    tmp_path: Path, start: Start, trained: Trained, number: signal.Signals
) -> None:
    generator = random.Random(int(number))
    stopped = 0
    for _ in range(20):
        command = start(tmp_path, "neuro", *train_options())
        time.sleep(generator.uniform(0.2, 0.9) * trained.seconds)
        stop(command, number)
        stopped += command.code != 0
        # The lines are written last; what is there is whole, also if the end was cut off right behind.
        if command.code == 0 or (tmp_path / "t.csv").exists():
            trained.assert_same(tmp_path)
        for name in ("t.h5", "t.csv"):
            (tmp_path / name).unlink(missing_ok=True)
        command.assert_nothing_left(tmp_path)
    assert stopped >= 5
    assert start(tmp_path, "neuro", *train_options()).end(300).code == 0
    trained.assert_same(tmp_path)
