"""ngspice hangs, crashes, gives up or does not converge: the sample is flagged and counted, never dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from flow.measure.samples import CONVERGED, FAILED, RETRIED
from flow.parallel import Arrays, Cache, Count, InlinePool, LocalPool, Plan, run_plans
from flow.table import STATUS_FLAGS, BitcellTable, open_table
from tests.conftest import MakeBench
from tests.faults.conftest import CELL, TABLE, Start, Undisturbed, remains
from tests.faults.trouble import pulses, troubled


def simulated(
    task: Any, folder: Path, *, workers: int = 1, limit: float = 60.0, grace: float = 60.0
) -> tuple[Arrays, Count, list[str]]:
    """Result, count and notices of one task by real workers; none of them is left."""

    def plan() -> Plan:
        (result,) = yield [task]
        return result

    notices: list[str] = []
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    pool = LocalPool(workers, grace) if workers else InlinePool()
    try:
        found, count = run_plans({"": plan()}, Cache(folder), pool, limit=limit, notice=notices.append)
    finally:
        pool.close()
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    # The tracker of semaphores serves all pools of a process and ends with it.
    assert not [process for process in left if "resource_tracker" not in " ".join(process.cmdline())]
    assert remains(folder) == []
    return found[""], count, notices


def assert_rows_equal(one: Arrays, two: Arrays, rows: list[int], *, relative: float = 0.0) -> None:
    for name in one:
        np.testing.assert_allclose(one[name][rows], two[name][rows], rtol=relative, atol=0)


def culprit_is_found(make_bench: MakeBench, tmp_path: Path, how: str, limit: float) -> list[str]:
    """One sample of a batch misbehaves for ever: the others come through, and the next run mends it."""
    batch = pulses(make_bench(CELL))
    right = batch.run()
    bad = troubled(batch, how, tmp_path / "armed")
    found, count, notices = simulated(bad, tmp_path / "cache", limit=limit)
    others = [row for row in range(batch.samples) if row != 2]
    assert found["status"].tolist() == [FAILED if row == 2 else CONVERGED for row in range(batch.samples)]
    assert np.isnan(found["energy"][2])
    # Copies in one deck share their time steps; alone each has its own.
    assert_rows_equal(found, right, others, relative=5e-3)
    assert (count.simulated, count.failed) == (batch.samples, 1)
    # What failed for reasons of the machine is not kept: with the reason gone all is as if undisturbed.
    (tmp_path / "armed").unlink()
    again, count, _ = simulated(bad, tmp_path / "cache", limit=60.0)
    assert_rows_equal(again, right, list(range(batch.samples)))
    assert count.failed == 0
    return notices


def test_a_sample_that_crashes_the_simulator(make_bench: MakeBench, tmp_path: Path) -> None:
    notices = culprit_is_found(make_bench, tmp_path, "crash", 60.0)
    assert notices
    assert all(notice.startswith("a worker died (SIGSEGV)") for notice in notices)


@pytest.mark.slow
def test_a_sample_after_which_the_simulator_refuses_all_others(make_bench: MakeBench, tmp_path: Path) -> None:
    culprit_is_found(make_bench, tmp_path, "lost", 60.0)


@pytest.mark.slow
def test_a_sample_for_which_the_simulator_does_not_come_back(make_bench: MakeBench, tmp_path: Path) -> None:
    notices = culprit_is_found(make_bench, tmp_path, "hang", 15.0)
    assert all(notice.startswith("a worker died (SIGALRM)") for notice in notices)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_worker_that_is_stopped_or_crashes_once_changes_no_bit(
    make_bench: MakeBench, tmp_path: Path, how: str
) -> None:
    """A stopped process does not even hear its alarm."""
    batch = pulses(make_bench(CELL))
    right = batch.run()
    bad = troubled(batch, how, tmp_path / "armed", once=True)
    limit, grace = (30.0, 5.0) if how == "stop" else (60.0, 60.0)
    found, count, notices = simulated(bad, tmp_path / "cache", limit=limit, grace=grace)
    assert_rows_equal(found, right, list(range(batch.samples)))
    assert (count.simulated, count.failed, len(notices)) == (batch.samples, 0, 1)


def test_samples_that_do_not_converge_are_retried_then_flagged(make_bench: MakeBench, tmp_path: Path) -> None:
    """A third of the samples has no answer, and ngspice says so itself: no worker is lost, none dropped."""
    batch = pulses(make_bench(CELL), samples=6, marked=(1, 4))
    right = batch.run()
    found, count, _ = simulated(
        troubled(batch, "impossible", tmp_path / "armed"), tmp_path / "cache", workers=0
    )
    assert found["status"].tolist() == [RETRIED, FAILED, RETRIED, RETRIED, FAILED, RETRIED]
    assert (count.simulated, count.retried, count.failed) == (6, 4, 2)
    assert_rows_equal({"energy": found["energy"]}, right, [0, 2, 3, 5], relative=5e-3)


def test_safer_settings_save_a_fragile_sample(make_bench: MakeBench, tmp_path: Path) -> None:
    batch = pulses(make_bench(CELL), samples=3, marked=(0,))
    right = batch.run()
    found, count, _ = simulated(troubled(batch, "fragile", tmp_path / "armed"), tmp_path / "cache", workers=0)
    assert found["status"].tolist() == [RETRIED] * 3
    assert (count.retried, count.failed) == (3, 0)
    assert_rows_equal({"energy": found["energy"]}, right, [0, 1, 2], relative=5e-3)


@pytest.mark.slow
def test_a_study_whose_cells_are_partly_impossible_counts_them(
    small: Path, start: Start, undisturbed: Undisturbed
) -> None:
    """A spread of the magnetoresistance so wide that some junctions have none; ngspice crashes at them."""
    device = small / "spice" / "devices" / "dmtj.toml"
    text = device.read_text()
    assert "tmr0_t = {sigma = 0.03" in text
    device.write_text(text.replace("tmr0_t = {sigma = 0.03", "tmr0_t = {sigma = 0.42"))
    done = start(small, "flow", "characterize", "--json", "--estimator", "plain", "--criterion", "nominal")
    assert done.end(400).code == 0, done.stderr
    document = json.loads(done.stdout)
    content = open_table(small / TABLE).cells[CELL]["0.85"]
    usual = open_table_bytes(undisturbed.table, small / "usual.h5").cells[CELL]["0.85"]
    failed = document["samples"]["failed"]
    assert 0 < failed < 0.1 * document["samples"]["simulated"]
    # Every sample that failed is in the table's own count; some may serve several figures there.
    counted = int(content.attributes["samples_failed"])
    assert failed <= counted < 0.1 * int(content.attributes["samples_simulated"])
    for name, rate in (("0to1", "wer_0to1"), ("1to0", "wer_1to0"), ("read", "rdr")):
        assert content.samples[f"y_{name}"].values.shape == usual.samples[f"y_{name}"].values.shape
        flagged = content.samples[f"ln_{rate}_status"].values == STATUS_FLAGS.index("not_converged")
        assert (content.quantities[rate].status == "not_converged") == bool(flagged.any())
    assert "not_converged" in {quantity.status for quantity in content.quantities.values()}
    done.assert_nothing_left(small)


def open_table_bytes(content: bytes, place: Path) -> BitcellTable:
    place.write_bytes(content)
    return open_table(place)
