"""What tests of faults need: a small study with its undisturbed end, commands, and what they leave behind.

A command is started in a session of its own, with a mark in its environment that all its descendants inherit;
so a process that was left behind is found wherever it hangs in the tree.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from flow.toolchain.files import exclusive
from tests.faults.training import Trained, train_options

ROOT = Path(__file__).parents[2]
CELL = "2t1mtj_sc_dmtj"
TABLE = Path("build/tables/bitcells.h5")
_MARK = "MTJFLOW_TEST_COMMAND"
_SEMAPHORES = Path("/dev/shm")


@pytest.fixture(scope="session", autouse=True)
def hear_ctrl_c() -> Iterator[None]:
    """A shell starts background jobs deaf to Ctrl-C, which children inherit; these must hear it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@dataclass
class Command:
    """A command of ours, running or ended."""

    process: subprocess.Popen[str]
    mark: str
    temporary: Path
    stdout: str = ""
    stderr: str = ""
    signals: list[int] = field(default_factory=list)

    @property
    def code(self) -> int | None:
        return self.process.returncode

    def end(self, timeout: float = 120.0) -> Command:
        """Wait for the end and read what was said."""
        self.stdout, self.stderr = self.process.communicate(timeout=timeout)
        return self

    def send(self, number: int) -> None:
        """A signal to the command alone, as `kill` does."""
        self.process.send_signal(number)

    def interrupt(self) -> None:
        """Ctrl-C: the terminal sends it to every process of the foreground group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def family(self) -> list[psutil.Process]:
        """All processes alive that descend from the command, itself included."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(_MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """The worker processes that have loaded ngspice."""
        return [
            process for process in self.family() if process.pid != self.process.pid and _simulates(process)
        ]

    def assert_nothing_left(self, *folders: Path) -> None:
        """No process, no semaphore, no temporary file; `folders` are searched for the latter."""
        deadline = time.monotonic() + 20
        while (alive := self.family()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive, [process.cmdline() for process in alive]
        if _SEMAPHORES.is_dir():
            left = list(_SEMAPHORES.glob(f"sem.loky-{self.process.pid}-*"))
            # Between making one and noting it a kill leaves it: 32 bytes, until the machine starts anew.
            assert len(left) <= (1 if self.code == -signal.SIGKILL else 0)
            for path in left:
                path.unlink()
        for folder in (self.temporary, *folders):
            assert remains(folder) == []
        assert list(self.temporary.iterdir()) == []


def remains(folder: Path) -> list[Path]:
    """Temporary files of ours below a folder."""
    hidden = [path for path in folder.rglob(".*") if path.suffix in (".tmp", ".part")]
    return [path for path in hidden if path.exists()]


def _simulates(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any("libngspice" in part.path for part in process.memory_maps())
    return False


Start = Callable[..., Command]


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a command: `start(folder, "flow", "characterize", VARIABLE="value")`; killed with the test."""
    commands: list[Command] = []

    def begin(folder: Path, package: str, *arguments: str, **environment: str) -> Command:
        mark, temporary = uuid.uuid4().hex, tmp_path_factory.mktemp("temporary")
        base = {"COLUMNS": "200", "TERM": "dumb", "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", package, *arguments],
            cwd=folder,
            env={**os.environ, **base, **environment, _MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        commands.append(Command(process, mark, temporary))
        return commands[-1]

    yield begin
    for command in commands:
        for process in command.family():
            with contextlib.suppress(psutil.Error):
                process.kill()
        command.process.wait()
        for stream in (command.process.stdout, command.process.stderr):
            assert stream is not None
            stream.close()


def wait_until(true: Callable[[], bool], command: Command, timeout: float = 60.0) -> None:
    """Look until `true()`; fails if the command ends before."""
    deadline = time.monotonic() + timeout
    while not true():
        assert command.process.poll() is None, "the command ended too early: " + command.end().stderr
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def one_error(text: str) -> str:
    """The one line that tells what is wrong; there is no traceback and no second one."""
    assert "Traceback" not in text, text
    lines = [line for line in text.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, text
    return lines[0]


def shrink(folder: Path) -> None:
    """One cell, one oxide, few samples: seconds."""
    study = folder / "study.toml"
    text = re.sub(r"(?m)^cells = \[.*\]", f'cells = ["{CELL}"]', study.read_text())
    text = re.sub(r"(?m)^cards = \[.*?\]", "cards = []", text)
    for name, value in (("samples", 32), ("check_samples", 32), ("pulses", 16)):
        text = re.sub(rf"(?m)^{name} = \d+", f"{name} = {value}", text)
    study.write_text(text.split("[variants.")[0] if "[variants." in text else text)
    cell = folder / "spice" / "bitcells" / f"{CELL}.toml"
    cell.write_text(cell.read_text().split('[variants."0.85".given_voltages]')[0])


@pytest.fixture
def small(project: Path) -> Path:
    """A designer's copy of the project with a study of seconds."""
    shrink(project)
    return project


@dataclass(frozen=True)
class Undisturbed:
    """The table of the small study as it comes out when nothing goes wrong, and its cache."""

    table: bytes
    cache: Path

    def give(self, folder: Path, share: float = 1.0) -> None:
        """Put the first `share` of the cache into a project."""
        entries = sorted(path for path in self.cache.rglob("*") if path.is_file())
        for path in entries[: round(share * len(entries))]:
            target = folder / "build" / "cache" / path.relative_to(self.cache)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of the tests, the same for all its processes."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def undisturbed(shared_folder: Path, osdi: tuple[Path, ...]) -> Undisturbed:
    folder = shared_folder / "undisturbed"
    with exclusive(shared_folder / "undisturbed.lock"):
        if not (folder / TABLE).exists():
            copy_project(folder)
            shrink(folder)
            command = [sys.executable, "-m", "flow", "characterize"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return Undisturbed((folder / TABLE).read_bytes(), folder / "build" / "cache")


def copy_project(folder: Path) -> None:
    """A designer's copy, compiled models included."""
    for name in ("spice", "veriloga", "build/osdi", "build/third_party"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("study.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)


@pytest.fixture(scope="session")
def trained(shared_folder: Path) -> Trained:
    folder = shared_folder / "trained"
    with exclusive(shared_folder / "trained.lock"):
        if not (folder / "seconds").exists():
            folder.mkdir()
            command = [sys.executable, "-m", "neuro", *train_options()]
            # The first one may compile its kernels: the second one shows how long a training lasts.
            for _ in range(2):
                started = time.monotonic()
                subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
            (folder / "seconds").write_text(repr(time.monotonic() - started))
    seconds = float((folder / "seconds").read_text())
    return Trained((folder / "t.h5").read_bytes(), (folder / "t.csv").read_bytes(), seconds)
