"""Gates on layout: folding at exact ties, drain capacitance against hand-computed values."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro.circuit.gate import (
    fold_pair,
    fold_single,
    inverter,
    inverter_drain_capacitance,
    nand2,
    nor,
    pass_gate_height,
)
from neuro.circuit.namespace import as_arrays, parity
from neuro.model import NEUROSIM, PHYSICAL
from tests.near import approx
from tests.neuro.designs import FINFET, PLANAR

F = 28e-9
T = as_arrays(PLANAR)
FIN = as_arrays(FINFET)


def test_a_narrow_transistor_has_one_finger_of_its_width() -> None:
    n, p = fold_pair(T, NEUROSIM, 28 * F, 2 * F, 2.8 * F)
    assert (n.count, p.count) == (1, 1)
    assert n.height_m == approx(2 * F)
    assert p.height_m == approx(2.8 * F)


def test_a_wide_transistor_is_folded_into_the_share_of_its_polarity() -> None:
    # 20.9 F free, shared half and half: 10.45 F a polarity, 33.33 F in four fingers.
    n, p = fold_pair(T, NEUROSIM, 28 * F, 33.33 * F, 33.33 * F)
    assert (n.count, p.count) == (4, 4)
    assert n.height_m == approx(10.45 * F)
    single = fold_single(T, NEUROSIM, 28 * F, 33.33 * F)
    assert single.count == 2
    assert single.height_m == approx(24.4 * F)


def test_a_height_that_was_never_set_gives_negative_folds() -> None:
    n, _ = fold_pair(T, NEUROSIM, 0.0 * F, 33.33 * F, 33.33 * F)
    assert n.count == -9
    assert n.height_m == approx(-3.55 * F)
    area, side, channel = (
        T.junction_area_capacitance,
        T.junction_side_capacitance,
        T.junction_channel_capacitance,
    )
    drain = inverter_drain_capacitance(T, NEUROSIM, 0.0 * F, 33.33 * F, 33.33 * F)
    assert drain == approx(79.52 * F**2 * area - 51.9 * F * side + 63.9 * F * channel)
    assert drain < 0 < inverter_drain_capacitance(T, PHYSICAL, 28 * F, 33.33 * F, 33.33 * F)


@settings(max_examples=200)
@given(n=st.floats(0.5, 200), p=st.floats(0.5, 200))
def test_a_pass_gate_fits_into_its_own_height_or_misses_by_a_rounding(n: float, p: float) -> None:
    """The exact tie: rounding may fold it in two in the reference model, never in the physical one."""
    height = pass_gate_height(T, NEUROSIM, n * F, p * F, 1.0)
    exact = fold_pair(T, PHYSICAL, height, n * F, p * F)
    assert (exact[0].count, exact[1].count) == (1, 1)
    rounded = fold_pair(T, NEUROSIM, height, n * F, p * F)
    assert {rounded[0].count, rounded[1].count} <= {1, 2}


def test_fins_come_in_whole_numbers() -> None:
    # A fin is 70 nm wide; 28 F leave 585 nm, half of it 6 pitches of 48 nm and the fin at the end.
    n, _ = fold_pair(FIN, NEUROSIM, 28 * F, 500e-9, 500e-9)
    assert n.count == 1  # 8 fins on 7 places, and the integer quotient 8/7
    assert n.height_m == approx(6 * 48e-9 + 10e-9)
    assert fold_pair(FIN, PHYSICAL, 28 * F, 500e-9, 500e-9)[0].count == 2
    # Exactly two fins: rounding makes three of them in the reference model.
    assert fold_pair(FIN, NEUROSIM, 28 * F, 140e-9, 140e-9)[0].height_m == approx(106e-9)
    assert fold_pair(FIN, PHYSICAL, 28 * F, 140e-9, 140e-9)[0].height_m == approx(58e-9)


def test_drain_of_the_minimum_inverter_by_hand() -> None:
    area, side, channel = (
        T.junction_area_capacitance,
        T.junction_side_capacitance,
        T.junction_channel_capacitance,
    )
    expected = 0.0
    for width in (2 * F, 2.8 * F):
        expected += 2.8 * F * width * area + (2 * 2.8 * F + width) * side + width * channel
    assert inverter(T, NEUROSIM).output_F == approx(expected)


def test_layout_widths() -> None:
    pitch = 3.8 * F
    assert inverter(T, NEUROSIM).layout_width_m == approx(2 * pitch)
    assert nand2(T, NEUROSIM).layout_width_m == approx(3 * pitch)
    assert nor(T, NEUROSIM, np.float64(1)).layout_width_m == approx(2 * pitch)
    assert nor(T, NEUROSIM, np.float64(3)).layout_width_m == approx(4 * pitch)


def test_a_folded_nor_is_wider_and_has_more_drain() -> None:
    wide = as_arrays(dataclasses.replace(PLANAR, pn_ratio=np.array([2.0, 3.5])))
    gate = nor(wide, NEUROSIM, np.float64(3))
    # PMOS of 6*3.5 = 21 F beside 2 F of NMOS does not fit into its share of 20.9 F.
    assert gate.layout_width_m[1] > gate.layout_width_m[0] * 1.5
    assert gate.output_F[1] > gate.output_F[0]


def test_parity_has_the_sign_of_its_argument() -> None:
    values = np.array([-4.0, -3.0, -2.0, 0.0, 1.0, 2.0, 7.0])
    assert parity(values).tolist() == np.fmod(values, 2).tolist()
