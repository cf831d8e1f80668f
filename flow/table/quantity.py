"""A measured number with unit, confidence interval and status, and the names the flow knows."""

from __future__ import annotations

import math
from dataclasses import dataclass

# CF `flag_meanings`: the integer in the file is the position in this tuple. Append only.
STATUS_FLAGS = ("ok", "not_measured", "not_converged", "upper_bound", "lower_bound", "target_missed")


@dataclass(frozen=True)
class Quantity:
    """A number in SI units.

    `ci_low` and `ci_high` are the ends of its 95 % confidence interval, both or neither; neither where
    nothing was estimated. `status` is one of `STATUS_FLAGS`: only a value that is not "ok" may be NaN.
    Raises ValueError where these rules are broken.
    """

    value: float
    unit: str
    ci_low: float | None = None
    ci_high: float | None = None
    status: str = "ok"
    long_name: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUS_FLAGS:
            raise ValueError(f"status {self.status!r} is none of {', '.join(STATUS_FLAGS)}")
        if math.isinf(self.value) or (math.isnan(self.value) and self.status == "ok"):
            raise ValueError(f"value {self.value} with status {self.status!r}")
        if (self.ci_low is None) != (self.ci_high is None):
            raise ValueError("a confidence interval needs both ends or neither")
        if self.ci_low is not None and self.ci_high is not None:
            if not (math.isfinite(self.ci_low) and math.isfinite(self.ci_high)):
                raise ValueError(f"confidence interval [{self.ci_low}, {self.ci_high}] is not finite")
            if self.ci_low > self.ci_high:
                raise ValueError(f"confidence interval [{self.ci_low}, {self.ci_high}] is turned round")

    @property
    def ok(self) -> bool:
        """Whether the value was measured and met its target."""
        return self.status == "ok"


@dataclass(frozen=True)
class Kind:
    """What a quantity name stands for: SI unit, unit shown to people, value_shown = factor * value_SI.

    The display unit "F2" (cell area in squared feature sizes) has no constant factor.
    """

    unit: str
    display_unit: str
    factor: float
    long_name: str


def _kinds(unit: str, display_unit: str, factor: float, **long_names: str) -> dict[str, Kind]:
    return {name: Kind(unit, display_unit, factor, text) for name, text in long_names.items()}


# Order is the order of the JSON documents. State 0 is the low resistance, 1 the high one.
KINDS: dict[str, Kind] = {
    # A bitcell (`characterize`).
    **_kinds("m2", "F2", 1.0, cell_area="area of the bitcell layout"),
    **_kinds(
        "ohm",
        "ohm",
        1.0,
        r_on="bitcell resistance in state 0 at the read voltage, access switch included",
        r_off="bitcell resistance in state 1 at the read voltage, access switch included",
    ),
    **_kinds(
        "V",
        "V",
        1.0,
        read_voltage="read voltage across the bitcell",
        write_voltage_0to1="write voltage across the bitcell, state 0 to 1",
        write_voltage_1to0="write voltage across the bitcell, state 1 to 0",
    ),
    **_kinds("s", "ns", 1e9, read_pulse="read pulse width", write_pulse="write pulse width"),
    **_kinds(
        "J",
        "fJ",
        1e15,
        read_energy="supply energy of one read, mean of both states",
        write_energy_0to1="supply energy of one write, state 0 to 1",
        write_energy_1to0="supply energy of one write, state 1 to 0",
        write_energy="supply energy of one write, mean of both directions",
    ),
    **_kinds(
        "1",
        "1",
        1.0,
        wer_0to1="write error rate, state 0 to 1, mean of the population",
        wer_1to0="write error rate, state 1 to 0, mean of the population",
        rdr="read disturb rate of the worse state, mean of the population",
        wer_0to1_nominal="write error rate, state 0 to 1, nominal cell",
        wer_1to0_nominal="write error rate, state 1 to 0, nominal cell",
        rdr_nominal="read disturb rate of the worse state, nominal cell",
    ),
    **_kinds("W", "W", 1.0, leakage="standby power of one unselected bitcell"),
    **_kinds(
        "ohm",
        "ohm",
        1.0,
        r_access="resistance of the access switch at the read voltage",
        r_mtj_p="junction resistance in state 0 at the read voltage",
        r_mtj_ap="junction resistance in state 1 at the read voltage",
    ),
    **_kinds(
        "V",
        "V",
        1.0,
        ltp_voltage="write voltage of potentiation",
        ltd_voltage="write voltage of depression",
    ),
    **_kinds("1", "1", 1.0, delta="thermal stability factor"),
    **_kinds(
        "s",
        "ns",
        1e9,
        tau_d="damping time constant of the free layer",
        write_switching_time="switching time of the typical cell, slower direction",
        write_switching_time_0to1="switching time of the typical cell, state 0 to 1",
        write_switching_time_1to0="switching time of the typical cell, state 1 to 0",
    ),
    **_kinds(
        "A",
        "uA",
        1e6,
        critical_current_0to1="critical current at zero temperature, state 0 to 1",
        critical_current_1to0="critical current at zero temperature, state 1 to 0",
    ),
    **_kinds(
        "m",
        "nm",
        1e9,
        cell_width="bitcell width",
        cell_height="bitcell height",
        access_width_n="effective width of the bitcell's n-FinFETs",
        access_width_p="effective width of the bitcell's p-FinFETs",
    ),
    # A technology card, measured.
    **_kinds("V", "V", 1.0, vdd="supply voltage"),
    **_kinds("m", "nm", 1e9, feature_size="feature size F"),
    **_kinds(
        "A/m",
        "A/m",
        1.0,
        ion_n="on current per effective width, n",
        ion_p="on current per effective width, p",
        ioff_n="off current per effective width, n",
        ioff_p="off current per effective width, p",
    ),
    **_kinds(
        "F/m",
        "F/m",
        1.0,
        gate_capacitance="gate capacitance per effective width",
        drain_capacitance="drain capacitance per effective width",
    ),
    **_kinds(
        "ohm m",
        "ohm m",
        1.0,
        linear_resistance_n="resistance times width of an ON n-FinFET at 50 mV across it",
    ),
    **_kinds(
        "1",
        "1",
        1.0,
        effective_resistance_multiplier="effective switching resistance over VDD/Ion",
        pn_ratio="width ratio p to n for equal drive",
    ),
    **_kinds(
        "m",
        "nm",
        1e9,
        fin_height="fin height",
        fin_width="fin width",
        fin_pitch="fin pitch",
        gate_pitch="contacted gate pitch",
    ),
    **_kinds(
        "V/dec",
        "mV/dec",
        1e3,
        subthreshold_swing_n="subthreshold swing, n",
        subthreshold_swing_p="subthreshold swing, p",
    ),
    **_kinds(
        "V/V",
        "mV/V",
        1e3,
        dibl_n="drain-induced barrier lowering, n",
        dibl_p="drain-induced barrier lowering, p",
    ),
    **_kinds("ohm/m", "ohm/m", 1.0, wire_resistance="wire resistance per length"),
    **_kinds("F/m", "F/m", 1.0, wire_capacitance="wire capacitance per length"),
    **_kinds("K", "K", 1.0, temperature="temperature"),
}


def known(
    name: str,
    value: float,
    ci_low: float | None = None,
    ci_high: float | None = None,
    status: str = "ok",
) -> Quantity:
    """The quantity `name` of the registry `KINDS`, its unit and long name filled in; `value` in SI units.

    Raises KeyError for a name that is not in the registry: give such a quantity its own unit and long name.
    """
    kind = KINDS[name]
    return Quantity(value, kind.unit, ci_low, ci_high, status, kind.long_name)


def described(name: str, quantity: Quantity) -> str:
    """The long name of a quantity: its own, else the registry's."""
    kind = KINDS.get(name)
    return quantity.long_name or ("" if kind is None else kind.long_name)


def quantity_json(name: str, quantity: Quantity, feature_size: float | None = None) -> dict[str, object]:
    """The quantity as it stands in JSON documents, in display units.

    `feature_size` in m is needed for a cell area, which is shown in F2 (in m2 without it). A number that is
    not finite is null. The key `status` is there only where it is not "ok", so that no bound passes for a
    measured value.
    """
    kind = KINDS.get(name)
    unit, factor = quantity.unit, 1.0
    if kind is not None and kind.display_unit == "F2":
        if feature_size is not None:
            unit, factor = "F2", 1.0 / feature_size**2
    elif kind is not None:
        unit, factor = kind.display_unit, kind.factor

    def shown(number: float | None) -> float | None:
        return None if number is None or not math.isfinite(number) else number * factor

    document: dict[str, object] = {
        "value": shown(quantity.value),
        "unit": unit,
        "ci_low": shown(quantity.ci_low),
        "ci_high": shown(quantity.ci_high),
    }
    if not quantity.ok:
        document["status"] = quantity.status
    return document
