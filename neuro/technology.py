"""What a synaptic core is made of: the transistor technology, the bitcell, and the core's organisation.

Every field may be one number or an array of design points (NumPy or torch; shapes broadcast). The field
names are the keys of a design point's JSON document (`docs/theory/array.md`), SI units throughout; the
only other length unit is F, the feature size of the technology.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from flow.table import Quantity, UserError, open_table
from neuro.circuit.namespace import Array


@dataclass(frozen=True)
class Fin:
    """Geometry of one fin; its effective width is 2*height + width (tri-gate)."""

    height_m: Array
    width_m: Array
    pitch_m: Array


@dataclass(frozen=True)
class Technology:
    """A CMOS technology as the peripheral circuits see it; currents and capacitances per metre of gate width.

    `effective_resistance_multiplier` is the ratio of the switching resistance to Vdd/Ion; `pn_ratio` the
    ratio of Ion_n to Ion_p that sizes the PMOS of a balanced gate. `fin` is None for a planar technology.
    Of the physical model, measured of a card, 0 where unknown: `drain_capacitance_F_per_m`, without which
    general junction constants count, and `linear_resistance_n_ohm_m`, resistance times width of an ON NMOS
    near ground, without which a switch there has its switching resistance.
    """

    feature_size_m: Array
    vdd_V: Array
    ion_n_A_per_m: Array
    ion_p_A_per_m: Array
    ioff_n_A_per_m: Array
    ioff_p_A_per_m: Array
    effective_resistance_multiplier: Array
    gate_capacitance_F_per_m: Array
    pn_ratio: Array
    wire_resistance_ohm_per_m: Array
    wire_capacitance_F_per_m: Array
    fin: Fin | None = None
    drain_capacitance_F_per_m: Array = 0.0
    linear_resistance_n_ohm_m: Array = 0.0

    @cached_property
    def resistance_voltage_V(self) -> Array:
        """Voltage (V) whose ratio to the on current is the switching resistance."""
        return self.effective_resistance_multiplier * self.vdd_V

    # Drain junctions at a reverse bias of Vdd; kept because every gate asks and a power is slow to compute.

    @cached_property
    def junction_area_capacitance(self) -> Array:
        """Drain junction capacitance per area (F/m2)."""
        return 1e-3 / (1 + self.vdd_V / 0.9) ** 0.5

    @cached_property
    def junction_side_capacitance(self) -> Array:
        """Drain sidewall capacitance per length (F/m)."""
        return 2.5e-10 / (1 + self.vdd_V / 0.9) ** 0.33

    @cached_property
    def junction_channel_capacitance(self) -> Array:
        """Drain-to-channel capacitance per length (F/m)."""
        return 0.5e-10 / (1 + self.vdd_V / 0.9) ** 0.33


@dataclass(frozen=True)
class Cell:
    """A bitcell: geometry, resistances, voltages, pulse and its characterised energies and error rates.

    `r_access_ohm` of 0 stands for a tenth of `r_on_ohm`; it is in series with `r_on_ohm` and `r_off_ohm`. The
    energies and error rates from `read_energy_J` on are not used by the peripheral circuits; NaN says that
    nothing was characterised. `access_width_m` is the effective gate width that the cell puts on its word
    lines, where the circuit is known; NaN has it follow from `r_access_ohm` as in the reference model.
    """

    width_F: Array
    height_F: Array
    r_on_ohm: Array
    r_off_ohm: Array
    r_access_ohm: Array
    read_voltage_V: Array
    ltp_voltage_V: Array
    ltd_voltage_V: Array
    write_pulse_s: Array
    name: str = ""
    read_energy_J: Array = 0.0
    write_energy_0to1_J: Array = float("nan")
    write_energy_1to0_J: Array = float("nan")
    wer_0to1: Array = float("nan")
    wer_1to0: Array = float("nan")
    rdr: Array = float("nan")
    read_pulse_s: Array = float("nan")
    leakage_W: Array = float("nan")
    access_width_m: Array = float("nan")


@dataclass(frozen=True)
class Core:
    """Organisation of one synaptic core: rows x (synapses * bits + 1 reference) bitcell columns.

    `column_mux` columns share a read circuit, `write_column_mux` synapses a write batch;
    `partial_sum_bits` is the resolution of the read-out, `row_activity` the fraction (0..1) of active rows.
    A relaxed cell is widened to the pitch of one switch-matrix pass gate (15.2 F).
    """

    rows: Array
    synapses: Array
    bits: Array = 6
    column_mux: Array = 16
    write_column_mux: Array = 16
    partial_sum_bits: Array = 8
    row_activity: Array = 0.5
    clock_Hz: Array = 2e9
    relaxed_cell_width: Array = False


@dataclass(frozen=True)
class TechnologyFile:
    """A technology with where its numbers come from: `sources` maps field paths to a sentence each.

    `node_wire_resistance_ohm_per_m` is that of a wire as narrow as the node's; `technology` itself has the
    100 nm wires that the reference model uses at every node.
    """

    name: str
    about: str
    technology: Technology
    node_wire_resistance_ohm_per_m: float
    sources: dict[str, str]

    def for_model(self, model: str) -> Technology:
        """The technology as the model named `model` uses it: "physical" with the wires of the node."""
        if model == "neurosim":
            return self.technology
        return replace(self.technology, wire_resistance_ohm_per_m=self.node_wire_resistance_ohm_per_m)


def bundled_technology(name: str = "28nm") -> TechnologyFile:
    """The technology `neuro/data/technology_<name>.json`. Raises UserError if there is none of that name."""
    data = files("neuro") / "data"
    file = data / f"technology_{name}.json"
    if not file.is_file():
        known = sorted(
            item.name.removeprefix("technology_").removesuffix(".json")
            for item in data.iterdir()
            if item.name.startswith("technology_")
        )
        raise UserError(f"no bundled technology {name!r}; there are {', '.join(known)}", key="technology")
    document = json.loads(file.read_text(encoding="utf-8"))
    block = dict(document["technology"])
    fin = block.pop("fin")
    return TechnologyFile(
        name=document["name"],
        about=document["about"],
        technology=Technology(**block, fin=None if fin is None else Fin(**fin)),
        node_wire_resistance_ohm_per_m=document["node_wire_resistance_ohm_per_m"],
        sources=document["sources"],
    )


TABLE_NAMES = {
    "feature_size_m": "feature_size",
    "vdd_V": "vdd",
    "ion_n_A_per_m": "ion_n",
    "ion_p_A_per_m": "ion_p",
    "ioff_n_A_per_m": "ioff_n",
    "ioff_p_A_per_m": "ioff_p",
    "effective_resistance_multiplier": "effective_resistance_multiplier",
    "gate_capacitance_F_per_m": "gate_capacitance",
    "pn_ratio": "pn_ratio",
    "wire_resistance_ohm_per_m": "wire_resistance",
    "wire_capacitance_F_per_m": "wire_capacitance",
}
"""Quantity of `/technology/<card>` for each field of a technology."""
OPTIONAL_NAMES = {
    "drain_capacitance_F_per_m": "drain_capacitance",
    "linear_resistance_n_ohm_m": "linear_resistance_n",
}
"""The same for fields that a table may lack: the model then falls back on general figures."""


def technology_quantities(path: str | Path, card: str) -> dict[str, Quantity]:
    """The characterised quantities of a card, with their intervals, by field path (`vdd_V`, `fin.pitch_m`).

    Raises UserError naming the file if there is no such card or it lacks a quantity.
    """
    cards = open_table(path).technologies
    if card not in cards:
        known = ", ".join(sorted(cards)) or "none"
        raise UserError(f"no technology card {card!r}; there are: {known}", file=path, key="technology")
    names = TABLE_NAMES | {field: name for field, name in OPTIONAL_NAMES.items() if name in cards[card]}
    if "fin_pitch" in cards[card]:
        names |= {"fin.height_m": "fin_height", "fin.width_m": "fin_width", "fin.pitch_m": "fin_pitch"}
    for name in names.values():
        if name not in cards[card]:
            raise UserError(f"lacks the quantity {name}", file=path, key=f"/technology/{card}")
    return {field: cards[card][name] for field, name in names.items()}


def technology_from_table(path: str | Path, card: str) -> Technology:
    """The technology of a characterised card. Raises UserError as `technology_quantities` does."""
    return technology_of({field: q.value for field, q in technology_quantities(path, card).items()})


def technology_of(values: Mapping[str, Array]) -> Technology:
    """A technology from its fields by path; with `fin.pitch_m` among them a FinFET technology."""
    flat = {field: value for field, value in values.items() if not field.startswith("fin.")}
    fins = {field.removeprefix("fin."): value for field, value in values.items() if field.startswith("fin.")}
    return Technology(**flat, fin=Fin(**fins) if fins else None)
