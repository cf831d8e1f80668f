"""The peripheral blocks: limits that can be computed by hand, and trends that must hold."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro.circuit.bitcell_array import batches, bitcell_array
from neuro.circuit.buffer import tapered_buffer
from neuro.circuit.column_mux import column_mux
from neuro.circuit.flip_flop import flip_flop_energy, flip_flop_latency, packed_rows
from neuro.circuit.gate import inverter, nand2, nor
from neuro.circuit.mux_decoder import mux_decoder
from neuro.circuit.namespace import as_arrays, ceil_log2
from neuro.circuit.read_circuit import read_circuit
from neuro.circuit.subtractor import subtractor, subtractor_stages
from neuro.circuit.transistor import chain_delay, resistance_n, stage_delay
from neuro.model import NEUROSIM, PHYSICAL
from tests.near import approx
from tests.neuro.designs import CELL, CORE, FINFET, PLANAR

T = as_arrays(FINFET)
INV = inverter(T, NEUROSIM)


def test_a_step_gives_the_delay_of_an_rc_stage() -> None:
    assert stage_delay(np.float64(1e-9)) == approx(math.log(2) * 1e-9, rel=1e-6)
    assert stage_delay(np.float64(0.0)) == 0.0


def test_a_slow_input_delays_a_stage_and_nothing_delays_nothing() -> None:
    fast = chain_delay(np.float64(1e-12), np.float64(1e-12))
    slow = chain_delay(np.float64(1e-10), np.float64(1e-12))
    assert slow - stage_delay(np.float64(1e-10)) > fast - stage_delay(np.float64(1e-12))


def test_resistance_is_the_multiplied_supply_over_the_current() -> None:
    assert resistance_n(T, np.float64(1e-6)) == approx(1.5 * 0.8 / (1650 * 1e-6))


@given(st.integers(1, 2**20))
def test_address_bits(n: int) -> None:
    bits = int(ceil_log2(np.float64(n)))
    assert 2**bits >= n
    assert bits == 0 or 2 ** (bits - 1) < n


@given(st.integers(1, 500), st.integers(1, 64))
def test_batches_serve_all_synapses(synapses: int, mux: int) -> None:
    count = int(batches(np.float64(synapses), np.float64(mux)))
    units = math.ceil(synapses / mux)
    assert (count - 1) * units < synapses <= count * units


def test_packing() -> None:
    assert packed_rows(NEUROSIM, np.float64(10), np.float64(3.0), np.float64(10.0)) == 4
    # A hundred switches of 28 F in 2800 F: a rounding decides in the one model, the other lets them fit.
    length, unit = np.float64(2800 * 28e-9), np.float64(28 * 28e-9)
    short = np.nextafter(length, 0)
    assert packed_rows(PHYSICAL, np.float64(100), unit, short) == 1
    assert packed_rows(NEUROSIM, np.float64(100), unit, short * (1 - 1e-15)) == 2


def test_flip_flops() -> None:
    assert flip_flop_latency(np.float64(2e9), np.float64(1)) == 0.25e-9
    idle = flip_flop_energy(T, INV, np.float64(10), 1.0, 0.0)
    all_switch = flip_flop_energy(T, INV, np.float64(10), 1.0, np.float64(10))
    assert flip_flop_energy(T, INV, np.float64(10), 1.0, np.float64(99)) == all_switch > idle > 0


def test_the_array_is_its_cells() -> None:
    array = bitcell_array(T, as_arrays(CELL), as_arrays(CORE), NEUROSIM)
    assert array.columns == 601
    assert array.area_m2 == approx(601 * 33 * 400 * 7 * 28e-9**2)
    default = bitcell_array(
        T, as_arrays(dataclasses.replace(CELL, r_access_ohm=0.0)), as_arrays(CORE), NEUROSIM
    )
    assert default.access_resistance_ohm == approx(951.3)
    narrow = dataclasses.replace(CELL, width_F=10.0, r_access_ohm=9000.0)
    relaxed = dataclasses.replace(CORE, relaxed_cell_width=np.array([False, True]))
    lengths = bitcell_array(T, as_arrays(narrow), as_arrays(relaxed), NEUROSIM).row_length_m
    assert lengths == approx([601 * 10 * 28e-9, 601 * 15.2 * 28e-9])


@pytest.mark.parametrize(
    ("mux", "bits", "nands", "nors"),
    [(3, 2, 4, 0), (4, 2, 4, 0), (5, 3, 4, 8), (16, 4, 8, 16), (33, 6, 12, 64)],
)
def test_gates_of_the_decoder(mux: int, bits: int, nands: int, nors: int) -> None:
    core = as_arrays(dataclasses.replace(CORE, column_mux=mux))
    array = bitcell_array(T, as_arrays(CELL), core, NEUROSIM)
    columns = column_mux(T, core, array, NEUROSIM, core.rows)
    decoder = mux_decoder(T, core, columns, INV, nand2(T, NEUROSIM), NEUROSIM)
    assert (decoder.address_bits, decoder.nands, decoder.nors) == (bits, nands, nors)


def test_buffers_make_the_selection_fast() -> None:
    core = as_arrays(CORE)
    array = bitcell_array(T, as_arrays(CELL), core, NEUROSIM)
    columns = column_mux(T, core, array, NEUROSIM, core.rows)
    old = mux_decoder(T, core, columns, INV, nand2(T, NEUROSIM), NEUROSIM)
    new = mux_decoder(T, core, columns, INV, nand2(T, NEUROSIM), PHYSICAL)
    assert new.latency_s < old.latency_s / 50
    assert new.area_m2 > old.area_m2
    assert new.buffer_energy_J > 0 == old.buffer_energy_J


def test_a_tapered_buffer_drives_ten_times_its_size_a_stage() -> None:
    for stages in (1, 2, 4):
        buffer = tapered_buffer(T, INV, INV.input_F * 10.0**stages)
        assert buffer.stages == stages
        inverters = (10.0**stages - 1) / 9
        assert buffer.leakage_W == approx(inverters * INV.leakage_A * 0.8)
        assert buffer.latency_s == approx(stages * tapered_buffer(T, INV, INV.input_F * 10.0).latency_s)


def test_integration_steps_double_with_every_bit() -> None:
    bits = as_arrays(dataclasses.replace(CORE, partial_sum_bits=np.array([6.0, 7.0, 8.0])))
    array = bitcell_array(T, as_arrays(CELL), bits, PHYSICAL)
    columns = column_mux(T, bits, array, PHYSICAL, bits.rows)
    physical = read_circuit(T, as_arrays(CELL), bits, array, columns, INV, PHYSICAL)
    integration = physical.latency_s - 1 / 2e9
    assert integration[1:] == approx(2 * integration[:-1])
    assert np.all(np.diff(physical.energy_J) > 0)
    old = read_circuit(T, as_arrays(CELL), bits, array, columns, INV, NEUROSIM)
    assert np.ptp(old.latency_s) == 0
    assert old.energy_J == approx(38 * 1.346e-12)


def test_no_current_no_spikes() -> None:
    idle = as_arrays(dataclasses.replace(CORE, row_activity=0.0))
    array = bitcell_array(T, as_arrays(CELL), idle, PHYSICAL)
    columns = column_mux(T, idle, array, PHYSICAL, idle.rows)
    assert read_circuit(T, as_arrays(CELL), idle, array, columns, INV, PHYSICAL).energy_J == 0


@pytest.mark.parametrize("technology", [FINFET, PLANAR])
def test_subtractor_scales_with_its_bits(technology: object) -> None:
    t = as_arrays(technology)
    inv, nand, nor2 = inverter(t, NEUROSIM), nand2(t, NEUROSIM), nor(t, NEUROSIM, 2.0)
    array = bitcell_array(t, as_arrays(CELL), as_arrays(CORE), NEUROSIM)
    stages = subtractor_stages(inv, nand, nor2)
    bits = np.array([8.0, 16.0])
    block = subtractor(t, array, np.float64(7), bits, 0.0, inv, nand, nor2, stages, NEUROSIM)
    for figure in (block.area_m2, block.latency_s, block.leakage_W):
        assert figure[1] == approx(2 * figure[0])
    loaded = subtractor(t, array, np.float64(7), bits, 1e-14, inv, nand, nor2, stages, NEUROSIM)
    assert np.all(loaded.latency_s > block.latency_s)
