"""Parameters for the reference simulator MLP+NeuroSim as text: `name = value  # unit, meaning`.

The cell is the one that `mtj-neuro train --model neurosim` trains in: resistances of the whole cell, and the
access switch as the resistance by which that simulator sizes its transistor.
"""

from __future__ import annotations

import math
import re

from flow.table import UserError
from neuro.cells import table_cells
from neuro.export.selection import Selection, interval, number
from neuro.technology import technology_from_table

_LINE = re.compile(r"([A-Za-z_]+) = (\S+)\Z")

LEFT_OUT = (
    "write error and read disturb rates: that simulator's cells never fail",
    "the supply's write energies: it takes V^2 G t",
    "the spread over the population, and every interval (see the comments)",
    "p-FinFETs of the access switch, the resistance's dependence on voltage, the leakage of cells",
    "what array and network are: rows, weights, bits, multiplexers belong to the design, not to the cell",
)
# Which quantity's interval stands behind a parameter.
_FROM = {
    "Ron": "r_on",
    "Roff": "r_off",
    "Vread": "read_voltage",
    "Vltp": "ltp_voltage",
    "Vltd": "ltd_voltage",
    "tLTP": "write_pulse",
    "tLTD": "write_pulse",
    "e_read": "read_energy",
    "readPulseWidth": "read_pulse",
}


def write(selection: Selection) -> str:
    """The parameters of the one selected variant and its card.

    Raises UserError for several variants, or a missing quantity or card.
    """
    name, variant, content = selection.only
    table, path = selection.table, selection.path
    bitcell = next(one for one in table_cells(table, path) if (one.name, one.variant) == (name, variant))
    cell = bitcell.for_circuit("neurosim")
    card = str(content.attributes.get("card", ""))
    technology = technology_from_table(path, card)
    parameters: list[tuple[str, float, str]] = [
        ("Ron", float(cell.r_on_ohm), "ohm, cell in the low-resistance state (a stored 1)"),
        ("Roff", float(cell.r_off_ohm), "ohm, cell in the high-resistance state"),
        ("Gmax", 1.0 / float(cell.r_on_ohm), "S, 1/Ron"),
        ("Gmin", 1.0 / float(cell.r_off_ohm), "S, 1/Roff"),
        ("Raccess", float(cell.r_access_ohm), "ohm, by which the access transistor is sized"),
        ("Vread", float(cell.read_voltage_V), "V"),
        ("Vltp", float(cell.ltp_voltage_V), "V, LTP pulse: source line high"),
        ("Vltd", float(cell.ltd_voltage_V), "V, LTD pulse: bit line high"),
        ("tLTP", float(cell.write_pulse_s), "s"),
        ("tLTD", float(cell.write_pulse_s), "s, one pulse serves both directions"),
        ("e_read", float(cell.read_energy_J), "J, read energy of one cell"),
        ("W", float(cell.width_F), "F, cell width along the word line"),
        ("H", float(cell.height_F), "F, cell height along the bit line"),
        ("F", float(technology.feature_size_m), "m, feature size"),
        ("Vdd", float(technology.vdd_V), "V"),
        ("Ion_n", float(technology.ion_n_A_per_m), "A/m"),
        ("Ion_p", float(technology.ion_p_A_per_m), "A/m"),
        ("Ioff_n", float(technology.ioff_n_A_per_m), "A/m"),
        ("Ioff_p", float(technology.ioff_p_A_per_m), "A/m"),
        ("kappa", float(technology.effective_resistance_multiplier), "effective resistance over Vdd/Ion"),
        ("cg", float(technology.gate_capacitance_F_per_m), "F/m, gate capacitance per width"),
        ("pn", float(technology.pn_ratio), "width ratio p to n"),
        ("Rwire", float(technology.wire_resistance_ohm_per_m), "ohm/m"),
    ]
    read_pulse = float(cell.read_pulse_s)
    if math.isfinite(read_pulse):
        parameters.insert(11, ("readPulseWidth", read_pulse, "s; the simulator overwrites it"))
    remarks = [
        interval(text, content.quantities[ours], 1.0, content.quantities[ours].unit)
        for text, ours in _FROM.items()
        if ours in content.quantities
    ]
    if content.attributes.get("device") == "dmtj":
        remarks.append("two barriers in series: Ron and Roff are those of the whole stack and the switch")
    if "connection" in content.attributes:
        remarks.append(f"connection: {content.attributes['connection']} (1: the high resistance)")
    lines = [
        f"# {name}/{variant} on {card}: parameters for MLP+NeuroSim, written by mtjflow; SI units",
        *(f"# {text}" for text in selection.origin()),
        *(f"# {text}" for text in remarks if text),
        "# What these parameters cannot hold, and is left out:",
        *(f"#   {text}" for text in LEFT_OUT),
        "",
        *(f"{parameter} = {number(value)}  # {meaning}" for parameter, value, meaning in parameters),
    ]
    return "\n".join(lines) + "\n"


def read(text: str) -> dict[str, float]:
    """The parameters by name, SI units (W and H in F). Raises UserError at a line that is none."""
    found: dict[str, float] = {}
    for place, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        match = _LINE.match(content)
        try:
            value = float(match[2]) if match else math.nan
        except ValueError:
            value = math.nan
        if match is None or not math.isfinite(value):
            raise UserError("expected `name = number`", line=place)
        found[match[1]] = value
    return found
