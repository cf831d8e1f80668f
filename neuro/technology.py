"""What a synaptic core is made of: the transistor technology, the bitcell, and the core's organisation.

Every field may be one number or an array of design points (NumPy or torch; shapes broadcast). The field
names are the keys of a design point's JSON document (`docs/theory/array.md`), SI units throughout; the
only other length unit is F, the feature size of the technology.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Cell:
    """A bitcell: geometry, resistances, voltages, pulse and its characterised energies and error rates.

    `r_access_ohm` of 0 stands for a tenth of `r_on_ohm`. The energies and error rates from `read_energy_J`
    on are not used by the peripheral circuits; NaN says that nothing was characterised.
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
