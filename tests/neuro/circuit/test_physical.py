"""The physical model's blocks against the equations of docs/theory/array.md, worked out by hand.

The card states its drain capacitance, so that every load is a width times a constant: an inverter has
2 F of either polarity, a NAND2 4 F and 2 F, a NOR of k inputs 2 F and 2 k F.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from neuro.array import SynapticCore
from neuro.circuit.buffer import tapered_buffer
from neuro.circuit.gate import inverter
from neuro.circuit.namespace import as_arrays
from neuro.estimate import Estimate
from neuro.model import PHYSICAL
from tests.near import approx
from tests.neuro.designs import CELL, CORE, FINFET

F = 28e-9
VDD = 0.8
GATE, DRAIN, LINEAR = 1.2e-9, 5e-10, 2.3e-4
CARD = dataclasses.replace(
    FINFET,
    ioff_n_A_per_m=0.1,
    ioff_p_A_per_m=0.04,
    drain_capacitance_F_per_m=DRAIN,
    linear_resistance_n_ohm_m=LINEAR,
)
SHAPE = dataclasses.replace(CORE, row_activity=0.3, write_column_mux=8)
ROWS, COLUMNS, MUX, CLOCK = 400, 601, 16, 2e9
R_ON = 9513.0 + 3829.0
R_MEAN = (9513.0 + 16390.0) / 2 + 3829.0
INV_IN, INV_OUT = 4 * F * GATE, 4 * F * DRAIN
NAND_IN, NAND_OUT = 6 * F * GATE, 8 * F * DRAIN


def resistance(on_current: float, width: float) -> float:
    return 1.5 * VDD / (on_current * width)


def r_n(width: float) -> float:
    return resistance(1650.0, width)


def r_p(width: float) -> float:
    return resistance(1400.0, width)


def chain(*constants: float) -> float:
    """Horowitz: the first stage sees a step, each next one the ramp of the one before."""
    total = before = 0.0
    for tau in constants:
        before = math.sqrt((tau * math.log(2)) ** 2 + tau * before)
        total += before
    return total


def pass_gate(ohm: float) -> tuple[float, float]:
    """Widths of NMOS and PMOS, each of twice the resistance."""
    return r_n(1.0) / (2 * ohm), r_p(1.0) / (2 * ohm)


def flip_flops(count: float, switching: float) -> float:
    """Energy of one clock: four pass gates and five inverters' gates each, six drains where one toggles."""
    return VDD**2 * (count * (6 * INV_IN + 4 * INV_OUT) + switching * (6 * INV_OUT + 2 * INV_IN))


def leakage(inverters: float = 0.0, nands: float = 0.0, nor2s: float = 0.0) -> float:
    """Standby power: half the transistors of an inverter are off, stacks leak less."""
    current = inverters * (2 * F * 0.1 + 2 * F * 0.04) / 2
    return VDD * (current + nands * 0.48 * 2 * 2 * F * 0.04 + nor2s * 0.95 * 2 * 2 * F * 0.1)


def estimate(read_mode: str = "parallel", **core: Any) -> Estimate:
    return SynapticCore(CARD, CELL, dataclasses.replace(SHAPE, **core), read_mode=read_mode).evaluate()


# Column, multiplexer and reset switch.
WIDTH_N, WIDTH_P = pass_gate(R_ON / (2 * ROWS))
MUX_DRAIN = DRAIN * (WIDTH_N + WIDTH_P)
ACCESS = r_n(1.0) / 3829.0
LENGTH = ROWS * 7 * F
COLUMN_F = 2e-10 * LENGTH + ROWS * DRAIN * ACCESS
COLUMN_OHM = 1.2e6 * LENGTH
ROW_F = COLUMNS * (2e-10 * 33 * F + GATE * ACCESS)
NODE_F = COLUMN_F + (MUX + 1) * MUX_DRAIN + 3.33 * F * GATE + DRAIN * WIDTH_N


def settling() -> float:
    between = (MUX + 1) * MUX_DRAIN + GATE * WIDTH_N + DRAIN * WIDTH_N
    column = COLUMN_F + MUX_DRAIN + GATE * WIDTH_N / 2
    return math.log(10) * LINEAR / WIDTH_N * (between + 2 * column)


def test_a_column_settles_by_elmore_and_its_wire_counts_a_third() -> None:
    latency = estimate().read_latency_per_batch_s
    assert float(latency["column_mux"]) == approx(settling())
    assert float(latency["column"]) == approx(math.log(10) * COLUMN_OHM * COLUMN_F / 3, rel=2e-3)


def test_a_conversion_integrates_and_resets_once_a_step() -> None:
    latency = float(estimate().read_latency_per_batch_s["read_circuit"])
    spike = 0.2 * NODE_F * R_ON / ROWS
    reset = settling() + math.log(10) * COLUMN_OHM * COLUMN_F / 3
    assert latency == approx(256 * (spike + reset) + 1 / CLOCK, rel=1e-3)


def test_a_conversion_costs_its_spikes() -> None:
    """Comparators of 69.08 F, two toggles of the counter, the reset switch, the charge of the node."""
    toggle = 6 * INV_OUT + 2 * INV_IN
    logic = 69.08 * F * (GATE + DRAIN) + 2 * toggle + GATE * WIDTH_N
    spike = logic * VDD**2 + NODE_F * 0.2 * 0.338**2
    spikes = 256 * 0.3 * R_ON / R_MEAN
    assert float(estimate().read_energy_per_batch_J["read_circuit"]) == approx(38 * spikes * spike)


def test_read_circuits_and_their_reset_switches_lie_below_the_array() -> None:
    fins = math.ceil(WIDTH_N / 70e-9)
    high = math.floor((9 * 28 - 3.6) * F / 48e-9) + 1
    width = (20 + math.ceil(fins / high) + 1) * 3.8 * F
    length = COLUMNS * 33 * F
    rows = math.ceil(38 / math.floor(length / width))
    assert float(estimate().area_m2["read_circuit"]) == approx(rows * 9 * 28 * F * length)


def test_the_multiplexer_switches_all_its_gates_whatever_the_rows_do() -> None:
    for activity in (0.0, 0.3):
        energy = float(estimate(row_activity=activity).read_energy_per_batch_J["column_mux"])
        assert energy == approx(38 * GATE * (WIDTH_N + WIDTH_P) * VDD**2)


def test_row_drivers_charge_the_word_line_and_clock_their_register() -> None:
    found = estimate()
    on = 1 / (1 / r_n(2 * F) + 1 / r_p(2 * F))
    wire = 1.2e6 * COLUMNS * 33 * F
    latency = chain(wire * ROW_F / 2 + on * (ROW_F + INV_OUT)) + 0.5 / CLOCK
    assert float(found.read_latency_per_batch_s["wl_bl_switch_matrix"]) == approx(latency)
    gates = 2 * INV_OUT * 1.1**2 + 5 * INV_OUT * 0.338**2 + 3 * INV_IN * VDD**2
    active = 2 * ROWS * 0.3
    expected = active * gates + flip_flops(2 * ROWS, active)
    assert float(found.read_energy_per_batch_J["wl_bl_switch_matrix"]) == approx(expected)


def test_a_row_is_written_in_two_phases_by_strong_drivers() -> None:
    found = estimate()
    idle = float(found.write_energy_per_row_J["no_active_batch"])
    matrix = 2 * INV_OUT * 1.1**2 + 5 * INV_IN * VDD**2
    # Of the row left and the row selected two outputs each change; the columns take new data.
    assert idle == approx(matrix + flip_flops(2 * ROWS, 4) + flip_flops(COLUMNS, COLUMNS))
    width_n, width_p = pass_gate(R_ON / 40)
    swing = 3 * DRAIN * (width_n + width_p) * (0.898**2 + 0.788**2) / 2
    row = COLUMNS * (swing + 2 * GATE * (width_n + width_p) * VDD**2)
    assert int(found.write_batches) == 8
    assert int(found.read_batches) == 15
    assert float(found.write_energy_per_row_J["one_active_batch"]) - idle == approx(row / 8)
    assert float(found.write_latency_s) == approx(2 * ROWS * 3.39e-9 + 0.5 / CLOCK)
    # Between the batches of a read the source lines keep their state.
    assert float(found.read_energy_per_batch_J["sl_switch_matrix"]) == approx(flip_flops(COLUMNS, 0))


def test_wires_of_a_written_row_are_charged_to_the_voltages_of_both_phases() -> None:
    found = estimate()
    word_line = ROW_F * VDD**2
    bit_line = 2e-10 * COLUMNS * 33 * F * 0.898**2
    columns = COLUMNS * COLUMN_F * (0.898**2 + 0.788**2) / 2
    assert float(found.wire_read_energy_J) == approx(word_line)
    assert float(found.wire_write_energy_per_row_J) == approx(word_line + bit_line + columns)


def test_a_buffer_of_one_stage_and_of_two() -> None:
    t = as_arrays(CARD)
    inv = inverter(t, PHYSICAL)
    mean = (r_n(2 * F) + r_p(2 * F)) / 2
    stage = math.log(2) * mean * (INV_OUT + 10 * INV_IN)
    one, two = (tapered_buffer(t, inv, factor * inv.input_F) for factor in (10.0, 100.0))
    assert one.latency_s == approx(stage, rel=5e-3)
    assert two.latency_s == approx(2 * stage, rel=5e-3)
    # The input of the first stage belongs to the gate before, the load to whoever asks.
    assert one.energy_J == approx(INV_OUT * VDD**2)
    assert two.energy_J == approx((11 * INV_OUT + 10 * INV_IN) * VDD**2)
    assert two.area_m2 == approx(11 * 2 * 3.8 * F * 28 * F)


def buffer_size(load: float) -> float:
    """Minimum inverters in a chain of stage effort ten or less."""
    ratio = load / INV_IN
    taper = ratio ** (1 / math.ceil(math.log10(ratio)))
    return (ratio - 1) / (taper - 1)


@pytest.mark.parametrize(("mux", "bits"), [(4, 2), (16, 4), (64, 6)])
def test_the_decoder_takes_as_many_resistances_as_transistors_in_series(mux: int, bits: int) -> None:
    found = estimate(column_mux=mux)
    inputs, stack = math.ceil(COLUMNS / mux), bits // 2
    if bits > 2:
        nor_in, nor_out = (2 + 2 * stack) * F * GATE, 4 * stack * F * DRAIN
        fan_out, series = nor_in * 2**bits / 4, stack * r_p(2 * stack * F) * (nor_out + NAND_IN)
    else:
        fan_out, series = INV_IN, r_p(2 * F) * (INV_OUT + NAND_IN)
    select = chain(
        r_n(2 * F) * (INV_OUT + 2 * NAND_IN),
        2 * r_n(4 * F) * (NAND_OUT + fan_out),
        series,
        r_n(4 * F) * (NAND_OUT + INV_IN),
    )
    mean = (r_n(2 * F) + r_p(2 * F)) / 2
    slowest = 0.0
    for width in (WIDTH_N, WIDTH_P):
        ratio = inputs * GATE * width / INV_IN
        stages = math.ceil(math.log10(ratio))
        slowest = max(slowest, stages * math.log(2) * mean * (INV_OUT + ratio ** (1 / stages) * INV_IN))
    assert float(found.read_latency_per_batch_s["mux_decoder"]) == approx(select + slowest, rel=5e-3)


def test_standby_power_is_that_of_all_gates() -> None:
    found = estimate()
    units = math.ceil(100 / MUX)
    comparator = 38 * VDD * F * (37.76 * 0.1 + 31.32 * 0.04) / 2
    buffers = 16 * sum(buffer_size(38 * GATE * width) for width in (WIDTH_N, WIDTH_P))
    decoder = {"inverters": 4 + 2 * 16, "nands": 8 + 16, "nor2s": 16}
    core = (
        leakage(inverters=8 * (COLUMNS + 2 * ROWS))
        + leakage(**decoder)
        + leakage(inverters=buffers)
        + leakage(inverters=38 * (8 * 8 + 2))
        + comparator
        # Sums of 400 rows of 6 bits have 15.
        + 15 * units * leakage(inverters=1, nands=10, nor2s=1)
    )
    assert float(found.leakage_W["core"]) == approx(core)
    neuron = (
        leakage(**decoder)
        + 10 * units * leakage(inverters=1, nands=10, nor2s=1)
        + 10 * units * leakage(nands=9)
        + leakage(inverters=8 * 100)
    )
    assert float(found.leakage_W["neuron"]) == approx(neuron)


def test_enable_gates_stand_at_every_output_of_a_decoder_without_nors() -> None:
    """Two address bits: four NANDs decode, four more and eight inverters enable, two inverters invert."""
    found, without = (
        SynapticCore(CARD, CELL, dataclasses.replace(SHAPE, column_mux=4), model).evaluate()
        for model in (PHYSICAL, dataclasses.replace(PHYSICAL, neuron_adder_counted=False))
    )
    units = 100 / 4
    subtractors = 10 * units * leakage(inverters=1, nands=10, nor2s=1)
    assert float(without.leakage_W["neuron"]) - subtractors == approx(leakage(inverters=2 + 8, nands=8))
    assert found.leakage_W["neuron"] > without.leakage_W["neuron"]


def test_adder_and_register_of_the_neuron_are_charged() -> None:
    silent = dataclasses.replace(PHYSICAL, neuron_adder_counted=False)
    found, without = estimate(), SynapticCore(CARD, CELL, SHAPE, silent).evaluate()
    between = NAND_OUT + 2 * NAND_IN
    carry = chain(r_p(2 * F) * between, 2 * r_n(4 * F) * between)

    def share(name: str) -> float:
        return float(getattr(found, name)["neuron"] - getattr(without, name)["neuron"])

    assert share("read_latency_per_batch_s") == approx(10 * carry)
    # Half of nine gates a bit in seven adders of ten bits, and seven flip-flops that take the sums.
    assert share("read_energy_per_batch_J") == approx(7 * 10 * 4.5 * between * VDD**2 + flip_flops(7, 7))


def test_units_are_those_of_the_synapses_that_exist() -> None:
    """96 synapses fill six units of 16, 97 begin a seventh."""
    energy = estimate(synapses=np.array([96.0, 97.0, 112.0])).read_energy_per_batch_J["subtractor"]
    assert energy / energy[0] == approx([1.0, 7 / 6, 7 / 6])


def test_selecting_buffers_are_a_part_of_the_energy_and_the_area() -> None:
    single = dataclasses.replace(PHYSICAL, buffered_select=False)
    found, without = estimate(), SynapticCore(CARD, CELL, SHAPE, single).evaluate()
    sizes = [buffer_size(38 * GATE * width) for width in (WIDTH_N, WIDTH_P)]
    nodes = sum(size * (INV_OUT + INV_IN) - INV_IN for size in sizes)
    energy = found.read_energy_per_batch_J["mux_decoder"] - without.read_energy_per_batch_J["mux_decoder"]
    assert float(energy) == approx(nodes * VDD**2)
    area = found.area_m2["mux_decoder"] - without.area_m2["mux_decoder"]
    assert float(area) == approx(16 * sum(sizes) * 2 * 3.8 * F * 28 * F)


def test_a_sense_amplifier_waits_for_a_tenth_of_a_volt() -> None:
    found = estimate("row")
    accesses = ROWS * 0.3
    difference = 0.338 / R_ON - 0.338 / (R_ON + 16390.0 - 9513.0)
    node = INV_IN + INV_OUT
    line = node + COLUMN_F + 17 * INV_OUT
    latency = 2.3 * r_p(2 * F) * node + 0.1 * line / difference + 2 / CLOCK
    assert float(found.read_latency_per_batch_s["sense_amplifier"]) == approx(accesses * latency)
    energy = accesses * 38 * 9.845e-15 * (VDD / 1.1) ** 2
    assert float(found.read_energy_per_batch_J["sense_amplifier"]) == approx(energy)


def test_a_row_by_row_read_repeats_what_it_does_for_each_row() -> None:
    few, many = (estimate("row", row_activity=activity) for activity in (0.25, 0.5))
    for name in (
        "row_decoder",
        "column_mux",
        "mux_decoder",
        "sense_amplifier",
        "adder",
        "register",
        "column",
    ):
        one, two = (float(found.read_latency_per_batch_s[name]) for found in (few, many))
        assert two == approx(2 * one), name
    for name in ("row_decoder", "sense_amplifier", "adder"):
        one, two = (float(found.read_energy_per_batch_J[name]) for found in (few, many))
        assert two == approx(2 * one), name
    latency = {name: float(value) for name, value in few.read_latency_per_batch_s.items()}
    select = max(latency["row_decoder"], latency["mux_decoder"] + latency["column_mux"])
    after = ("sense_amplifier", "adder", "register", "subtractor", "column")
    assert latency["core"] == approx(select + sum(latency[name] for name in after))
    assert float(few.read_energy_per_batch_J["row_decoder"]) == approx(
        100 * float(few.write_energy_per_row_J["no_active_batch"])
    )


def test_the_word_line_with_its_gates_loads_the_row_decoder() -> None:
    wide = dataclasses.replace(CELL, width_F=50.0)
    found = [SynapticCore(CARD, cell, SHAPE, read_mode="row").evaluate() for cell in (CELL, wide)]
    loads = (ROW_F, ROW_F + COLUMNS * 2e-10 * 17 * F)
    nodes = [buffer_size(load) * (INV_OUT + INV_IN) for load in loads]
    energy = [float(one.write_energy_per_row_J["no_active_batch"]) for one in found]
    assert energy[1] - energy[0] == approx((nodes[1] - nodes[0]) * VDD**2)
    power = [float(one.leakage_W["core"]) for one in found]
    assert power[1] - power[0] == approx(
        512 * leakage(inverters=buffer_size(loads[1]) - buffer_size(loads[0]))
    )


def test_write_drivers_of_the_row_by_row_core() -> None:
    found = estimate("row")
    width = r_n(1.0) / (R_ON / 40)
    drivers = math.ceil(COLUMNS / 8)
    swing = COLUMN_F * (0.898**2 + 0.788**2) / 2
    energy = drivers * (swing + 2 * 2 * GATE * width * VDD**2)
    per_row = found.write_energy_per_row_J
    assert float(per_row["one_active_batch"] - per_row["no_active_batch"]) == approx(energy)
    # Eight batches, each SET then RESET, besides the decoder.
    assert float(found.write_latency_per_row_s) == approx(8 * 2 * 3.39e-9, rel=0.02)
    one = estimate("row", write_column_mux=601)
    standby = float(found.leakage_W["core"] - one.leakage_W["core"])
    assert standby == approx((drivers - 1) * leakage(inverters=math.ceil(width / (2 * F))))


def test_standby_power_of_the_row_by_row_core() -> None:
    """What a core of another width of its sums has more: amplifiers stay, adders and registers grow."""
    found = estimate("row")
    more = estimate("row", bits=6, column_mux=8)
    units, sense = 13 - 7, 76 - 38
    expected = (
        15 * units * (leakage(nands=9) + leakage(inverters=8) + leakage(inverters=1, nands=10, nor2s=1))
    )
    expected += leakage(inverters=2 * sense)
    decoders = _decoder_power(3, 76) - _decoder_power(4, 38)
    assert float(more.leakage_W["core"] - found.leakage_W["core"]) == approx(expected + decoders)


def _decoder_power(bits: int, inputs: int) -> float:
    """Of a multiplexer's decoder with its buffers; three and four bits have NORs of two inputs."""
    outputs = 2**bits
    widths = pass_gate(R_ON / 2)
    # Read row by row, a pass gate has half the resistance of one cell: its load may fit one stage.
    sizes = [buffer_size(max(inputs * GATE * width, 10 * INV_IN)) for width in widths]
    gates = leakage(inverters=bits + 2 * outputs, nands=4 * (bits // 2) + outputs, nor2s=outputs)
    return gates + outputs * leakage(inverters=sum(sizes))
