"""Populations end to end: intervals, what a change re-runs, kill and resume, plain sampling, clusters."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.operating_point import voltage_for
from flow.measure.samples import operations_of
from flow.parallel import Cache, LocalPool, run_plans
from flow.spec import PopulationSpec
from flow.statistics.population import Population, population_plan
from flow.table import open_table
from tests.conftest import CELLS, MakeBench, Run
from tests.near import approx

RC, SC = CELLS


def small(project: Path, cells: str = f'"{SC}"', variants: bool = False) -> None:
    """Few samples, one cell, one variant: seconds."""
    file = project / "study.toml"
    text = file.read_text()
    text = re.sub(r"(?m)^cells = \[.*\]", f"cells = [{cells}]", text)
    for name, value in (("samples", 64), ("check_samples", 32), ("pulses", 16)):
        text = re.sub(rf"(?m)^{name} = \d+", f"{name} = {value}", text)
    file.write_text(text)
    if not variants:
        for cell in CELLS:
            toml = project / "spice" / "bitcells" / f"{cell}.toml"
            toml.write_text(toml.read_text().split('[variants."0.80"]')[0])


def characterize(project: Path, run: Run, *arguments: str) -> dict:  # type: ignore[type-arg]
    done = run(project, "flow", "characterize", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document: dict = json.loads(done.stdout)  # type: ignore[type-arg]
    return document


def test_every_estimate_has_its_interval_and_nothing_is_simulated_twice(project: Path, run: Run) -> None:
    small(project)
    first = characterize(project, run)
    quantities = first["cells"][SC]["0.85"]
    for name in (
        "write_voltage_0to1", "write_voltage_1to0", "read_voltage", "wer_0to1", "wer_1to0", "rdr",
        "r_on", "r_off", "r_access", "read_energy", "write_energy_0to1", "write_energy_1to0", "write_energy",
        "wer_0to1_rare_cell", "wer_0to1_worst_cell", "wer_0to1_above_target", "wer_0to1_check",
        "write_pulse_at_given_voltage_0to1",
    ):  # fmt: skip
        entry = quantities[name]
        assert entry["ci_low"] <= entry["value"] <= entry["ci_high"], name
    for name, target in (("wer_0to1", 1e-7), ("wer_1to0", 1e-7), ("rdr", 1e-9)):
        mean = quantities[name]
        assert mean["value"] == approx(target, rel=1e-3)
        assert mean["ci_high"] / mean["ci_low"] < 1.3
        # The mean is made by few bad cells: far above the nominal cell, below the 99.9 % cell.
        nominal, rare = quantities[f"{name}_nominal"]["value"], quantities[f"{name}_rare_cell"]["value"]
        assert 1.5 * nominal < target < rare < quantities[f"{name}_worst_cell"]["value"]
    # Meeting the mean costs voltage over the nominal cell; a safe read takes less.
    for name in ("write_voltage_0to1", "write_voltage_1to0"):
        assert quantities[name]["value"] > 1.01 * quantities[f"{name}_nominal"]["value"]
    assert quantities["read_voltage"]["value"] < 0.99 * quantities["read_voltage_nominal"]["value"]
    assert quantities["quasi_static_deviation"]["value"] < 2e-3
    table = project / "build" / "tables" / "bitcells.h5"
    before = table.read_bytes()
    netlist = project / "spice" / "bitcells" / f"{SC}.cir"
    again = characterize(project, run)
    assert again["samples"]["simulated"] == 0
    assert again["samples"]["reused"] == first["samples"]["simulated"]
    assert table.read_bytes() == before
    # A comment is no change; a target moves the voltages and simulates populations, not the card.
    netlist.write_text("* seen by the layout team\n" + netlist.read_text())
    assert characterize(project, run)["samples"]["simulated"] == 0
    nominal = characterize(project, run, "--criterion", "nominal")["cells"][SC]["0.85"]
    assert nominal["wer_0to1_nominal"]["value"] == approx(1e-7, rel=0.02)
    assert nominal["wer_0to1"]["value"] > 2e-7
    # What `compare` sees: the table before, kept because the content moved.
    done = run(project, "flow", "compare", "--json")
    assert done.returncode == 2, done.stderr
    moved = {change["quantity"] for change in json.loads(done.stdout)["changes"]}
    assert {"write_voltage_0to1", "read_voltage", "wer_0to1"} <= moved
    assert "technology" not in {change["where"] for change in json.loads(done.stdout)["changes"]}


def test_a_target_beyond_the_drivers_is_told(project: Path, run: Run) -> None:
    small(project)
    file = project / "spice" / "bitcells" / f"{SC}.toml"
    # The nominal cell still meets its target here; its population does not.
    file.write_text(file.read_text().replace("max_voltage = 1.4", "max_voltage = 0.91"))
    done = run(project, "flow", "characterize", SC)
    assert done.returncode == 1
    assert "population mean of 1e-07 is not reached up to 0.91 V" in done.stderr
    assert "write" in done.stderr


@pytest.mark.slow
def test_one_fin_changes_one_cell(project: Path, run: Run) -> None:
    cells = f'"{RC}", "{SC}"'
    small(project, cells, variants=True)
    shutil.copy(Path(__file__).parents[2] / "study.toml", project / "study.toml")  # the full study
    characterize(project, run)
    netlist = project / "spice" / "bitcells" / f"{RC}.cir"
    netlist.write_text(netlist.read_text().replace("nfin=2", "nfin=3"))
    document = characterize(project, run)
    assert document["samples"]["reused"] > document["samples"]["simulated"] > 0
    done = run(project, "flow", "compare", "--json")
    assert done.returncode == 2
    assert {change["where"].split("/")[0] for change in json.loads(done.stdout)["changes"]} == {RC}


@pytest.mark.slow
def test_killed_at_twenty_random_moments_the_same_bytes(project: Path, run: Run) -> None:
    small(project)
    output = project / "build" / "tables" / "bitcells.h5"
    started = time.monotonic()
    assert run(project, "flow", "characterize").returncode == 0
    lasts = time.monotonic() - started
    expected = output.read_bytes()
    generator = random.Random(5)
    shutil.rmtree(project / "build" / "cache")
    output.unlink()
    kills = 0
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-m", "flow", "characterize"],
            cwd=project,
            env={**os.environ, "TERM": "dumb"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=generator.uniform(0.3, 1.0) * lasts)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            assert not output.exists() or output.read_bytes() == expected
        else:
            # It came to its end: begin again with half of the cache, so that there is something to kill.
            assert output.read_bytes() == expected
            output.unlink()
            for path in sorted((project / "build" / "cache").iterdir())[::2]:
                shutil.rmtree(path)
    assert kills >= 10
    assert run(project, "flow", "characterize").returncode == 0
    assert output.read_bytes() == expected


@pytest.mark.slow
def test_two_runs_at_once_do_no_harm(project: Path) -> None:
    small(project)
    outputs = [project / "one.h5", project / "two.h5"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "flow", "characterize", "--output", str(output)],
            cwd=project,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for output in outputs
    ]
    said = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    one, two = (open_table(output).cells[SC]["0.85"].quantities for output in outputs)
    assert one == two


@pytest.mark.slow
@pytest.mark.parametrize("target", [1e-4, 1e-6])
def test_plain_sampling_agrees(make_bench: MakeBench, tmp_path: Path, target: float) -> None:
    """20 000 plain samples at the voltage that 512 importance samples found."""
    bench = make_bench(RC)
    write = bench.spec.write.model_copy(update={"wer": target})
    bench = replace(bench, spec=bench.spec.model_copy(update={"write": write}))
    operation = operations_of(bench)[0]
    surface = measure_load_line(bench, operation.line, np.linspace(0, 1.4, 29), state_nodes(7))
    start = voltage_for(
        bench.junction, surface, operation.pulse, target, stored=0, side="stay", limit=1.4, what="test"
    ).voltage
    pool, cache = LocalPool(2), Cache(tmp_path)
    try:
        importance = PopulationSpec()
        found, _ = run_plans({"is": population_plan(bench, operation, importance, start)}, cache, pool)
        few: Population = found["is"]
        plain = PopulationSpec(estimator="plain", sampling="random", samples=20_000, check_samples=64)
        found, _ = run_plans(
            {"plain": population_plan(bench, operation, plain, few.point.value, solve=False)}, cache, pool
        )
    finally:
        pool.close()
    many: Population = found["plain"]
    assert few.mean.value == approx(target, rel=1e-3)
    assert few.mean.high / few.mean.low < 1.2
    assert few.simulated <= 1000
    assert many.mean.low <= few.mean.value <= many.mean.high
    assert many.mean.high / many.mean.low < 10
    assert few.above_target.low <= many.above_target.value <= few.above_target.high or (
        many.above_target.low <= few.above_target.value <= many.above_target.high
    )


CLUSTER = """
import os, signal, sys
from pathlib import Path

def main():
    from distributed import Client, LocalCluster
    from flow.characterize import characterize
    root, output = Path(sys.argv[1]), Path(sys.argv[2])
    killed = []
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        client = Client(cluster)

        def progress(done, total, label):
            if not killed and done >= total // 2:
                killed.append(next(iter(client.run(os.getpid).values())))
                os.kill(killed[0], signal.SIGKILL)

        characterize(root, root / "study.toml", (), output, scheduler=cluster.scheduler_address,
                     progress=progress, command=("test",))
        client.close()
    assert killed

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_a_cluster_with_a_dying_worker_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    small(project)
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    one, two = tmp_path / "cluster.h5", tmp_path / "local.h5"
    subprocess.run([sys.executable, str(script), str(project), str(one)], check=True, timeout=300)
    shutil.rmtree(project / "build" / "cache")
    local = (
        "import sys; from pathlib import Path; from flow.characterize import characterize;"
        "root = Path(sys.argv[1]);"
        "characterize(root, root / 'study.toml', (), Path(sys.argv[2]), command=('test',))"
    )
    subprocess.run([sys.executable, "-c", local, str(project), str(two)], check=True, timeout=300)
    assert one.read_bytes() == two.read_bytes()
    assert open_table(one).cells[SC]
