"""What a designer states in TOML: devices, cards, bitcells and the study to run.

Quantities are tables `{value, unit, provenance}` in SI units; the unit is checked against the
expected one, so that a number in nm can never pass for metres.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from flow.errors import UserError
from flow.toml import KeyedError, load_toml


def _duration(seconds: float) -> float:
    if seconds > 1e-3:
        raise ValueError(f"{seconds:g} s is longer than 1e-3 s: edges and pulses are in s")
    return seconds


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Voltage = Annotated[float, Field(ge=-5, le=5)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]
"""Of a file in spice/, an element or a variant: names become paths, lines of decks and groups of tables."""
LineVoltage = Annotated[float, Field(gt=0, le=5)]
Duration = Annotated[Positive, AfterValidator(_duration)]
Count = Annotated[float, Field(ge=0, le=1e6)]
Line = Literal["bl", "sl"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(_Strict):
    """A number with its unit and where it comes from."""

    value: Annotated[float, Field(allow_inf_nan=False)]
    unit: str
    provenance: str


class Spread(_Strict):
    """Relative standard deviation of a Gaussian process variation."""

    sigma: Annotated[float, Field(ge=0, le=0.5)]
    provenance: str


def _expect_unit(quantity: Value | Target, unit: str, *keys: str) -> None:
    if quantity.unit != unit:
        raise KeyedError(f"unit {quantity.unit!r}, expected {unit!r}", *keys, "unit")


DEVICE_UNITS = {
    "d": "m", "t_fl": "m", "t_ox_t": "m", "t_ox_b": "m", "area_scale": "1", "tmr0": "1", "tmr0_t": "1",
    "tmr0_b": "1", "ra_ref": "ohm m^2", "t_ref": "m", "phi": "eV", "v_h": "V", "v_h_pol": "V", "ms": "A/m",
    "alpha": "1", "eta": "1", "k_i": "J/m^2", "s": "1", "beta_b": "1",
}  # fmt: skip
"""Units of the instance parameters of veriloga/smtj.va and dmtj.va."""


class DeviceSpec(_Strict):
    """An MTJ: `spice/devices/NAME.toml`. Keys are the parameters of the Verilog-A model."""

    kind: Literal["smtj", "dmtj"]
    temperature: Value
    parameters: dict[str, Value]
    variation: dict[str, Spread] = {}

    @model_validator(mode="after")
    def _known(self) -> DeviceSpec:
        for name, quantity in self.parameters.items():
            if name not in DEVICE_UNITS:
                raise KeyedError("no such device parameter", "parameters", name)
            _expect_unit(quantity, DEVICE_UNITS[name], "parameters", name)
        for name in self.variation:
            if name not in DEVICE_UNITS:
                raise KeyedError("no such device parameter", "variation", name)
        _expect_unit(self.temperature, "K", "temperature")
        if self.temperature.value <= 0:
            raise KeyedError("must be positive", "temperature", "value")
        return self

    def values(self) -> dict[str, float]:
        """Parameter values in SI units (phi in eV), without units and provenance."""
        return {name: quantity.value for name, quantity in self.parameters.items()}


class Target(_Strict):
    """A figure that a transistor card was fitted to, with its relative tolerance."""

    value: Positive
    unit: str
    tolerance: Positive


MISMATCH_UNITS = {"a_vt": "V m", "a_u0": "m", "sigma_l": "m", "sigma_tfin": "m"}
"""Local variation of a card's transistors: Pelgrom coefficients, and spreads from fin to fin."""


class CardSpec(_Strict):
    """A FinFET technology: `spice/models/NAME.toml` beside `NAME.lib`."""

    technology: dict[str, Value]
    mismatch: dict[str, Value] = {}
    targets: dict[str, Target] = {}

    @field_validator("technology")
    @classmethod
    def _complete(cls, technology: dict[str, Value]) -> dict[str, Value]:
        needed = {
            "feature_size": "m", "vdd": "V", "fin_height": "m", "fin_width": "m", "fin_pitch": "m",
            "gate_pitch": "m", "wire_width": "m", "wire_resistivity": "ohm m", "wire_aspect_ratio": "1",
            "wire_capacitance": "F/m",
        }  # fmt: skip
        for name, unit in needed.items():
            if name not in technology:
                raise KeyedError("this key is missing", name)
            _expect_unit(technology[name], unit, name)
            if technology[name].value <= 0:
                raise KeyedError("must be positive", name, "value")
        return technology

    @field_validator("mismatch")
    @classmethod
    def _whole(cls, mismatch: dict[str, Value]) -> dict[str, Value]:
        if not mismatch:
            return mismatch
        for name in mismatch:
            if name not in MISMATCH_UNITS:
                raise KeyedError("no such mismatch figure", name)
        for name, unit in MISMATCH_UNITS.items():
            if name not in mismatch:
                raise KeyedError("this key is missing", name)
            _expect_unit(mismatch[name], unit, name)
            if mismatch[name].value < 0:
                raise KeyedError("must not be negative", name, "value")
        return mismatch

    def __getitem__(self, name: str) -> float:
        return self.technology[name].value


class Bias(_Strict):
    """Static voltages (V) of gates and wells of a bitcell."""

    wl_selected: Voltage
    wl_unselected: Voltage
    wlb_selected: Voltage
    wlb_unselected: Voltage
    n_well: Voltage
    p_well: Voltage


class WriteSpec(_Strict):
    """Which line is driven high for each write, and how far the drivers reach (V)."""

    line_0to1: Line
    line_1to0: Line
    max_voltage: LineVoltage
    edge: Duration
    wer: Probability


class ReadSpec(_Strict):
    """Which line is driven in a read. The current must push 0 -> 1, as in the paper."""

    line: Line
    max_voltage: LineVoltage
    rdr: Probability


class AreaRule(_Strict):
    """Layout rule: width = (fins + spacing) x fin pitch, height = gate pitches x gate pitch."""

    n_to_p_spacing_fins: Count
    edge_spacing_fins: Count
    gate_pitches: Annotated[float, Field(gt=0, le=1e6)]
    provenance: str


class GivenVoltages(_Strict):
    """Write voltages (V) for which the pulse is solved as well, beside the voltages for the given pulse."""

    write_0to1: LineVoltage
    write_1to0: LineVoltage
    provenance: str


class Variant(_Strict):
    """One version of the device in this cell: parameters replaced, and its pulses (s)."""

    parameters: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = {}
    write_pulse: Duration
    read_pulse: Duration
    provenance: str
    given_voltages: GivenVoltages | None = None

    @field_validator("parameters")
    @classmethod
    def _known(cls, parameters: dict[str, float]) -> dict[str, float]:
        for name in parameters:
            if name not in DEVICE_UNITS:
                raise KeyedError("no such device parameter", name)
        return parameters


class CellSpec(_Strict):
    """A bitcell: `spice/bitcells/NAME.toml` beside its netlist `NAME.cir`."""

    title: str
    device: Name
    card: Name
    corner: Name
    mtj: Name
    ports: tuple[Name, ...]
    bias: Bias
    write: WriteSpec
    read: ReadSpec
    area: AreaRule
    variants: dict[Name, Variant]

    @model_validator(mode="after")
    def _consistent(self) -> CellSpec:
        if self.write.line_0to1 == self.write.line_1to0:
            raise KeyedError("both writes drive the same line", "write", "line_1to0")
        if self.read.line != self.write.line_0to1:
            raise KeyedError(
                "the read current must push 0 -> 1, from the line that writes 0 -> 1", "read", "line"
            )
        if not self.variants:
            raise KeyedError("at least one is needed", "variants")
        return self


class PopulationSpec(_Strict):
    """How the population of cells is estimated.

    Attributes:
        criterion: which cell has to meet the targets at the stored voltages.
        samples: SPICE samples of each operation (two writes and the read).
        check_samples: those of the second estimate that every figure is checked against.
        pulses: samples whose write is simulated as a transient, in each direction.
        state_nodes: nodes of m_z of a sample's load line.
    """

    criterion: Literal["population", "nominal"] = "population"
    estimator: Literal["importance", "plain"] = "importance"
    sampling: Literal["sobol", "random"] = "sobol"
    samples: Annotated[int, Field(ge=32, le=10_000_000)] = 512
    check_samples: Annotated[int, Field(ge=32, le=10_000_000)] = 128
    pulses: Annotated[int, Field(ge=16, le=100_000)] = 64
    state_nodes: Annotated[int, Field(ge=3, le=33)] = 5
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1


class Study(_Strict):
    """What to run: `study.toml`."""

    class Characterize(_Strict):
        cells: tuple[Name, ...]
        cards: tuple[Name, ...] = ()
        state_nodes: Annotated[int, Field(ge=3, le=33)]
        voltage_step: Annotated[float, Field(gt=0, le=0.2)]

    characterize: Characterize
    population: PopulationSpec = PopulationSpec()
    # Further variants of cells (by cell and name), for studies that a designer's cell file need not know.
    variants: dict[str, dict[str, Variant]] = {}
    # The networks' own: neuro.study checks it.
    training: dict[str, Any] = {}


def load_device(path: Path) -> DeviceSpec:
    """Read an MTJ file. Raises UserError as `flow.toml.load_toml`."""
    return load_toml(path, DeviceSpec)


def load_card(path: Path) -> CardSpec:
    """Read the TOML file beside a card. Raises UserError as `flow.toml.load_toml`."""
    return load_toml(path, CardSpec)


def load_cell(path: Path) -> CellSpec:
    """Read the TOML file beside a bitcell netlist. Raises UserError as `flow.toml.load_toml`."""
    return load_toml(path, CellSpec)


def load_study(path: Path) -> Study:
    """Read the study file. Raises UserError as `flow.toml.load_toml`."""
    return load_toml(path, Study)


def select_variant(spec: CellSpec, name: str, file: Path) -> Variant:
    """The variant called `name`. Raises UserError listing the known ones."""
    if name not in spec.variants:
        known = ", ".join(spec.variants)
        raise UserError(f"no variant {name!r}; known: {known}", file=file, key="variants")
    return spec.variants[name]
