"""One bitcell variant, characterised: every quantity of its table, from load lines and transients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.device.mtj import Z_OF_STATE
from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.leakage import measure_leakage
from flow.measure.load_line import LoadLine, measure_load_line, polynomial, state_nodes
from flow.measure.operating_point import OperatingPoint, error_rate, voltage_for
from flow.measure.transient import Pulse, measure_pulse
from flow.spec import Line
from flow.spice.deck import subcircuit
from flow.table import Array, CellVariant, Quantity, known

_SETTLING = 50e-12
"""After an edge the cell charges its own capacitances (RC about 10 ps) before it follows its load line, s."""

_VERIFY_NODES = 2
"""The verification takes this many times the state nodes of the search, so it also checks their number."""


@dataclass(frozen=True)
class Nominal:
    """The nominal device: its load-line surfaces by driven line, and the voltages that meet the targets."""

    surfaces: Mapping[Line, LoadLine]
    writes: Mapping[int, OperatingPoint]
    read: OperatingPoint


def search_nominal(bench: Bench, nodes: int, voltage_step: float) -> Nominal:
    """Voltages at which the nominal device just meets its targets with the variant's pulses.

    Args:
        nodes: Chebyshev nodes of m_z for the load lines.
        voltage_step: grid of the line voltage, V.

    Raises:
        UserError: a target cannot be met, or the netlist contradicts its TOML file.
        SimulatorError: ngspice did not converge.
    """
    spec, variant = bench.spec, bench.variant
    what = f"{bench.name} {bench.variant_name}"
    state = state_nodes(nodes)
    surfaces = {
        line: measure_load_line(bench, line, _grid(_reach(bench, line), voltage_step), state)
        for line in (spec.write.line_0to1, spec.write.line_1to0)
    }
    try:
        writes = {
            stored: voltage_for(
                bench.junction,
                surfaces[line],
                variant.write_pulse,
                spec.write.wer,
                stored=stored,
                side="stay",
                limit=spec.write.max_voltage,
                what=f"{what}, write {stored} to {1 - stored}",
            )
            for stored, line in ((0, spec.write.line_0to1), (1, spec.write.line_1to0))
        }
        read = voltage_for(
            bench.junction,
            surfaces[spec.read.line],
            variant.read_pulse,
            spec.read.rdr,
            stored=0,
            side="leave",
            limit=spec.read.max_voltage,
            what=f"{what}, read",
        )
    except UserError as error:
        raise UserError(
            error.message,
            file=bench.cell.netlist.with_suffix(".toml"),
            key="write" if "write" in error.message else "read",
        ) from None
    return Nominal(surfaces, writes, read)


def characterize_nominal(bench: Bench, nodes: int, voltage_step: float) -> CellVariant:
    """Characterise the nominal device of one variant at the voltages where it just meets its targets.

    Both are then simulated again at exactly these voltages with a finer grid of states, and those error
    rates are stored. Arguments and errors are those of `search_nominal`.
    """
    found = search_nominal(bench, nodes, voltage_step)
    return measure_at(bench, found, nodes)


def measure_at(bench: Bench, at: Nominal, nodes: int) -> CellVariant:
    """Everything about the nominal device at the voltages of `at`, each simulated at exactly its voltage.

    Raises:
        UserError: the typical cell does not switch, or the netlist contradicts its TOML file.
        SimulatorError: ngspice did not converge.
    """
    spec, variant = bench.spec, bench.variant
    writes, surfaces = at.writes, at.surfaces
    quantities = {
        **_geometry(bench),
        **_device(bench),
        **_written(bench, writes, nodes),
        **_read(bench, at.read, nodes),
    }
    lines = ((0, spec.write.line_0to1), (1, spec.write.line_1to0))
    pulses = {
        stored: measure_pulse(
            bench, "write", line, writes[stored].voltage, variant.write_pulse, stored=stored
        )
        for stored, line in lines
    }
    quantities |= _write_energy(bench, pulses)
    quantities["quasi_static_deviation"] = Quantity(
        max(_deviation(bench, pulses[stored], surfaces[line], writes[stored]) for stored, line in lines),
        "1",
        long_name="largest difference between junction current of a write and its load line, of the largest",
    )
    leakage = measure_leakage(bench, writes[0].voltage, writes[1].voltage)
    quantities["leakage"] = known("leakage", leakage.idle)
    quantities["leakage_half_selected"] = Quantity(
        leakage.half_selected,
        "W",
        long_name="power of an unselected bitcell in a column that is being written",
    )
    return CellVariant(
        quantities=quantities,
        load_lines=_load_line_arrays(bench, surfaces),
        waveforms=_waveform_arrays(pulses),
        attributes={
            "title": spec.title,
            "device": spec.device,
            "card": spec.card,
            "corner": spec.corner,
            "connection": f"{spec.write.line_0to1} high writes 0 to 1, {spec.write.line_1to0} high 1 to 0",
            "pulses_from": variant.provenance,
            "method": "nominal device; error rates by Fokker-Planck on load lines, energies from transients",
            "torque_prefactor_s": bench.parameters["s"],
        },
    )


def _deviation(bench: Bench, pulse: Pulse, surface: LoadLine, point: OperatingPoint) -> float:
    """How far the transient leaves the quasi-static load line between the edges, as a share of the peak."""
    line = pulse.voltage[f"v{surface.line}"]
    flat = np.flatnonzero(line > point.voltage * (1 - 1e-9))
    settled = pulse.time >= pulse.time[flat[0]] + _SETTLING
    rows = flat[settled[flat]]
    z = np.clip(pulse.state[rows], -1.0, 1.0)
    expected = polynomial(surface.state, surface.current_at(point.voltage), z)
    return float(np.max(np.abs(pulse.junction_current[rows] - expected)) / np.max(np.abs(expected)))


def _reach(bench: Bench, line: Line) -> float:
    return max(
        bench.spec.write.max_voltage, bench.spec.read.max_voltage if line == bench.spec.read.line else 0.0
    )


def _grid(limit: float, step: float) -> NDArray[np.float64]:
    return np.linspace(0.0, limit, math.ceil(limit / step) + 1)


def _geometry(bench: Bench) -> dict[str, Quantity]:
    spec, card = bench.spec, bench.card
    fins = cell_fins(bench)
    fin_width = 2 * card["fin_height"] + card["fin_width"]
    rule = spec.area
    width = (sum(fins.values()) + rule.n_to_p_spacing_fins + rule.edge_spacing_fins) * card["fin_pitch"]
    height = rule.gate_pitches * card["gate_pitch"]
    return {
        "cell_area": known("cell_area", width * height),
        "cell_width": known("cell_width", width),
        "cell_height": known("cell_height", height),
        "feature_size": known("feature_size", card["feature_size"]),
        "access_width_n": known("access_width_n", fins.get("nfet", 0.0) * fin_width),
        "access_width_p": known("access_width_p", fins.get("pfet", 0.0) * fin_width),
    }


def cell_area(bench: Bench) -> float:
    """Layout area by the cell's rule, m^2."""
    return _geometry(bench)["cell_area"].value


def cell_fins(bench: Bench) -> dict[str, float]:
    """Fins of the bitcell's transistors by model (`nfet`, `pfet`).

    Raises UserError for one without `nfin=`.
    """
    total: dict[str, float] = {}
    for element in subcircuit(bench.cell).elements.values():
        if element.kind != "n" or element.name == bench.spec.mtj.lower():
            continue
        fins = element.parameters.get("nfin")
        if fins is None or fins.number is None or fins.number < 1 or fins.number != round(fins.number):
            raise UserError(
                f"transistor {element.name} needs nfin= with a whole number of fins",
                file=element.file,
                line=element.line if fins is None else fins.line,
                key="nfin",
            )
        model = str(element.model)
        total[model] = total.get(model, 0.0) + fins.number
    return total


def _device(bench: Bench) -> dict[str, Quantity]:
    junction = bench.junction
    return {
        "delta": known("delta", float(np.asarray(junction.delta))),
        "tau_d": known("tau_d", float(np.asarray(junction.tau_d))),
        "critical_current_0to1": known(
            "critical_current_0to1", float(np.asarray(junction.critical_current_0to1()))
        ),
        "critical_current_1to0": known(
            "critical_current_1to0", float(np.asarray(junction.critical_current_1to0()))
        ),
    }


def _exact(bench: Bench, line: Line, voltage: float, nodes: int) -> LoadLine:
    """The load line at exactly `voltage`, on a finer grid of states."""
    return measure_load_line(
        bench, line, np.array([voltage - 1e-3, voltage]), state_nodes(_VERIFY_NODES * nodes - 1)
    )


def _written(bench: Bench, writes: Mapping[int, OperatingPoint], nodes: int) -> dict[str, Quantity]:
    spec, variant = bench.spec, bench.variant
    quantities = {"write_pulse": known("write_pulse", variant.write_pulse)}
    for stored, name, line in ((0, "0to1", spec.write.line_0to1), (1, "1to0", spec.write.line_1to0)):
        voltage = writes[stored].voltage
        rate = error_rate(
            bench.junction,
            _exact(bench, line, voltage, nodes),
            voltage,
            variant.write_pulse,
            stored=stored,
            side="stay",
        )
        quantities[f"write_voltage_{name}"] = known(f"write_voltage_{name}", voltage)
        quantities[f"wer_{name}_nominal"] = known(f"wer_{name}_nominal", float(rate))
    # LTD is the write with the bit line high, LTP the one with the source line high.
    by_line = {spec.write.line_0to1: writes[0].voltage, spec.write.line_1to0: writes[1].voltage}
    quantities["ltd_voltage"] = known("ltd_voltage", by_line["bl"])
    quantities["ltp_voltage"] = known("ltp_voltage", by_line["sl"])
    return quantities


def _read(bench: Bench, read: OperatingPoint, nodes: int) -> dict[str, Quantity]:
    spec, variant = bench.spec, bench.variant
    exact = _exact(bench, spec.read.line, read.voltage, nodes)
    rate = error_rate(bench.junction, exact, read.voltage, variant.read_pulse, stored=0, side="leave")
    on, off = (int(np.argmin(np.abs(exact.state - z))) for z in Z_OF_STATE)
    current = exact.current[-1]
    junction_voltage = exact.v_top[-1] + exact.v_bottom[-1]
    vdd = bench.card["vdd"]
    charges = [
        measure_pulse(bench, "read", spec.read.line, read.voltage, variant.read_pulse, stored=stored).charge
        for stored in (0, 1)
    ]
    return {
        "read_voltage": known("read_voltage", read.voltage),
        "read_pulse": known("read_pulse", variant.read_pulse),
        "rdr_nominal": known("rdr_nominal", float(rate)),
        "r_on": known("r_on", float(read.voltage / current[on])),
        "r_off": known("r_off", float(read.voltage / current[off])),
        "r_mtj_p": known("r_mtj_p", float(junction_voltage[on] / current[on])),
        "r_mtj_ap": known("r_mtj_ap", float(junction_voltage[off] / current[off])),
        "r_access": known("r_access", float((read.voltage - junction_voltage[on]) / current[on])),
        # The read voltage is regulated down from vdd, so the supply gives vdd for every charge.
        "read_energy": known("read_energy", float(vdd * np.mean(charges))),
    }


def _write_energy(bench: Bench, pulses: Mapping[int, Pulse]) -> dict[str, Quantity]:
    for stored, pulse in pulses.items():
        if not pulse.switched:
            raise UserError(
                f"{bench.name} {bench.variant_name}: the typical cell does not switch {stored} to "
                f"{1 - stored} in the transient although its load line says so",
                file=bench.cell.netlist,
            )
    energies = {stored: pulse.total_energy for stored, pulse in pulses.items()}
    return {
        "write_energy_0to1": known("write_energy_0to1", energies[0]),
        "write_energy_1to0": known("write_energy_1to0", energies[1]),
        "write_energy": known("write_energy", (energies[0] + energies[1]) / 2),
        "write_switching_time_0to1": known("write_switching_time_0to1", pulses[0].switching_time),
        "write_switching_time_1to0": known("write_switching_time_1to0", pulses[1].switching_time),
    }


def _load_line_arrays(bench: Bench, surfaces: Mapping[Line, LoadLine]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for line, name in ((bench.spec.write.line_0to1, "0to1"), (bench.spec.write.line_1to0, "1to0")):
        surface = surfaces[line]
        grid = f"voltage_{name}"
        dims = (grid, "mz")
        arrays["mz"] = Array(("mz",), surface.state, "1", "frozen m_z of the free layer")
        arrays[grid] = Array((grid,), surface.voltage, "V", f"voltage of {line}, the line that writes {name}")
        for key, unit, text in (
            ("current", "A", "current into terminal t of the MTJ"),
            ("drive", "1", "reduced drive i, positive towards m_z = -1"),
            ("v_top", "V", "voltage across the top barrier"),
            ("v_bottom", "V", "voltage across the bottom barrier"),
        ):
            arrays[f"{key}_{name}"] = Array(dims, getattr(surface, key), unit, text)
    return arrays


def _waveform_arrays(pulses: Mapping[int, Pulse]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for stored, name in ((0, "0to1"), (1, "1to0")):
        pulse = pulses[stored]
        time = f"time_{name}"
        arrays[time] = Array((time,), pulse.time, "s", f"time, write {name}")
        arrays[f"mz_{name}"] = Array((time,), pulse.state, "1", "m_z of the free layer")
        for line in ("bl", "sl", "wl"):
            arrays[f"v_{line}_{name}"] = Array((time,), pulse.voltage[f"v{line}"], "V", f"voltage of {line}")
            arrays[f"i_{line}_{name}"] = Array(
                (time,), pulse.current[f"v{line}"], "A", f"current that the driver of {line} delivers"
            )
    return arrays
