"""Parts of a Dask cluster are lost: a worker (the run goes on), the scheduler (one error, nothing lost)."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import TABLE, Start, Undisturbed, one_error, wait_until

SCHEDULER = """
import sys

def main():
    from distributed import LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of a scheduler with two workers and their nannies."""
    pytest.importorskip("distributed")
    script = tmp_path / "scheduler.py"
    script.write_text(SCHEDULER)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    family = psutil.Process(process.pid)
    address = process.stdout.readline().strip()
    children = family.children(recursive=True)
    yield address, family
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    for one in [*children, family]:
        with contextlib.suppress(psutil.Error):
            one.kill()
    process.wait()
    process.stdout.close()


def entries(project: Path) -> int:
    return len(list((project / "build" / "cache").glob("*/*")))


def working(family: psutil.Process) -> list[psutil.Process]:
    """The processes of the cluster that have loaded ngspice."""
    found = []
    for process in family.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any("libngspice" in part.path for part in process.memory_maps()):
                found.append(process)
    return found


@pytest.mark.slow
def test_workers_are_lost_one_after_the_other(
    small: Path, start: Start, undisturbed: Undisturbed, cluster: tuple[str, psutil.Process]
) -> None:
    address, family = cluster
    command = start(small, "flow", "characterize", "--scheduler", address)
    for least in (1, 8):
        wait_until(lambda least=least: entries(small) >= least and bool(working(family)), command)
        working(family)[0].kill()
    assert command.end(300).code == 0, command.stderr
    command.assert_nothing_left(small)
    # The table names the command that made it; the cache has the data alone.
    assert {path.name: path.read_bytes() for path in (small / "build/cache").glob("*/*")} == {
        path.name: path.read_bytes() for path in undisturbed.cache.glob("*/*")
    }
    again = start(small, "flow", "characterize").end()
    assert "0 samples simulated" in again.stderr
    assert (small / TABLE).read_bytes() == undisturbed.table


@pytest.mark.slow
def test_the_scheduler_is_lost(
    small: Path, start: Start, undisturbed: Undisturbed, cluster: tuple[str, psutil.Process]
) -> None:
    address, family = cluster
    command = start(small, "flow", "characterize", "--scheduler", address)
    wait_until(lambda: entries(small) >= 3, command)
    for process in [family, *family.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert command.end(120).code == 1
    assert "the Dask scheduler" in one_error(command.stderr)
    command.assert_nothing_left(small)
    assert not (small / TABLE).exists()
    kept = entries(small)
    local = start(small, "flow", "characterize").end(300)
    assert local.code == 0, local.stderr
    assert kept > 0
    assert (small / TABLE).read_bytes() == undisturbed.table
