"""Keys of the cache: whatever a result depends on moves its key: no old number passes for a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flow.measure.bench import Bench
from flow.measure.pieces import NominalSearch, Technology, VariantAt
from flow.measure.pulses import SamplePulses
from flow.measure.samples import SampleRates, operations_of
from flow.parallel import Task
from flow.sizing import SizePoint
from flow.spec import Spread, Study, load_study
from flow.statistics.variation import variation_of
from tests.conftest import CELLS, ROOT, MakeBench

Change = Callable[[Bench], Bench]
STUDY: Study = load_study(ROOT / "study.toml")


def spec(part: str, **changes: object) -> Change:
    """A change of a part of the cell's file."""

    def change(bench: Bench) -> Bench:
        moved = getattr(bench.spec, part).model_copy(update=changes)
        return replace(bench, spec=bench.spec.model_copy(update={part: moved}))

    return change


def variant(**changes: object) -> Change:
    return lambda bench: replace(bench, variant=bench.variant.model_copy(update=changes))


def warmer(bench: Bench) -> Bench:
    value = bench.device_spec.temperature.model_copy(update={"value": 350.0})
    return replace(bench, device_spec=bench.device_spec.model_copy(update={"temperature": value}))


def device(name: str) -> Change:
    def change(bench: Bench) -> Bench:
        value = bench.device_spec.parameters[name]
        parameters = {
            **bench.device_spec.parameters,
            name: value.model_copy(update={"value": 1.01 * value.value}),
        }
        return replace(bench, device_spec=bench.device_spec.model_copy(update={"parameters": parameters}))

    return change


def card(part: str, name: str) -> Change:
    def change(bench: Bench) -> Bench:
        values = dict(getattr(bench.card, part))
        values[name] = values[name].model_copy(update={"value": 1.01 * values[name].value})
        return replace(bench, card=bench.card.model_copy(update={part: values}))

    return change


def less_variation(bench: Bench) -> Bench:
    variation = {**bench.device_spec.variation, "t_fl": Spread(sigma=0.011, provenance="")}
    return replace(bench, device_spec=bench.device_spec.model_copy(update={"variation": variation}))


SIMULATION: dict[str, Change] = {
    "stamp": lambda bench: replace(bench, stamp="other models"),
    "fins": lambda bench: replace(bench, fins={"nn": 4}),
    "corner": lambda bench: replace(bench, spec=bench.spec.model_copy(update={"corner": "ff"})),
    "device": device("alpha"),
    "variant": variant(parameters={"t_ox_t": 0.8e-9}),
    "temperature": warmer,
    "gate": spec("bias", wl_selected=0.81),
    "unselected gate": spec("bias", wl_unselected=0.01),
    "well": spec("bias", n_well=0.9),
    "edge": spec("write", edge=60e-12),
    "lines": spec("write", line_0to1="sl", line_1to0="bl"),
}
"""What every simulation of a cell depends on."""
TARGETS: dict[str, Change] = {
    "write error rate": spec("write", wer=1e-6),
    "write reach": spec("write", max_voltage=1.3),
    "read disturb rate": spec("read", rdr=1e-8),
    "read reach": spec("read", max_voltage=0.31),
    "write pulse": variant(write_pulse=2e-9),
    "read pulse": variant(read_pulse=2e-9),
}
SPREADS: dict[str, Change] = {
    "junction": less_variation,
    "transistor": card("mismatch", "a_vt"),
    # Pelgrom's law has the width of the fin in it.
    "fin height": card("technology", "fin_height"),
}


def search(bench: Bench) -> NominalSearch:
    return NominalSearch(bench, 7, 0.05)


def at(bench: Bench) -> VariantAt:
    return VariantAt(bench, {"points": np.ones((3, 2))}, (0.8, 0.9, 0.1), 7)


def point(bench: Bench) -> SizePoint:
    return SizePoint(bench, STUDY)


def rates(bench: Bench) -> SampleRates:
    y = np.ones((2, variation_of(bench).dimension))
    return SampleRates(bench, operations_of(bench)[0], y, np.array([0.8]), np.array([1e-9]), 5)


def pulses(bench: Bench) -> SamplePulses:
    return SamplePulses(bench, "read", "bl", 0.1, 1e-9, 0, np.ones((2, variation_of(bench).dimension)))


def technology(bench: Bench) -> Technology:
    return Technology(bench)


CASES = [
    (make, name, change)
    for make, changes in (
        (search, SIMULATION | TARGETS),
        (
            at,
            SIMULATION
            | {name: TARGETS[name] for name in ("write pulse", "read pulse")}
            | {
                "area rule": spec("area", gate_pitches=3.0),
                "supply": card("technology", "vdd"),
                "fin pitch": card("technology", "fin_pitch"),
                "fin height": card("technology", "fin_height"),
                "fin width": card("technology", "fin_width"),
                "gate pitch": card("technology", "gate_pitch"),
                "feature size": card("technology", "feature_size"),
                "provenance": variant(provenance="another"),
            },
        ),
        (point, SIMULATION | TARGETS | SPREADS),
        (rates, SIMULATION | SPREADS),
        (pulses, SIMULATION | SPREADS),
        (technology, {name: SIMULATION[name] for name in ("stamp", "corner", "temperature")}),
    )
    for name, change in changes.items()
]


@pytest.mark.parametrize(
    ("make", "change"),
    [(make, change) for make, _, change in CASES],
    ids=[f"{make.__name__} {name}" for make, name, _ in CASES],
)
def test_a_change_of_an_input_moves_the_key(
    make: Callable[[Bench], Task], change: Change, make_bench: MakeBench
) -> None:
    bench = make_bench(CELLS[0])
    assert make(bench).key == make(make_bench(CELLS[0])).key
    assert make(change(bench)).key != make(bench).key


def test_arguments_move_the_key(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    one, other = {"points": np.ones((3, 2))}, {"points": np.ones((3, 2)) + 1e-9}
    y = np.ones((1, variation_of(bench).dimension))
    pulse = SamplePulses(bench, "read", "bl", 0.1, 1e-9, 0, y)
    rate = rates(bench)
    keys = [
        *(NominalSearch(bench, *settings).key for settings in ((7, 0.05), (9, 0.05), (7, 0.1))),
        *(
            VariantAt(bench, found, voltages, nodes).key
            for found, voltages, nodes in (
                (one, (0.8, 0.9, 0.1), 7),
                (other, (0.8, 0.9, 0.1), 7),
                (one, (0.81, 0.9, 0.1), 7),
                (one, (0.8, 0.91, 0.1), 7),
                (one, (0.8, 0.9, 0.11), 7),
                (one, (0.8, 0.9, 0.1), 9),
            )
        ),
        pulse.key,
        *(
            replace(pulse, **{name: value}).key
            for name, value in (
                ("testbench", "write"),
                ("line", "sl"),
                ("voltage", 0.11),
                ("width", 2e-9),
                ("stored", 1),
                ("y", y + 1e-9),
            )
        ),
        rate.key,
        *(
            replace(rate, **{name: value}).key
            for name, value in (
                ("voltage", np.array([0.81])),
                ("pulse", np.array([2e-9])),
                ("states", 7),
                ("operation", replace(rate.operation, stored=1)),
                ("operation", replace(rate.operation, line="sl")),
                ("operation", replace(rate.operation, side="leave")),
            )
        ),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("make", [search, at, point, rates, pulses, technology])
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/finfet28.lib", "phig=4.439", "phig=4.440"),
        ("testbenches/write.cir", ".param", ".param unused=1\n.param"),
    ],
    ids=["card", "testbench"],
)
def test_a_change_of_a_file_moves_every_key(
    make: Callable[[Bench], Task], file: str, old: str, new: str, make_bench: MakeBench, project: Path
) -> None:
    bench = replace(make_bench(CELLS[0]), root=project)
    before = make(bench).key
    path = project / "spice" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert make(replace(bench)).key != before


def test_every_file_of_a_cell_is_watched(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    names = {path.relative_to(ROOT / "spice").as_posix() for path in bench.input_files()}
    assert names == {
        f"bitcells/{CELLS[0]}.cir",
        f"bitcells/{CELLS[0]}.toml",
        "models/finfet28.lib",
        "models/finfet28.toml",
        "devices/smtj.toml",
        *(f"testbenches/{path.name}" for path in (ROOT / "spice" / "testbenches").glob("*.cir")),
    }
