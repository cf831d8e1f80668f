"""Sweeps: every combination, refusals marked, optimal points found, files that read back."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flow.table import UserError
from neuro.array import SynapticCore
from neuro.cli import app
from neuro.lookup import Lookup
from neuro.sweep import load_sweep, pareto_optimal, run_sweep, sweep_from
from neuro.sweep_output import plot, table, write_csv, write_hdf5
from tests.near import approx

SPEC: dict[str, Any] = {
    "technology": "28nm",
    "core": {"synapses": 100, "bits": 6},
    "sweep": {
        "core.rows": [0, 64, 400],
        "cell": ["smtj", "dmtj"],
        "core.row_activity": {"from": 0.1, "to": 0.9, "steps": 3},
    },
}


def test_every_combination_in_the_order_of_the_document() -> None:
    result = run_sweep(sweep_from(SPEC))
    assert result.status.shape == (3, 2, 3)
    lookup = Lookup()
    core = replace(sweep_from(SPEC).core, rows=400.0, row_activity=0.5)
    single = SynapticCore(lookup.technology("28nm"), lookup.cell("dmtj"), core).evaluate()
    assert result.merits["area"][2, 1, 1] == float(single.area_m2["total"])
    energy = single.read_energy_per_batch_J
    assert result.merits["read_energy"][2, 1, 1] == approx(
        float(single.read_batches * (energy["core"] + energy["neuron"]))
    )


def test_what_cannot_be_built_is_marked_and_never_optimal() -> None:
    result = run_sweep(sweep_from(SPEC))
    assert (result.status[0] > 0).all()
    assert (result.status[1:] == 0).all()
    assert not result.pareto[0].any()
    assert result.pareto.any()
    assert np.isnan(result.merits["area"][0]).all()
    assert np.isfinite(result.merits["area"][1:]).all()
    assert {result.checks[code - 1][0] for code in result.status[0].reshape(-1)} == {"core.rows"}


@given(
    st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), min_size=1, max_size=40),
)
def test_pareto_against_the_definition(rows: list[tuple[float, ...]]) -> None:
    points = np.array(rows)
    expected = [
        not any((other <= point).all() and (other < point).any() for other in points) for point in points
    ]
    assert pareto_optimal(points).tolist() == expected


def test_hdf5_reads_back_with_units_and_scales(tmp_path: Path) -> None:
    result = run_sweep(sweep_from(SPEC))
    write_hdf5(result, tmp_path / "sweep.h5")
    with h5py.File(tmp_path / "sweep.h5") as file:
        np.testing.assert_array_equal(file["area"][()], result.merits["area"])
        assert file["area"].attrs["units"] == "m2"
        assert file["area"].dims[0][0][()].tolist() == [0, 64, 400]
        assert file["area"].dims[1][0].asstr()[()].tolist() == ["smtj", "dmtj"]
        meanings = file["status"].attrs["flag_meanings"].split()
        assert len(meanings) == len(file["status"].attrs["flag_values"])
        assert meanings[file["status"][0, 0, 0]] == "core.rows"
        blocks = [file["breakdown/area"][name][1, 0, 0] for name in file["breakdown/area"]]
        assert sum(blocks) == approx(result.merits["area"][1, 0, 0])


def test_csv_has_a_row_for_every_point(tmp_path: Path) -> None:
    result = run_sweep(sweep_from(SPEC))
    write_csv(result, tmp_path / "sweep.csv")
    with (tmp_path / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    assert rows[0]["area_m2"] == ""
    assert rows[0]["status"].startswith("core.rows must be")
    assert rows[-1]["cell"] == "dmtj"
    assert float(rows[-1]["area_m2"]) == result.merits["area"][2, 1, 2]
    assert [row["pareto"] for row in rows] == [str(int(x)) for x in result.pareto.reshape(-1)]
    assert len(table(result)["status"]) == 18


def test_same_sweep_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write_hdf5(run_sweep(sweep_from(SPEC)), tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_plot_needs_a_point(tmp_path: Path) -> None:
    spec = {**SPEC, "sweep": {"core.rows": [0, 1]}, "cell": "smtj"}
    with pytest.raises(UserError, match="nothing to plot"):
        plot(run_sweep(sweep_from(spec)), tmp_path / "sweep.png")
    with pytest.raises(UserError, match="png"):
        plot(run_sweep(sweep_from(SPEC)), tmp_path / "sweep.gif")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"sweep": {}}, "sweep"),
        ({"sweep": {"core.colour": [1]}}, "sweep.core.colour"),
        ({"sweep": {"core.rows": []}}, "sweep.core.rows"),
        ({"sweep": {"core.rows": ["many"]}}, "sweep.core.rows"),
        ({"sweep": {"core.rows": {"from": 1, "to": 2}}}, "sweep.core.rows.steps"),
        ({"sweep": {"core.rows": {"from": 1, "to": 2, "steps": 1}}}, "sweep.core.rows.steps"),
        ({"sweep": {"core.rows": {"from": 0, "to": 2, "steps": 3, "scale": "log"}}}, "sweep.core.rows"),
        (
            {"sweep": {"core.rows": {"from": 1, "to": 2, "steps": 3, "scale": "cubic"}}},
            "sweep.core.rows.scale",
        ),
        ({"sweep": {"cell": "smtj"}}, "sweep.cell"),
        ({"sweep": {"cell": ["xmtj"]}}, "cell"),
        ({"cell": "smtj", "sweep": {"technology": ["3nm"]}}, "technology"),
        ({"sweep": {"core.rows": [1]}}, "cell"),
        ({"pareto": {"minimise": ["beauty"]}}, "pareto.minimise"),
        ({"colour": 1}, "colour"),
        ({"model": 7}, "model"),
        ({"sweep": {f"core.{n}": {"from": 1, "to": 9, "steps": 4000} for n in ("rows", "bits")}}, "sweep"),
    ],
)
def test_mistakes_name_their_key(change: dict[str, Any], key: str) -> None:
    with pytest.raises(UserError) as caught:
        run_sweep(sweep_from({**SPEC, **change}))
    assert caught.value.key == key


def test_command(tmp_path: Path) -> None:
    spec = tmp_path / "sweep.toml"
    spec.write_text(
        'cell = "smtj"\nmodel = "neurosim"\n[core]\nsynapses = 100\n[sweep]\n'
        '"core.rows" = [64, 128]\n"core.column_mux" = [1, 8, 16]\n'
    )
    output = tmp_path / "out.h5"
    run = CliRunner().invoke(app, ["sweep", str(spec), "-o", str(output), "--json"])
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    assert (document["points"], document["refused"]) == (6, 2)
    for path in document["files"].values():
        assert Path(path).stat().st_size > 0
    rows = {point["core.rows"] for point in document["pareto"]}
    assert rows <= {64.0, 128.0}
    assert rows
    shown = CliRunner().invoke(app, ["sweep", str(spec), "-o", str(output)])
    assert shown.exit_code == 0
    assert "Pareto-optimal" in shown.stdout


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.toml"):
        load_sweep(tmp_path / "nothing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[sweep")
    with pytest.raises(UserError, match=r"broken\.toml"):
        load_sweep(broken)


def test_merits_of_a_core_by_hand() -> None:
    """An operation is one of rows x synapses, a bit one of rows x synapses x bits."""
    spec = {**SPEC, "cell": "smtj", "sweep": {"core.rows": [400]}, "core": {"synapses": 100, "bits": 6}}
    result = run_sweep(sweep_from(spec))
    merits = {name: float(values[0]) for name, values in result.merits.items()}
    core = replace(sweep_from(spec).core, rows=400.0)
    one = SynapticCore(Lookup().technology("28nm"), Lookup().cell("smtj"), core).evaluate()
    latency, energy = one.read_latency_per_batch_s, one.read_energy_per_batch_J
    assert merits["read_latency"] == approx(15 * float(latency["core"] + latency["neuron"]))
    read = 15 * float(energy["core"] + energy["neuron"])
    assert merits["energy_per_operation"] == approx(read / 40000)
    assert merits["area_per_bit"] == approx(float(one.area_m2["total"]) / 240000)
    assert merits["leakage"] == approx(float(one.leakage_W["core"] + one.leakage_W["neuron"]))
    idle, active = (float(one.write_energy_per_row_J[f"{kind}_active_batch"]) for kind in ("no", "one"))
    # One row without a batch, and what each of 15 batches adds.
    assert merits["write_energy_per_row"] == approx(idle + 15 * (active - idle))


def test_axes_keep_the_order_of_the_document_wherever_the_names_stand() -> None:
    activity = {"from": 0.1, "to": 0.9, "steps": 3}
    axes = {"core.rows": [64, 400], "core.row_activity": activity, "cell": ["smtj", "dmtj"]}
    result = run_sweep(sweep_from({**SPEC, "sweep": axes}))
    assert result.status.shape == (2, 3, 2)
    core = replace(sweep_from(SPEC).core, rows=400.0, row_activity=0.1)
    one = SynapticCore(Lookup().technology("28nm"), Lookup().cell("dmtj"), core).evaluate()
    assert result.merits["area"][1, 0, 1] == approx(float(one.area_m2["total"]), rel=1e-12)
    assert result.breakdown["leakage.core_W"][1, 0, 1] == approx(float(one.leakage_W["core"]), rel=1e-12)


def test_a_logarithmic_range_has_equal_ratios_and_the_unit_of_its_field(tmp_path: Path) -> None:
    wires = {"from": 1e5, "to": 1e8, "steps": 4, "scale": "log"}
    axes = {"technology.wire_resistance_ohm_per_m": wires, "core.rows": [64]}
    sweep = sweep_from({**SPEC, "cell": "smtj", "sweep": axes})
    assert list(sweep.axes[0].values) == approx([1e5, 1e6, 1e7, 1e8])
    write_hdf5(run_sweep(sweep), tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5") as file:
        assert file["technology_wire_resistance_ohm_per_m"].attrs["units"] == "ohm/m"
