"""What becomes of populations and typical samples in the table: figures made by hand, no simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flow.measure.bench import Bench
from flow.measure.samples import CONVERGED, FAILED, operations_of
from flow.spec import PopulationSpec
from flow.statistics.estimate import Estimate
from flow.statistics.population import Population
from flow.statistics.quantities import population_variant
from flow.statistics.typical import PULSES, Typical
from flow.statistics.variation import variation_of
from flow.table import CellVariant, known
from tests.conftest import CELLS, MakeBench
from tests.near import approx

REPLICATES, SAMPLES = 16, 8
VOLTAGES = (0.80, 0.90, 0.12)
ERRORS = (2e-3, 5e-3, 3e-3)
"""Standard errors of the logarithms of the stored voltages."""


def population(bench: Bench, index: int, *, failed: int = 0) -> Population:
    count, names = 32, variation_of(bench).names
    voltage, error = VOLTAGES[index], ERRORS[index]
    point = Estimate(voltage, voltage * (1 - 2 * error), voltage * (1 + 2 * error), error, 100.0)
    rate = Estimate(1e-7, 9e-8, 1.1e-7, 0.05, 100.0)
    status = np.zeros(count, dtype=np.int64)
    status[:failed] = FAILED
    return Population(
        operation=operations_of(bench)[index],
        variation=variation_of(bench),
        point=point,
        mean=rate,
        beyond_rare=replace(rate, value=1e-7),
        worst=rate,
        above_target=rate,
        check=rate,
        slope=-30.0 if index < 2 else 30.0,
        gradient=np.ones(len(names)),
        y=np.zeros((count, len(names))),
        weight=np.ones(count),
        ln_rate=np.full(count, -16.0),
        status=status,
        replicate=np.repeat(np.arange(16), 2),
        simulated=96,
        failed=failed,
    )


def typical(bench: Bench, spread: float = 0.0) -> Typical:
    """Energies 200 and 100 fJ, read charges 30 and 20 fC, 15 and 9 uA at 0.12 V, with a relative spread."""
    shape = (REPLICATES, SAMPLES)
    dimension = len(variation_of(bench).names)
    noise = 1 + spread * np.random.default_rng(8).standard_normal((6, *shape))
    energies, charges = (2e-13, 1e-13, 7e-15, 5e-15), (3e-13, 2e-13, 3e-14, 2e-14)
    pulses = {
        name: {
            "energy": energies[k] * noise[k],
            "charge": charges[k] * noise[k],
            "status": np.full(shape, CONVERGED),
        }
        for k, name in enumerate(PULSES)
    }
    current = np.stack([1.5e-5 * noise[4], 9e-6 * noise[5]], axis=-1)[:, :, None, :]
    across = np.stack([0.09 + 0 * noise[4], 0.10 + 0 * noise[5]], axis=-1)[:, :, None, :]
    static = {"current": current, "junction": across, "status": np.full(shape, CONVERGED)}
    y = np.zeros((*shape, dimension))
    return Typical(pulse_y=y, pulses=pulses, static_y=y, static=static)


def nominal() -> CellVariant:
    names = (
        "r_on", "r_off", "r_mtj_p", "r_mtj_ap", "r_access", "read_energy", "write_energy_0to1",
        "write_energy_1to0", "write_energy",
    )  # fmt: skip
    return CellVariant(quantities={name: known(name, 1.25) for name in names})


def table(bench: Bench, samples: Typical, failed: int = 0) -> CellVariant:
    return population_variant(
        bench,
        nominal(),
        (0.78, 0.88, 0.13),
        [population(bench, index, failed=failed) for index in range(3)],
        [],
        [],
        samples,
        PopulationSpec(),
    )


@pytest.mark.parametrize("cell", CELLS)
def test_means_of_equal_cells_are_their_figures(make_bench: MakeBench, cell: str) -> None:
    bench = make_bench(cell)
    found = table(bench, typical(bench)).quantities
    for name, value in {
        "write_energy_0to1": 2e-13,
        "write_energy_1to0": 1e-13,
        "write_energy": 1.5e-13,
        # The supply gives its voltage for every charge of a read; both states are read equally often.
        "read_energy": 0.8 * (3e-14 + 2e-14) / 2,
        "r_on": 0.12 / 1.5e-5,
        "r_off": 0.12 / 9e-6,
        "r_mtj_p": 0.09 / 1.5e-5,
        "r_mtj_ap": 0.10 / 9e-6,
        "r_access": (0.12 - 0.09) / 1.5e-5,
    }.items():
        assert found[name].value == approx(value, rel=1e-12), name
        assert found[name].status == "ok"
        assert found[f"{name}_nominal"].value == 1.25
        assert found[f"{name}_sd"].value < 1e-12 * value
    write = bench.spec.write
    voltage = {write.line_0to1: VOLTAGES[0], write.line_1to0: VOLTAGES[1]}
    assert found["ltd_voltage"].value == voltage["bl"]
    assert found["ltp_voltage"].value == voltage["sl"]
    assert (found["wer_limit"].value, found["rdr_limit"].value) == (write.wer, bench.spec.read.rdr)
    assert found["write_voltage_limit"].value == write.max_voltage
    assert found["read_voltage_limit"].value == bench.spec.read.max_voltage
    for name, slope in (("wer_0to1", -30.0), ("wer_1to0", -30.0), ("rdr", 30.0)):
        assert found[f"{name}_log_slope"].value == slope
    assert found["write_voltage_0to1_nominal"].value == 0.78
    assert found["read_voltage_nominal"].value == 0.13


def test_the_error_of_the_voltage_reaches_the_energies(make_bench: MakeBench) -> None:
    """E ~ V^2 of a write, E = V_DD Q ~ V of a read, by the voltages at both ends of their own interval."""
    bench = make_bench(CELLS[0])
    found = table(bench, typical(bench)).quantities
    for name, error, power in (
        ("write_energy_0to1", ERRORS[0], 2),
        ("write_energy_1to0", ERRORS[1], 2),
        ("read_energy", ERRORS[2], 1),
        # Two independent voltages, half of either energy.
        ("write_energy", float(np.hypot(2e-13 * ERRORS[0], 1e-13 * ERRORS[1])) / 3e-13, 2),
    ):
        quantity = found[name]
        assert quantity.ci_low is not None
        assert quantity.ci_high is not None
        at_ends = [quantity.value * (1 + side * 1.96 * error) ** power for side in (-1, 1)]
        assert quantity.ci_high - quantity.ci_low == approx(at_ends[1] - at_ends[0], rel=1e-3), name
        assert quantity.ci_high - quantity.value == approx(quantity.value - quantity.ci_low, rel=1e-9)
    assert found["r_on"].ci_high == approx(found["r_on"].value)


def test_the_spread_of_the_cells_and_that_of_their_mean(make_bench: MakeBench) -> None:
    """With known voltages: sd of the cells themselves, interval t sd/sqrt(n) by the replicates."""
    bench = make_bench(CELLS[0])
    samples = typical(bench, spread=0.05)
    found = table(bench, samples).quantities
    resistance = 0.12 / samples.static["current"][:, :, 0, 0]
    assert found["r_on"].value == approx(resistance.mean())
    assert found["r_on_sd"].value == approx(float(np.std(resistance, ddof=1)))
    quantity = found["r_on"]
    assert quantity.ci_low is not None
    assert quantity.ci_high is not None
    # t(0.975, 15) = 2.1314 (any table of Student's distribution).
    by_replicates = 2.1314 * resistance.mean(axis=1).std(ddof=1) / np.sqrt(REPLICATES)
    assert (quantity.ci_high - quantity.ci_low) / 2 == approx(float(by_replicates), rel=1e-4)
    energy = samples.pulses["write_0to1"]["energy"]
    assert found["write_energy_0to1_sd"].value == approx(float(np.std(energy, ddof=1)))


def test_a_missing_sample_is_left_out_flagged_and_counted(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[1])
    samples = typical(bench, spread=0.05)
    lost = samples.pulses["write_1to0"]
    lost["energy"][3, 2], lost["status"][3, 2] = np.nan, FAILED
    content = table(bench, samples, failed=2)
    found = content.quantities
    kept = lost["energy"][np.isfinite(lost["energy"])]
    assert found["write_energy_1to0"].value == approx(kept.mean())
    assert found["write_energy_1to0_sd"].value == approx(float(np.std(kept, ddof=1)))
    for name, status in (
        ("write_energy_1to0", "not_converged"),
        ("write_energy", "not_converged"),
        ("write_energy_0to1", "ok"),
        ("wer_0to1", "not_converged"),
        ("rdr_worst_cell", "not_converged"),
    ):
        assert found[name].status == status, name
    assert content.attributes["samples_failed"] == 3 * 2 + 1
    assert content.attributes["samples_simulated"] == 3 * 96 + 5 * REPLICATES * SAMPLES
    assert content.samples["write_energy_1to0_status"].values[3 * SAMPLES + 2] == 2
    assert content.samples["write_energy_1to0_status"].values.sum() == 2
    assert content.samples["ln_wer_0to1_status"].values.tolist() == [2, 2] + [0] * 30
    everything = table(bench, typical(bench)).attributes
    assert everything["samples_failed"] == 0


def test_a_write_without_a_single_sample_is_flagged_and_no_warning(make_bench: MakeBench) -> None:
    """As when every transient of one direction fails: the other keeps its figure."""
    bench = make_bench(CELLS[0])
    samples = typical(bench)
    lost = samples.pulses["write_0to1"]
    lost["energy"][:], lost["status"][:] = np.nan, FAILED
    found = table(bench, samples).quantities
    assert found["write_energy_0to1"].status == "not_converged"
    assert found["write_energy"].status == "not_converged"
    assert found["write_energy_1to0"].value == approx(1e-13)


def test_samples_of_the_table_are_those_of_their_operation_and_state(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    content = table(bench, typical(bench)).samples
    for name, value in {
        "write_energy_0to1": 2e-13,
        "write_energy_1to0": 1e-13,
        "read_energy_0": 0.8 * 3e-14,
        "read_energy_1": 0.8 * 2e-14,
        "r_on": 0.12 / 1.5e-5,
        "r_off": 0.12 / 9e-6,
        "r_mtj_p": 0.09 / 1.5e-5,
        "r_mtj_ap": 0.10 / 9e-6,
    }.items():
        assert content[name].values == approx(np.full(REPLICATES * SAMPLES, value)), name


def test_the_given_voltages_are_those_of_their_direction(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    given = bench.variant.given_voltages
    assert given is not None
    given = given.model_copy(update={"write_0to1": 0.7, "write_1to0": 0.9})
    bench = replace(bench, variant=bench.variant.model_copy(update={"given_voltages": given}))
    attributes = table(bench, typical(bench)).attributes
    assert (attributes["given_voltage_0to1"], attributes["given_voltage_1to0"]) == (0.7, 0.9)
