"""Stand-alone decks: one measurement as a file that plain `ngspice -b FILE.cir` runs, with the same numbers.

The circuit is what the library simulates, line for line; what the library does in Python (integrate a power,
divide a voltage by a current) is said in a `.control` block. Results are printed on stdout, one
`name = value` a line in SI units, and nothing is written to disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from flow.deck_source import DeckSource, Settings
from flow.device.mtj import Z_OF_STATE
from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.load_line import state_nodes
from flow.measure.transient import COARSE, FINE, SOURCES, PulseCircuit, drawn_current, pulse_circuit
from flow.spec import Line
from flow.spice.deck import STATIC, mtj_paths, render, with_parameters
from flow.table import CellVariant

Measurement = Literal["write", "read", "load_line", "leakage"]

_LN_RATES = {"0to1": "ln_wer_0to1", "1to0": "ln_wer_1to0", "read": "ln_rdr"}
_DIGITS = 12


@dataclass(frozen=True)
class Deck:
    """A deck and what it prints.

    `prints` are the names of its results; `table` holds the table's figure for those that it has (SI units).
    """

    text: str
    prints: tuple[str, ...]
    table: Mapping[str, float] = field(default_factory=dict)


def standalone_deck(
    bench: Bench, measurement: Measurement, settings: Settings, variant: CellVariant | None
) -> Deck:
    """The deck of one measurement of a bench; `variant` is its part of a table, if there is one.

    Raises:
        UserError: a voltage or a sample that only a table can give, and the table does not have it.
    """
    make = {"write": _write, "read": _read, "load_line": _load_line, "leakage": _leakage}[measurement]
    deck = make(bench, DeckSource(bench, settings, variant))
    circuit = deck.text.removesuffix(".end\n").splitlines()
    head = [
        circuit[0],
        f"* {bench.name}, variant {bench.variant_name}, {measurement}: run with `ngspice -b` on this file.",
        *(f"* the table has {name} = {value:.{_DIGITS}g}" for name, value in deck.table.items()),
    ]
    return replace(deck, text="\n".join([*head, *circuit[1:], *_control(bench, deck), ".end", ""]))


@dataclass(frozen=True)
class _Deck(Deck):
    """A deck whose control lines are still apart from its circuit."""

    commands: tuple[str, ...] = ()


def _operation_of(source: DeckSource) -> tuple[str, Line, int]:
    """Operation, driven line and stored state of a write."""
    settings, write = source.settings, source.bench.spec.write
    stored = settings.stored
    if stored is None:
        stored = 1 if settings.line == write.line_1to0 else 0
    own = write.line_1to0 if stored else write.line_0to1
    return ("1to0" if stored else "0to1"), settings.line or own, stored


def _write(bench: Bench, source: DeckSource) -> _Deck:
    name, line, stored = _operation_of(source)
    width = bench.variant.write_pulse
    circuit, copy = _pulse(source, "write", line, source.voltage(name), width, stored, f"write_{name}")
    energy, delay = f"write_energy_{name}", f"write_switching_time_{name}"
    path = mtj_paths(bench.cell, circuit.copies)[copy]
    commands = [
        *_run(circuit),
        f"let power = {' + '.join(f'v({s[1:]})*({_drawn(circuit, s, copy)})' for s in SOURCES)}",
        "let energy_so_far = integ(power)",
        f"let {energy} = energy_so_far[length(energy_so_far)-1]",
        f"print {energy}",
        # From the middle of the line's rising edge to m_z = 0.
        f"meas tran crossing when @{path}[mz]=0",
        f"let {delay} = crossing - {circuit.start:.16g}",
        f"print {delay}",
    ]
    figures = source.figures({energy: energy, delay: delay}) | source.sampled({energy: energy})
    return _Deck(circuit.deck, (energy, delay), figures, tuple(commands))


def _read(bench: Bench, source: DeckSource) -> _Deck:
    line = source.settings.line or bench.spec.read.line
    states = _states(source)
    stored, width = states[0], bench.variant.read_pulse
    circuit, copy = _pulse(source, "read", line, source.voltage("read"), width, stored, f"read_{stored}")
    commands: list[str] = []
    names: list[str] = []
    for stored in states:
        name = f"read_energy_{stored}"
        if stored != states[0]:
            paths = mtj_paths(bench.cell, circuit.copies)
            commands += [f"alter @{path}[state] = {stored}" for path in paths]
        commands += [
            *_run(circuit),
            f"let charge = integ({_drawn(circuit, f'v{line}', copy)})",
            # The read voltage is regulated down from the supply, which gives its voltage for every charge.
            f"let {name} = {bench.card['vdd']:.16g} * charge[length(charge)-1]",
            f"print {name}",
        ]
        names.append(name)
    figures = source.sampled({name: name for name in names})
    if len(states) == 2:
        first, second = (f"tran{run}.{name}" for run, name in enumerate(names, start=1))
        commands += [f"let read_energy = 0.5 * ({first} + {second})", "print read_energy"]
        names.append("read_energy")
        figures |= source.figures({"read_energy": "read_energy"})
    return _Deck(circuit.deck, tuple(names), figures, tuple(commands))


def _pulse(
    source: DeckSource, testbench: str, line: Line, voltage: float, width: float, stored: int, name: str
) -> tuple[PulseCircuit, int]:
    """The circuit in which the library ran the pulse `name`, and the copy that is asked for."""
    copies, copy = source.copies(name)
    resolution = FINE if source.settings.sample is None else COARSE
    circuit = pulse_circuit(
        source.bench,
        testbench,
        line,
        voltage,
        width,
        stored=stored,
        samples=copies,
        resolution=resolution,
    )
    return circuit, copy


def _run(circuit: PulseCircuit) -> list[str]:
    """Commands that run a transient."""
    return [
        circuit.analysis,
        f"if time[length(time)-1] < {circuit.stop * (1 - 1e-9):.16g}",
        "  echo error: the transient stopped early",
        "  quit 1",
        "end",
    ]


def _drawn(circuit: PulseCircuit, source: str, copy: int) -> str:
    """The current that a copy draws from a source, A, as an expression of ngspice."""
    sign, vector = drawn_current(source, circuit.copies, copy)
    name = vector.removesuffix("#branch")
    return f"-i({name})" if sign < 0 else f"i({name})"


def _load_line(bench: Bench, source: DeckSource) -> _Deck:
    settings, write = source.settings, bench.spec.write
    own: dict[str, Line] = {
        "0to1": write.line_0to1,
        "1to0": write.line_1to0,
        "read": bench.spec.read.line,
    }
    operation = settings.operation
    line = settings.line or own[operation]
    voltage = source.voltage(operation)
    states = state_nodes(settings.nodes)
    if settings.stored is not None:
        states = np.array([Z_OF_STATE[settings.stored]])
    overrides = source.overrides(operation)
    variables = ("v_top", "v_bottom", "resistance", "drive")
    text = render(
        bench.testbench("load_line"),
        bench.cell,
        bench.static_bias(selected=True),
        copies=[
            with_parameters(overrides, bench.cell.mtj, {"freeze": 1.0, "z_frozen": float(z)}) for z in states
        ],
        save=[f"@{{mtj}}[{name}]" for name in variables],
        accuracy=STATIC,
    )
    # The last of two points, as in the library: its first point is the start of the second.
    commands = [f"dc v{line} {voltage - 1e-3:.12g} {voltage + 5e-4:.12g} 0.001"]
    names: list[str] = []
    for index, (path, z) in enumerate(zip(mtj_paths(bench.cell, states.size), states, strict=True)):
        top, bottom, resistance, drive = (f"@{path}[{name}][1]" for name in variables)
        commands += [
            f"echo state {index}: m_z = {z:.9g}",
            f"let current_{index} = ({top} + {bottom}) / {resistance}",
            f"let drive_{index} = {drive}",
            f"print current_{index} drive_{index}",
        ]
        names += [f"current_{index}", f"drive_{index}"]
        for stored, ends in ((0, ("r_on", "r_mtj_p")), (1, ("r_off", "r_mtj_ap"))):
            if z != Z_OF_STATE[stored]:
                continue
            cell, junction = ends
            # Towards the terminal t or away from it: a resistance is positive.
            commands += [
                f"let {cell} = {voltage:.16g} / abs(current_{index})",
                f"let {junction} = abs({top} + {bottom}) / abs(current_{index})",
                f"print {cell} {junction}",
            ]
            names += [cell, junction]
            if stored == 0:
                commands += ["let r_access = r_on - r_mtj_p", "print r_access"]
                names.append("r_access")
    figures = source.figures({n: n for n in names if n.startswith("r_")} if operation == "read" else {})
    if settings.sample is not None and settings.voltage is None:
        rate = _LN_RATES[operation]
        figures = source.sampled({f"samples/{rate}[{settings.sample}]": rate})
    return _Deck(text, tuple(names), figures, tuple(commands))


def _leakage(bench: Bench, source: DeckSource) -> _Deck:
    settings, write = source.settings, bench.spec.write
    text = render(
        bench.testbench("leakage"),
        bench.cell,
        bench.static_bias(selected=False),
        copies=[with_parameters(source.overrides("0to1"), bench.cell.mtj, {"freeze": 1.0, "z_frozen": 1.0})],
        save=["all"],
        accuracy=STATIC,
    )
    cases: list[tuple[str, Line | None, float]] = [("leakage", None, 0.0)]
    if settings.voltage is not None or settings.line is not None:
        driven = settings.line or write.line_0to1
        voltage = source.voltage("1to0" if driven == write.line_1to0 else "0to1")
        cases = [(f"leakage_half_selected_{driven}", driven, voltage)]
    elif source.variant is not None:
        cases += [
            (f"leakage_half_selected_{line}", line, source.voltage(operation))
            for operation, line in (("0to1", write.line_0to1), ("1to0", write.line_1to0))
        ]
    (path,) = mtj_paths(bench.cell, 1)
    power = " + ".join(f"v({s[1:]})*i({s})" for s in SOURCES)
    commands: list[str] = []
    names: list[str] = []
    run = 0
    worst: dict[str, list[str]] = {}
    for case, line, voltage in cases:
        for stored in _states(source):
            run += 1
            name = f"{case}_{stored}"
            # A point found from another one differs within the simulator's tolerance: start anew each time.
            commands += ["reset"] if run > 1 else []
            for other in ("bl", "sl"):
                commands.append(f"alter v{other} dc = {voltage if other == line else 0.0:.16g}")
            commands += [
                f"alter @{path}[z_frozen] = {Z_OF_STATE[stored]:.16g}",
                "op",
                f"let {name} = -({power})",
                f"print {name}",
            ]
            names.append(name)
            total = "leakage" if line is None else "leakage_half_selected"
            worst.setdefault(total, []).append(f"op{run}.{name}")
    for total, parts in worst.items():
        largest = parts[0]
        for part in parts[1:]:
            commands.append(f"let worse = {part}")
            commands.append(f"let larger = 0.5 * ({largest} + worse + abs({largest} - worse))")
            largest = f"op{run}.larger"
        commands += [f"let {total} = {largest}", f"print {total}"]
        names.append(total)
    figures = {} if settings.stored is not None else source.figures({name: name for name in worst})
    return _Deck(text, tuple(names), figures, tuple(commands))


def _states(source: DeckSource) -> tuple[int, ...]:
    stored = source.settings.stored
    return (0, 1) if stored is None else (stored,)


def _control(bench: Bench, deck: _Deck) -> Sequence[str]:
    return [
        ".control",
        # Commands with pre_ run before the circuit is parsed: the models have to be there by then. One
        # thread, because the loop over the models is an OpenMP region that costs 20 times the work in it.
        "pre_set num_threads=1",
        "pre_set no_mem_check",
        *(f"pre_osdi {_quoted(path)}" for path in bench.osdi),
        f"set numdgt={_DIGITS}",
        *deck.commands,
        "quit 0",
        ".endc",
    ]


def _quoted(path: Path) -> str:
    text = str(path.resolve())
    if any(char.isspace() or char in "\"'$`\\;" for char in text):
        raise UserError("ngspice cannot load a model from a path with blanks or quotes", file=path)
    return text
