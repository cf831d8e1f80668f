"""Stand-alone decks: what plain `ngspice -b` prints is what the library measures."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flow.deck_command import deck_command
from flow.deck_source import Settings
from flow.errors import UserError
from flow.measure.bitcell import characterize_nominal
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.pulses import SamplePulses
from flow.measure.samples import Operation, SampleRates, operations_of
from flow.parallel import Arrays
from flow.place import Place
from flow.standalone import Deck, standalone_deck
from flow.statistics.typical import Typical
from flow.statistics.variation import variation_of
from flow.table import Array, BitcellTable, CellVariant, known, write_table
from tests.conftest import CELLS, MakeBench, Run
from tests.near import approx

_LINE = re.compile(r"^(\w+) = (\S+)$", re.MULTILINE)


def ngspice(deck: Deck | Path, folder: Path) -> dict[str, float]:
    """What the real ngspice prints; its folder stays as it was."""
    file = deck if isinstance(deck, Path) else folder / "deck.cir"
    if isinstance(deck, Deck):
        file.write_text(deck.text)
    program = shutil.which("ngspice")
    assert program is not None
    empty = folder / "elsewhere"
    empty.mkdir(exist_ok=True)
    done = subprocess.run(
        [program, "-b", str(file)], cwd=empty, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(empty.iterdir())
    return {name: float(value) for name, value in _LINE.findall(done.stdout)}


@pytest.fixture(scope="module", params=CELLS)
def characterised(request: pytest.FixtureRequest, make_bench: MakeBench) -> tuple[str, CellVariant]:
    """The nominal table of a cell, by the library."""
    return request.param, characterize_nominal(make_bench(request.param), 7, 0.1)


@pytest.mark.parametrize(
    ("measurement", "settings", "names"),
    [
        ("write", Settings(), ["write_energy_0to1"]),
        ("write", Settings(stored=1), ["write_energy_1to0"]),
        ("read", Settings(), ["read_energy"]),
        ("load_line", Settings(), ["r_on", "r_off", "r_mtj_p", "r_mtj_ap", "r_access"]),
        ("leakage", Settings(), ["leakage", "leakage_half_selected"]),
    ],
    ids=["write 0to1", "write 1to0", "read", "load line", "leakage"],
)
def test_plain_ngspice_prints_the_number_of_the_table(
    measurement: str,
    settings: Settings,
    names: list[str],
    characterised: tuple[str, CellVariant],
    make_bench: MakeBench,
    tmp_path: Path,
) -> None:
    cell, variant = characterised
    deck = standalone_deck(make_bench(cell), measurement, settings, variant)  # type: ignore[arg-type]
    printed = ngspice(deck, tmp_path)
    assert set(printed) == set(deck.prints) | ({"crossing"} & set(printed))
    for name in names:
        assert printed[name] == approx(variant.quantities[name].value, rel=1e-6, abs=0), name
        assert deck.table[name] == variant.quantities[name].value
    if measurement == "write":
        delay = next(name for name in printed if name.startswith("write_switching_time"))
        assert printed[delay] == approx(variant.quantities[delay].value, rel=1e-6, abs=0)


def test_another_voltage_and_line_need_no_table(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(CELLS[1])
    line = bench.spec.write.line_1to0
    deck = standalone_deck(bench, "load_line", Settings(voltage=0.7, line=line, nodes=5), None)
    assert not deck.table
    printed = ngspice(deck, tmp_path)
    library = measure_load_line(bench, line, np.array([0.699, 0.7]), state_nodes(5))
    for index in range(5):
        assert printed[f"current_{index}"] == approx(library.current[1, index], rel=1e-6, abs=0)
        assert printed[f"drive_{index}"] == approx(library.drive[1, index], rel=1e-6, abs=0)


def with_samples(variant: CellVariant, make_bench: MakeBench, cell: str) -> CellVariant:
    """The table with three process samples of each operation, and three typical ones with their pulses."""
    bench = make_bench(cell)
    names = variation_of(bench).names
    y = np.random.default_rng(4).standard_normal((3, len(names)))
    voltage = variant.quantities["read_voltage"].value

    def pulse(testbench: str, operation: Operation, at: str, stored: int) -> Arrays:
        volts, width = variant.quantities[at].value, operation.pulse
        return SamplePulses(bench, testbench, operation.line, volts, width, stored, y).run()

    up, down, read = operations_of(bench)
    results = {
        "write_0to1": pulse("write", up, "write_voltage_0to1", 0),
        "write_1to0": pulse("write", down, "write_voltage_1to0", 1),
        "read_0": pulse("read", read, "read_voltage", 0),
        "read_1": pulse("read", read, "read_voltage", 1),
    }
    static = SampleRates(bench, read, y, np.array([voltage]), np.array([read.pulse]), 5).run()
    typical = Typical(
        pulse_y=y[None],
        pulses={name: {key: part[None] for key, part in result.items()} for name, result in results.items()},
        static_y=y[None],
        static={key: part[None] for key, part in static.items()},
    )
    samples = typical.arrays(bench.card["vdd"], voltage)
    samples["variable"] = Array(("variable",), np.array(names), "1", "varied parameter")
    for operation in ("0to1", "1to0", "read"):
        samples[f"y_{operation}"] = Array((f"sample_{operation}", "variable"), y, "1", "deviation")
    return CellVariant(quantities=variant.quantities, samples=samples)


def test_a_process_sample_is_that_sample(
    characterised: tuple[str, CellVariant], make_bench: MakeBench, tmp_path: Path
) -> None:
    cell, nominal = characterised
    bench, variant = make_bench(cell), with_samples(nominal, make_bench, cell)
    operation = operations_of(bench)[2]
    voltage = variant.quantities["read_voltage"].value
    y = np.asarray(variant.samples["y_read"].values)
    library = SampleRates(bench, operation, y, np.array([voltage]), np.array([operation.pulse]), 5).run()
    deck = standalone_deck(bench, "load_line", Settings(sample=2, nodes=5), variant)
    printed = ngspice(deck, tmp_path)
    for stored, name in ((0, "r_on"), (1, "r_off")):
        assert printed[name] == approx(voltage / library["current"][2, 0, stored], rel=1e-6, abs=0)
        assert printed[name] == approx(variant.samples[name].values[2], rel=1e-6, abs=0)
        assert printed[name] != approx(variant.quantities[name].value, rel=1e-3, abs=0)


@pytest.mark.parametrize("alone", [False, True])
def test_the_pulse_of_a_process_sample_is_that_of_the_table(
    alone: bool, characterised: tuple[str, CellVariant], make_bench: MakeBench, tmp_path: Path
) -> None:
    cell, nominal = characterised
    bench, variant = make_bench(cell), with_samples(nominal, make_bench, cell)
    stored = dict(variant.samples)
    if alone:
        y = np.asarray(stored["y_pulse"].values)[1:2]
        volts, width = variant.quantities["write_voltage_1to0"].value, bench.variant.write_pulse
        own = SamplePulses(bench, "write", bench.spec.write.line_1to0, volts, width, 1, y).run()
        together = np.asarray(stored["write_energy_1to0"].values)
        energy = np.array([together[0], own["energy"][0], together[2]])
        stored["write_energy_1to0"] = replace(stored["write_energy_1to0"], values=energy)
        stored["alone_write_1to0"] = replace(stored["alone_write_1to0"], values=np.array([0, 1, 0]))
    variant = replace(variant, samples=stored)
    deck = standalone_deck(bench, "write", Settings(sample=1, stored=1), variant)
    assert (deck.text.lower().count(".subckt cell") == 1) == alone
    expected = stored["write_energy_1to0"].values[1]
    assert deck.table == {"write_energy_1to0": expected}
    assert ngspice(deck, tmp_path)["write_energy_1to0"] == approx(expected, rel=1e-6, abs=0)
    assert expected != approx(stored["write_energy_1to0"].values[2], rel=1e-3, abs=0)
    if not alone:
        deck = standalone_deck(bench, "read", Settings(sample=2), variant)
        printed = ngspice(deck, tmp_path)
        for name in ("read_energy_0", "read_energy_1"):
            assert deck.table[name] == stored[name].values[2]
            assert printed[name] == approx(deck.table[name], rel=1e-6, abs=0)


def test_a_sample_is_simulated_with_its_own_batch(
    characterised: tuple[str, CellVariant],
    make_bench: MakeBench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batches of two: samples 0 and 1, and 2 alone in the second one."""
    monkeypatch.setattr("flow.deck_source.BATCH", 2)
    cell, nominal = characterised
    bench, variant = make_bench(cell), with_samples(nominal, make_bench, cell)
    y = np.asarray(variant.samples["y_pulse"].values)
    line, volts = bench.spec.write.line_0to1, variant.quantities["write_voltage_0to1"].value
    for rows, sample in ((slice(0, 2), 1), (slice(2, 3), 2)):
        own = SamplePulses(bench, "write", line, volts, bench.variant.write_pulse, 0, y[rows]).run()
        deck = standalone_deck(bench, "write", Settings(sample=sample), variant)
        printed = ngspice(deck, tmp_path)["write_energy_0to1"]
        assert printed == approx(own["energy"][-1], rel=1e-6)


def test_the_line_tells_which_write_is_meant(
    characterised: tuple[str, CellVariant], make_bench: MakeBench
) -> None:
    cell, variant = characterised
    bench = make_bench(cell)
    write = bench.spec.write
    for line, name in ((write.line_0to1, "0to1"), (write.line_1to0, "1to0")):
        deck = standalone_deck(bench, "write", Settings(line=line), variant)
        assert deck.prints == (f"write_energy_{name}", f"write_switching_time_{name}")
        assert f"v_{line}={variant.quantities[f'write_voltage_{name}'].value:.16g}" in deck.text
        # Another line than the table's own may be meant: its figures are not promised.
        assert not deck.table
        deck = standalone_deck(bench, "leakage", Settings(line=line), variant)
        assert set(deck.prints) >= {f"leakage_half_selected_{line}_{stored}" for stored in (0, 1)}
        assert f"alter v{line} dc = {variant.quantities[f'write_voltage_{name}'].value:.16g}" in deck.text
        deck = standalone_deck(bench, "load_line", Settings(operation=name), variant)  # type: ignore[arg-type]
        assert f"dc v{line} {variant.quantities[f'write_voltage_{name}'].value - 1e-3:.12g}" in deck.text


@pytest.mark.parametrize(
    ("address", "at"),
    [
        ("write_energy_1to0", ()),
        ("write_switching_time_0to1", ()),
        ("read_energy", ()),
        ("r_off", ()),
        ("leakage", ()),
        ("write_energy_0to1", ("2",)),
        ("read_energy_1", ("1",)),
    ],
)
def test_explain_names_the_deck_that_prints_a_number(
    address: str,
    at: tuple[str, ...],
    project: Path,
    run: Run,
    characterised: tuple[str, CellVariant],
    make_bench: MakeBench,
) -> None:
    cell, variant = characterised
    if cell != CELLS[0]:
        pytest.skip("once is enough: commands do not depend on the cell")
    variant = with_samples(variant, make_bench, cell)
    table = project / "table.h5"
    write_table(table, BitcellTable(cells={cell: {"0.85": variant}}))
    place = Place(cell, "0.85", address, "samples" if at else "", at)
    program, *words = shlex.split(deck_command(table, place, variant))
    assert program == "mtj-flow"
    done = run(project, "flow", *words, "--json")
    assert done.returncode == 0, done.stderr
    value = variant.samples[address].values[int(at[0])] if at else variant.quantities[address].value
    assert json.loads(done.stdout)["table"][address] == value


def test_means_over_the_population_have_no_deck() -> None:
    mean, nominal = known("read_energy", 2e-14), known("read_energy", 2.1e-14)
    variant = CellVariant(quantities={"read_energy": mean, "read_energy_nominal": nominal})
    file = Path("table.h5")
    assert deck_command(file, Place("cell", "0.85", "read_energy"), variant) == ""
    assert "--measurement read" in deck_command(file, Place("cell", "0.85", "read_energy_nominal"), variant)
    assert deck_command(file, Place("cell", "0.85", "wer_0to1"), variant) == ""
    assert deck_command(file, Place("cell", "0.85", "ln_rdr", "samples", ("3",)), variant) == ""


def test_a_sample_that_is_not_there(characterised: tuple[str, CellVariant], make_bench: MakeBench) -> None:
    cell, nominal = characterised
    bench = make_bench(cell)
    with pytest.raises(UserError, match="no samples"):
        standalone_deck(bench, "write", Settings(sample=0), nominal)
    with pytest.raises(UserError, match="0 to 2"):
        standalone_deck(bench, "write", Settings(sample=3), with_samples(nominal, make_bench, cell))
    with pytest.raises(UserError, match="give --voltage"):
        standalone_deck(bench, "write", Settings(), None)


def test_the_command_writes_a_deck_that_runs(
    project: Path, run: Run, characterised: tuple[str, CellVariant], tmp_path: Path
) -> None:
    cell, variant = characterised
    if cell != CELLS[0]:
        pytest.skip("once is enough: the decks of the other cell are tested above")
    table = project / "build/tables/bitcells.h5"
    table.parent.mkdir()
    write_table(table, BitcellTable(cells={cell: {"0.85": variant}}))
    deck = project / "deck.cir"
    done = run(project, "flow", "deck", cell, "--variant", "0.85", "-o", str(deck), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["prints"] == ["write_energy_0to1", "write_switching_time_0to1"]
    expected = variant.quantities["write_energy_0to1"].value
    assert ngspice(deck, tmp_path)["write_energy_0to1"] == approx(expected, rel=1e-6, abs=0)
    wrong = run(project, "flow", "deck", cell, "--variant", "0.9", "-o", str(deck))
    assert wrong.returncode == 1
    assert "no variant '0.9'; known: 0.85, 0.80" in wrong.stderr
