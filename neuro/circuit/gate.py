"""Static CMOS gates on layout: folding, width, drain capacitance, leakage.

Lengths in F are layout rules of a scalable standard-cell style: logic height 28 F, poly pitch
1 + 2.8 F, gap between the polarities 3.5 F, end caps 2 * (1 + 0.8) F. The ORDER of the operations in
`fold_pair` and `pass_gate_height` is part of the model: a pass gate is exactly as high as its
transistors, so the comparison W <= Wmax is an exact tie that rounding decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.namespace import Array, any_true, ceil, floor, isfinite, maximum, minimum, parity, where
from neuro.circuit.transistor import gate_capacitance, resistance_n, resistance_p
from neuro.model import Model
from neuro.technology import Technology

LOGIC_HEIGHT_F = 28.0
POLY_PITCH_F = 1 + 2.8
DRAIN_LENGTH_F = 2.8
POLARITY_GAP_F = 3.5
END_CAPS_F = 3.6
METAL_PITCH_F = 2.8


@dataclass(frozen=True)
class Fold:
    """How one transistor is folded: `count` fingers, each `height_m` of active region high."""

    count: Array
    height_m: Array


def fin_count(technology: Technology, model: Model, width_m: Array) -> Array:
    """Fins of a transistor of the given effective width."""
    assert technology.fin is not None
    perimeter = 2 * technology.fin.height_m + technology.fin.width_m
    return ceil(width_m / perimeter * (1 - model.tie_tolerance))


def _fold_planar(model: Model, width_m: Array, largest_m: Array) -> Fold:
    # One finger if W <= Wmax: the quotient of two doubles exceeds 1 exactly if the first is the larger.
    count = ceil(width_m / largest_m * (1 - model.tie_tolerance))
    return Fold(count, minimum(width_m, largest_m))


def _fold_fins(technology: Technology, model: Model, width_m: Array, free_m: Array) -> Fold:
    """Fold into the height `free_m`; where not one fin fits, `count` is infinite and the design refused."""
    fin = technology.fin
    assert fin is not None
    fins = fin_count(technology, model, width_m)
    most = floor(free_m / fin.pitch_m + model.tie_tolerance) + 1
    fold = ceil(fins / most) if model.whole_fingers else floor(fins / most)
    return Fold(
        where(fins <= most, 1.0, fold),
        (minimum(fins, most) - 1) * fin.pitch_m + fin.width_m,
    )


def fold_single(technology: Technology, model: Model, height_m: Array, width_m: Array) -> Fold:
    """Fold one transistor that has the whole cell height to itself (no second polarity)."""
    free = height_m - END_CAPS_F * technology.feature_size_m
    if technology.fin is None:
        return _fold_planar(model, width_m, free)
    return _fold_fins(technology, model, width_m, free)


def fold_pair(
    technology: Technology, model: Model, height_m: Array, width_n_m: Array, width_p_m: Array
) -> tuple[Fold, Fold]:
    """Fold NMOS and PMOS (in this order) of a gate; they share the height in proportion to their widths."""
    F = technology.feature_size_m
    free = (height_m - POLARITY_GAP_F * F) - END_CAPS_F * F
    share = width_p_m / (width_p_m + width_n_m)
    if technology.fin is None:
        largest_p = share * free
        largest_n = (largest_p / share) * (1 - share)
        return _fold_planar(model, width_n_m, largest_n), _fold_planar(model, width_p_m, largest_p)
    return (
        _fold_fins(technology, model, width_n_m, (1 - share) * free),
        _fold_fins(technology, model, width_p_m, share * free),
    )


def finger_width(technology: Technology, fold: Fold) -> Array:
    """Width on layout (m) of a folded transistor."""
    return (fold.count + 1) * POLY_PITCH_F * technology.feature_size_m


def _junction(technology: Technology, length_m: Array, side_m: Array, fold: Fold, fingers: Array) -> Array:
    height = fold.height_m
    return (
        length_m * height * technology.junction_area_capacitance
        + side_m * technology.junction_side_capacitance
        + fingers * height * technology.junction_channel_capacitance
    )


def _drain(technology: Technology, model: Model, width_m: Array, junction_F: Array) -> Array:
    """Drain capacitance (F) of transistors of the width: the card's, or without one that of the junctions."""
    if not model.card_drains:
        return junction_F
    card = technology.drain_capacitance_F_per_m
    # A junction that cannot be laid out (infinite or negative) still says so.
    usable = isfinite(junction_F) & (junction_F > 0) & (card > 0)
    return where(usable, card * width_m, junction_F)


def _inverter_drain(technology: Technology, model: Model, fold: Fold, count_p: Array) -> Array:
    fingers = fold.count if model.whole_fingers else count_p
    length = ceil((fold.count + 1) / 2) * DRAIN_LENGTH_F * technology.feature_size_m
    side = 2 * length + fold.height_m * (1 + parity(fingers + 1))
    return _junction(technology, length, side, fold, fold.count)


def inverter_drain_capacitance(
    technology: Technology, model: Model, height_m: Array, width_n_m: Array, width_p_m: Array
) -> Array:
    """Output capacitance (F) of an inverter or pass gate laid out in the given height."""
    fold_n, fold_p = fold_pair(technology, model, height_m, width_n_m, width_p_m)
    junction = _inverter_drain(technology, model, fold_n, fold_p.count) + _inverter_drain(
        technology, model, fold_p, fold_p.count
    )
    return _drain(technology, model, width_n_m + width_p_m, junction)


def transistor_drain_capacitance(
    technology: Technology, model: Model, height_m: Array, width_n_m: Array
) -> Array:
    """Drain capacitance (F) of a single NMOS laid out in the given height."""
    fold = fold_single(technology, model, height_m, width_n_m)
    return _drain(technology, model, width_n_m, _inverter_drain(technology, model, fold, 1.0))


def pass_gate_height(
    technology: Technology, model: Model, width_n_m: Array, width_p_m: Array, fold: Array
) -> Array:
    """Height (m) of a pass gate whose transistors are folded into `fold` fingers."""
    F = technology.feature_size_m
    if technology.fin is None:
        return ((width_p_m / fold + width_n_m / fold) + POLARITY_GAP_F * F) + END_CAPS_F * F
    fin = technology.fin
    region_p = (ceil(fin_count(technology, model, width_p_m) / fold) - 1) * fin.pitch_m + fin.width_m
    region_n = (ceil(fin_count(technology, model, width_n_m) / fold) - 1) * fin.pitch_m + fin.width_m
    return region_p + region_n + (POLARITY_GAP_F + END_CAPS_F) * F


@dataclass(frozen=True)
class Gate:
    """A gate at logic height: transistor widths, layout width, capacitance of one input and of the output.

    `pull_down_ohm` and `pull_up_ohm` are the resistances of one NMOS and one PMOS.
    """

    width_n_m: Array
    width_p_m: Array
    layout_width_m: Array
    gate_n_F: Array
    gate_p_F: Array
    input_F: Array
    output_F: Array
    leakage_A: Array
    pull_down_ohm: Array
    pull_up_ohm: Array


def inverter(technology: Technology, model: Model, height_m: Array | None = None) -> Gate:
    """The minimum inverter (NMOS 2 F, PMOS balanced) in the given height, by default the logic height."""
    t = technology
    F = t.feature_size_m
    width_n = 2 * F
    width_p = 2 * t.pn_ratio * F
    height = LOGIC_HEIGHT_F * F if height_m is None else height_m
    fold_n, fold_p = fold_pair(t, model, height, width_n, width_p)
    gate_n, gate_p = gate_capacitance(t, width_n), gate_capacitance(t, width_p)
    return Gate(
        width_n,
        width_p,
        maximum(finger_width(t, fold_n), finger_width(t, fold_p)),
        gate_n,
        gate_p,
        gate_n + gate_p,
        _drain(
            t,
            model,
            width_n + width_p,
            _inverter_drain(t, model, fold_n, fold_p.count) + _inverter_drain(t, model, fold_p, fold_p.count),
        ),
        inverter_leakage(t, width_n, width_p),
        resistance_n(t, width_n),
        resistance_p(t, width_p),
    )


def inverter_leakage(technology: Technology, width_n_m: Array, width_p_m: Array) -> Array:
    """Mean leakage current (A) of an inverter: one of its two transistors is off."""
    return (width_n_m * technology.ioff_n_A_per_m + width_p_m * technology.ioff_p_A_per_m) / 2


def _stack(
    technology: Technology, model: Model, inputs: Array, width_n_m: Array, width_p_m: Array, series_p: bool
) -> tuple[Array, Array]:
    """Layout width (m) and output capacitance (F) of a NAND (series NMOS) or NOR (series PMOS)."""
    F = technology.feature_size_m
    k = inputs
    fold_n, fold_p = fold_pair(technology, model, LOGIC_HEIGHT_F * F, width_n_m, width_p_m)
    folded = (fold_n.count > 1) | (fold_p.count > 1)
    unit = maximum(finger_width(technology, fold_n), finger_width(technology, fold_p))
    width = where(folded, k * unit, k * unit - (k - 1) * POLY_PITCH_F * F)
    series, parallel = (fold_p, fold_n) if series_p else (fold_n, fold_p)

    drain = DRAIN_LENGTH_F * F
    length_series = k * drain
    length_parallel = floor((k + 1) / 2) * drain
    plain = _junction(
        technology, length_series, 2 * length_series + series.height_m, series, 1.0
    ) + _junction(
        technology,
        length_parallel,
        2 * length_parallel + parallel.height_m * (1 - parity(k + 1)),
        parallel,
        1.0,
    )
    # The last transistor of the stack and all of the parallel ones have their drains at the output.
    drains = width_p_m + k * width_n_m if series_p else width_n_m + k * width_p_m
    if not any_true(folded):
        return width, _drain(technology, model, drains, plain)
    odd_s = parity(series.count + 1)
    odd_p = parity(parallel.count + 1)
    d_s = ceil((series.count + 1) / 2) * drain
    s_s = floor((series.count + 1) / 2) * drain
    d_p = ceil((parallel.count + 1) / 2) * drain
    length_series = k * d_s + (k - 1) * s_s
    length_parallel = k * d_p
    in_fingers = _junction(
        technology,
        length_series,
        2 * length_series + series.height_m * (k * (1 + odd_s) + (k - 1) * (1 - odd_s)),
        series,
        series.count,
    ) + _junction(
        technology,
        length_parallel,
        2 * length_parallel + k * parallel.height_m * (1 + odd_p),
        parallel,
        parallel.count,
    )
    return width, _drain(technology, model, drains, where(folded, in_fingers, plain))


def nand2(technology: Technology, model: Model) -> Gate:
    """The two-input NAND (NMOS 4 F each, PMOS balanced)."""
    t = technology
    width_n = 4 * t.feature_size_m
    width_p = 2 * t.pn_ratio * t.feature_size_m
    layout, output = _stack(t, model, 2.0, width_n, width_p, series_p=False)
    gate_n, gate_p = gate_capacitance(t, width_n), gate_capacitance(t, width_p)
    leakage = 0.48 * 2 * width_p * t.ioff_p_A_per_m
    return Gate(
        width_n,
        width_p,
        layout,
        gate_n,
        gate_p,
        gate_n + gate_p,
        output,
        leakage,
        resistance_n(t, width_n),
        resistance_p(t, width_p),
    )


def nor(technology: Technology, model: Model, inputs: Array) -> Gate:
    """The NOR of `inputs` inputs, one to three (NMOS 2 F each, PMOS widened by the number in series).

    The stacking factors of the leakage, 0.95 and 0.62, hold for two and three inputs.
    """
    t = technology
    width_n = 2 * t.feature_size_m
    width_p = inputs * 2 * t.pn_ratio * t.feature_size_m
    layout, output = _stack(t, model, inputs, width_n, width_p, series_p=True)
    gate_n, gate_p = gate_capacitance(t, width_n), gate_capacitance(t, width_p)
    factor = where(inputs == 2, 0.95 * 2, 0.62 * 3)
    return Gate(
        width_n,
        width_p,
        layout,
        gate_n,
        gate_p,
        gate_n + gate_p,
        output,
        factor * width_n * t.ioff_n_A_per_m,
        resistance_n(t, width_n),
        resistance_p(t, width_p),
    )
