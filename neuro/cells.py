"""The bitcells that learn: as published, from a JSON file, or from a characterised table.

The reference model charges cells by two voltages, SET (LTP) and RESET (LTD); the physical one by direction:
SET writes a 1, junction state 1 -> 0 (resistance falls), RESET a 0, junction state 0 -> 1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from flow.table import Array, BitcellTable, CellVariant, Quantity, UserError, load_json, open_table
from neuro.design import cell_from_json
from neuro.population import Population, Spread, sampled
from neuro.random import PURPOSE_TABLE, philox_normal
from neuro.synapse import Floats
from neuro.technology import Cell, Technology, technology_from_table

_OWN_KEYS = ("variant", "resistances_include_access", "r_access_included_ohm", "spread", "provenance")


@dataclass(frozen=True, eq=False)
class Bitcell:
    """One variant of a cell as the networks see it.

    `cell`: its block for the circuit estimate, resistances as the reference model takes them.
    `included_access_ohm`: the part of `cell.r_on_ohm` that is the access switch (0: resistances without it,
    `cell.r_access_ohm` comes on top). `switch_ohm`: effective switching resistance of the n-FinFETs of a
    known circuit, the access resistance of the reference model. `members`: the characterised population;
    None: from `spread`.
    """

    name: str
    variant: str
    cell: Cell
    included_access_ohm: float = 0.0
    switch_ohm: float | None = None
    spread: Spread = dataclasses.field(default_factory=Spread)
    members: Population | None = None

    @property
    def resistances(self) -> tuple[float, float]:
        """(r_on, r_off) of the whole cell in ohm, access switch included."""
        extra = 0.0 if self.included_access_ohm > 0.0 else float(self.cell.r_access_ohm)
        return float(self.cell.r_on_ohm) + extra, float(self.cell.r_off_ohm) + extra

    @property
    def population(self) -> Population:
        """The population of cells; error rates that were not characterised (NaN) are 0."""
        if self.members is not None:
            return self.members
        r_on, r_off = self.resistances
        access = self.included_access_ohm or float(self.cell.r_access_ohm)
        to_one, to_zero = _or_zero(self.cell.wer_0to1), _or_zero(self.cell.wer_1to0)
        return sampled(r_on, r_off, access, to_one, to_zero, _or_zero(self.cell.rdr), self.spread)

    @property
    def write_energies(self) -> tuple[float, float]:
        """(SET, RESET) energy of one cell write in J; V^2 t mean(1/R) if none was characterised."""
        r_on, r_off = self.resistances
        charge = 0.5 * (1.0 / r_on + 1.0 / r_off) * float(self.cell.write_pulse_s)  # times V^2
        energies = (
            (float(self.cell.write_energy_1to0_J), float(self.cell.ltp_voltage_V)),
            (float(self.cell.write_energy_0to1_J), float(self.cell.ltd_voltage_V)),
        )
        first, second = (
            voltage**2 * charge if math.isnan(energy) else energy for energy, voltage in energies
        )
        return first, second

    def for_circuit(self, model: str) -> Cell:
        """The cell for the circuit estimate: `physical` gets resistances with the access switch taken out.

        The reference model sizes its access transistor by R = kappa VDD/(Ion W), so of a known circuit it
        gets this resistance of the real n-FinFETs, and no width.
        """
        if model == "neurosim" and self.switch_ohm is not None:
            return dataclasses.replace(self.cell, r_access_ohm=self.switch_ohm, access_width_m=float("nan"))
        if model == "neurosim" or self.included_access_ohm == 0.0:
            return self.cell
        return dataclasses.replace(
            self.cell,
            r_on_ohm=float(self.cell.r_on_ohm) - self.included_access_ohm,
            r_off_ohm=float(self.cell.r_off_ohm) - self.included_access_ohm,
            r_access_ohm=self.included_access_ohm,
        )


def _or_zero(rate: Any) -> float:
    return 0.0 if math.isnan(float(rate)) else float(rate)


def paper_cells() -> list[Bitcell]:
    """The published cells (SMTJ and DMTJ at 0.85 and 0.80 nm); the file says where each number is from."""
    with resources.as_file(resources.files("neuro") / "data" / "paper_cells.json") as path:
        return cells_from_file(path)


def cells_from_file(path: Path) -> list[Bitcell]:
    """Cells from a JSON file: a list of `cell` blocks with `name` and `read_energy_J`, or `{"cells": [...]}`.

    Optional keys: `variant`, `resistances_include_access` with `r_access_included_ohm`, `spread` (see
    `neuro.population.Spread`), `provenance`. Raises UserError naming the file and the key.
    """
    document = load_json(path)
    if isinstance(document, dict) and "cells" in document:
        document = document["cells"]
    if not isinstance(document, list) or not document:
        raise UserError("expected a list of cells", file=path, key="cells")
    cells = [_cell(item, f"cells[{place}]", path) for place, item in enumerate(document)]
    seen: set[tuple[str, str]] = set()
    for cell in cells:
        if (cell.name, cell.variant) in seen:
            raise UserError(f"the cell {cell.name} {cell.variant} is there twice", file=path, key="name")
        seen.add((cell.name, cell.variant))
    return cells


def _cell(item: object, key: str, path: Path) -> Bitcell:
    try:
        if not isinstance(item, Mapping):
            raise UserError(f"must be an object, not {item!r}", key=key)
        own = {name: item[name] for name in _OWN_KEYS if name in item}
        cell = cell_from_json({name: value for name, value in item.items() if name not in _OWN_KEYS}, key)
        if not cell.name:
            raise UserError("is missing", key=f"{key}.name")
        included = 0.0
        if own.get("resistances_include_access", False):
            included = _number(own, "r_access_included_ohm", float(cell.r_access_ohm), key)
            if not 0.0 <= included < float(cell.r_on_ohm):
                raise UserError("must lie between 0 and r_on_ohm", key=f"{key}.r_access_included_ohm")
        if not 0.0 < float(cell.r_on_ohm) < float(cell.r_off_ohm):
            raise UserError("must be above r_on_ohm, which must be positive", key=f"{key}.r_off_ohm")
        spread = own.get("spread", {})
        names = {field.name for field in dataclasses.fields(Spread)}
        if not isinstance(spread, Mapping) or not set(spread) <= names:
            raise UserError(f"must be an object of {', '.join(sorted(names))}", key=f"{key}.spread")
        sigmas = {name: _number(spread, name, 0.0, f"{key}.spread") for name in spread}
        for name, sigma in sigmas.items():
            if not 0.0 <= sigma < 10.0:
                raise UserError("must lie between 0 and 10", key=f"{key}.spread.{name}")
        return Bitcell(cell.name, str(own.get("variant", "default")), cell, included, spread=Spread(**sigmas))
    except UserError as error:
        raise UserError(error.message, file=path, key=error.key) from None


def _number(block: Mapping[str, Any], name: str, default: float, key: str) -> float:
    value = block.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"must be a finite number, not {value!r}", key=f"{key}.{name}")
    return float(value)


def cells_from_table(path: Path, card: str | None = None) -> tuple[Technology, list[Bitcell]]:
    """The technology `card` (by default that of the cells) and all cells of a characterised table.

    Cells of several cards get the technology of the first cell's. Raises UserError for a table without them,
    or a quantity that is missing.
    """
    table = open_table(path)
    cards = sorted(table.technologies)
    if not cards or (card is not None and card not in cards):
        raise UserError(f"no technology {card or ''}; there are {', '.join(cards) or 'none'}", file=path)
    own = (
        str(content.attributes.get("card", "")) for cell in table.cells.values() for content in cell.values()
    )
    chosen = card or next((name for name in own if name in cards), cards[0])
    return technology_from_table(path, chosen), table_cells(table, path)


def table_cells(table: BitcellTable, path: Path) -> list[Bitcell]:
    """Every cell and variant of the table; the population from its `samples` where they are."""
    cells = [
        _table_cell(name, variant, content, path, table.technologies)
        for name, variants in table.cells.items()
        for variant, content in variants.items()
    ]
    if not cells:
        raise UserError("the table holds no cells; run `mtj-flow characterize`", file=path)
    return cells


_LEAST, _MOST = 1e-30, 1e30
"""Of a figure in SI units that is multiplied and divided by; beyond them products leave a float's range."""


class _Reader:
    """Values of a group of quantities by name; a missing one is a UserError unless a default is given."""

    def __init__(self, quantities: Mapping[str, Quantity], path: Path, group: str) -> None:
        self.quantities, self.path, self.group = quantities, path, group

    def __call__(self, *names: Any, zero: bool = False) -> float:
        """The first of `names` that there is; `zero` allows 0, which else is refused as all negative ones."""
        for name in names:
            if not isinstance(name, str):
                return float(name)
            quantity = self.quantities.get(name)
            if quantity is not None and math.isfinite(quantity.value):
                return self._checked(name, float(quantity.value), zero)
        raise UserError("is missing from the table", file=self.path, key=f"{self.group}/{names[0]}")

    def rate(self, *names: Any) -> float:
        """The same for a probability."""
        value = self(*names, zero=True)
        if value > 1.0:
            raise UserError(f"is no probability: {value:g}", file=self.path, key=f"{self.group}/{names[0]}")
        return value

    def _checked(self, name: str, value: float, zero: bool) -> float:
        if not (_LEAST <= value <= _MOST or (zero and value == 0.0)):
            message = f"must be positive, {_LEAST:g} to {_MOST:g} in SI units, not {value:g}"
            raise UserError(message, file=self.path, key=f"{self.group}/{name}")
        return value


def _switch_ohm(width: float, technology: Mapping[str, Quantity], path: Path, card: str) -> float | None:
    """Effective switching resistance of n-FinFETs of that width (m); None where the table does not say."""
    if not width > 0.0 or not technology:
        return None
    found = _Reader(technology, path, f"/technology/{card}")
    return found("effective_resistance_multiplier") * found("vdd") / (found("ion_n") * width)


def _table_cell(
    name: str,
    variant: str,
    content: CellVariant,
    path: Path,
    technologies: Mapping[str, Mapping[str, Quantity]],
) -> Bitcell:
    found = _Reader(content.quantities, path, f"/cells/{name}/{variant}")
    feature = found("feature_size", 28e-9)
    nothing = float("nan")
    if "cell_width" in content.quantities:
        width, height = found("cell_width") / feature, found("cell_height") / feature
    else:
        width = height = math.sqrt(found("cell_area")) / feature
    access = found("r_access", 0.1 * found("r_on"), zero=True)
    cell = Cell(
        width_F=width,
        height_F=height,
        r_on_ohm=found("r_on"),
        r_off_ohm=found("r_off"),
        r_access_ohm=access,
        read_voltage_V=found("read_voltage"),
        ltp_voltage_V=found("ltp_voltage", "write_voltage_1to0"),
        ltd_voltage_V=found("ltd_voltage", "write_voltage_0to1"),
        write_pulse_s=found("write_pulse"),
        name=name,
        read_energy_J=found("read_energy", zero=True),
        write_energy_0to1_J=found("write_energy_0to1", "write_energy", nothing),
        write_energy_1to0_J=found("write_energy_1to0", "write_energy", nothing),
        wer_0to1=found.rate("wer_0to1", "wer_0to1_nominal", nothing),
        wer_1to0=found.rate("wer_1to0", "wer_1to0_nominal", nothing),
        rdr=found.rate("rdr", "rdr_nominal", nothing),
        read_pulse_s=found("read_pulse", nothing),
        leakage_W=found("leakage", nothing, zero=True),
        access_width_m=found("access_width_n", nothing, zero=True)
        + found("access_width_p", nothing, zero=True),
    )
    card = str(content.attributes.get("card", ""))
    switch = _switch_ohm(found("access_width_n", nothing, zero=True), technologies.get(card, {}), path, card)
    if not 0.0 < float(cell.r_on_ohm) < float(cell.r_off_ohm):
        raise UserError("r_off must be above r_on", file=path, key=f"/cells/{name}/{variant}/r_off")
    return Bitcell(name, variant, cell, access, switch, members=_members(content, cell))


# What one standard deviation of a varied quantity does to a junction: the published deviations (oxide 1 %,
# area 5 %, TMR 3 %) and the slope of a barrier, d ln R / d ln t = 1 + 10.25 sqrt(0.4 eV) 0.85 nm = 6.5.
_LN_RESISTANCE = {"t_ox_t": 0.065, "area_scale": -0.05}
_TMR = {"tmr0": 0.03, "tmr0_t": 0.03}
_MEMBERS = 4096


def _members(content: CellVariant, cell: Cell) -> Population | None:
    """A population in the varied quantities of the stored samples; None where the table has none.

    The samples of each operation are drawn where its errors come from, so they are not a population. A
    weighted linear fit of ln(rate) to the deviations y of the varied quantities (ln(rate) is close to normal)
    carries them over to ordinary members, scaled so that their mean rate is the characterised one; the same
    y give the resistances, so that all of them are correlated as in the devices.
    """
    samples = content.samples
    operations = {"ln_wer_0to1": "0to1", "ln_wer_1to0": "1to0", "ln_rdr": "read"}
    if "variable" not in samples or not all(name in samples for name in operations):
        return None
    variables = [str(name).rsplit(".", 1)[-1] for name in samples["variable"].values]
    pairs = [
        philox_normal(0, 0, int(PURPOSE_TABLE), 16 + stream, _MEMBERS)
        for stream in range((len(variables) + 1) // 2)
    ]
    y = np.concatenate(pairs, axis=1)[:, : len(variables)]
    means = {"ln_wer_0to1": cell.wer_0to1, "ln_wer_1to0": cell.wer_1to0, "ln_rdr": cell.rdr}
    rates = []
    for name, operation in operations.items():
        slope = _slope(samples, name, operation)
        mean = float(means[name])
        if slope is None or math.isnan(mean):
            return None
        factor = np.exp(y @ slope)
        rates.append(np.minimum(mean * factor / factor.mean(), 1.0))

    def shift(effects: Mapping[str, float]) -> Floats:
        return np.asarray(
            sum((effects.get(v, 0.0) * y[:, i] for i, v in enumerate(variables)), np.zeros(_MEMBERS))
        )

    access = float(cell.r_access_ohm)
    junction = (float(cell.r_on_ohm) - access) * np.exp(shift(_LN_RESISTANCE))
    ratio = (float(cell.r_off_ohm) - access) / (float(cell.r_on_ohm) - access) - 1.0
    weight = np.full(_MEMBERS, 1.0 / _MEMBERS)
    r_off = access + junction * (1.0 + ratio * (1.0 + shift(_TMR)))
    return Population(access + junction, r_off, rates[0], rates[1], rates[2], weight)


def _slope(samples: Mapping[str, Array], name: str, operation: str) -> Floats | None:
    """d ln(rate)/dy by weighted least squares over the samples that converged; None with too few of them."""
    rate = np.asarray(samples[name].values, dtype=np.float64)
    y = np.asarray(samples[f"y_{operation}"].values, dtype=np.float64)
    weight = np.asarray(samples[f"weight_{operation}"].values, dtype=np.float64)
    good = np.isfinite(rate) & np.isfinite(weight) & (weight > 0.0) & np.isfinite(y).all(1)
    if int(good.sum()) < 4 * (y.shape[1] + 1):
        return None
    root = np.sqrt(weight[good] / weight[good].sum())
    design = np.column_stack([np.ones(int(good.sum())), y[good]])
    fit = np.linalg.lstsq(design * root[:, None], rate[good] * root, rcond=None)[0]
    return np.asarray(fit[1:])
