"""Process variation: which parameters of a bitcell vary from cell to cell, and by how much.

LOCAL variation (mismatch, here) makes the population of cells of one array; GLOBAL variation (the corners
tt ff ss sf fs of a card) moves a whole die and is chosen by the cell's `corner`. They are never mixed.

* Junction: relative Gaussian deviations, from `[variation]` of the device's TOML; each oxide independent.
* Transistors: from `[mismatch]` of the card's TOML, per transistor. Threshold and mobility by Pelgrom's law,
  sigma = A/sqrt(W L) with W = fins x (2 h_fin + w_fin) (https://doi.org/10.1109/JSSC.1989.572629); gate
  length and fin width vary from fin to fin and average over the fins, sigma/sqrt(fins).

Standardised variables y are independent and standard normal, in the fixed order of `Variation.variables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flow.device.mtj import Junction
from flow.errors import UserError
from flow.measure.bench import Bench
from flow.parallel import digest
from flow.spice.deck import Overrides, card_section, subcircuit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Variable:
    """One varied instance parameter: value = nominal + spread y, in the unit of the parameter."""

    element: str
    parameter: str
    nominal: float
    spread: float

    @property
    def name(self) -> str:
        """Element and parameter, for tables."""
        return f"{self.element}.{self.parameter}"

    def at(self, y: Array) -> Array:
        """Parameter values at standardised deviations."""
        return self.nominal + self.spread * y


@dataclass(frozen=True)
class Variation:
    """The varied parameters of one bitcell variant."""

    bench: Bench
    variables: tuple[Variable, ...]

    @property
    def dimension(self) -> int:
        """Number of standardised variables."""
        return len(self.variables)

    def overrides(self, y: Array) -> list[Overrides]:
        """Instance parameters of every sample of y (S, D), for `flow.spice.deck.render`."""
        samples: list[Overrides] = []
        for sample in np.atleast_2d(y):
            elements: dict[str, dict[str, float]] = {}
            for variable, deviation in zip(self.variables, sample, strict=True):
                elements.setdefault(variable.element, {})[variable.parameter] = float(variable.at(deviation))
            samples.append(elements)
        return samples

    def junctions(self, y: Array) -> Junction:
        """The junctions of the samples y (S, D) as one population: fields of shape (S,)."""
        mtj = self.bench.cell.mtj.lower()
        relative = {
            variable.parameter: variable.spread / variable.nominal * y[:, column]
            for column, variable in enumerate(self.variables)
            if variable.element == mtj
        }
        return self.bench.junction.with_variation(**relative)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the variables in order."""
        return tuple(variable.name for variable in self.variables)


def variation_of(bench: Bench) -> Variation:
    """The variation of a bitcell: its junction first, then its transistors in the order of the netlist.

    Raises UserError where a transistor says nothing of its fins or its model nothing of its gate length.
    """
    key = digest(
        bench.fingerprint,
        {name: spread.sigma for name, spread in bench.device_spec.variation.items()},
        {name: value.value for name, value in bench.card.mismatch.items()},
        bench.card["fin_height"],
    )
    if key not in _KNOWN:
        variables = (*_junction(bench), *_transistors(bench))
        if not variables:
            # A population of equal cells is still one: a variable that does nothing keeps it in one piece.
            variables = (Variable(bench.cell.mtj.lower(), "t_fl", _nominal(bench, "t_fl"), 0.0),)
        _KNOWN[key] = Variation(bench, variables)
    return _KNOWN[key]


_KNOWN: dict[str, Variation] = {}
"""Variations of this process by what they depend on: asked for by every batch of samples."""


def _junction(bench: Bench) -> list[Variable]:
    mtj = bench.cell.mtj.lower()
    return [
        Variable(mtj, name, nominal, spread.sigma * abs(nominal))
        for name, spread in bench.device_spec.variation.items()
        if spread.sigma > 0
        for nominal in [_nominal(bench, name)]
    ]


def _nominal(bench: Bench, name: str) -> float:
    value = getattr(bench.junction, name)
    return float(np.asarray(value))


def _transistors(bench: Bench) -> Sequence[Variable]:
    mismatch = bench.card.mismatch
    if not mismatch:
        return ()
    cell = bench.cell
    models = card_section(cell.card, cell.corner, cell.root).models
    found: list[Variable] = []
    for element in subcircuit(cell).elements.values():
        model = models.get(element.model or "")
        if element.kind != "n" or model is None or model.module != "bsimcmg_va":
            continue
        given = {name: parameter.number for name, parameter in (*model.parameters.items(),)}
        given |= {name: parameter.number for name, parameter in element.parameters.items()}
        fins, length, width = given.get("nfin"), given.get("l"), given.get("tfin")
        if not fins or not length or not width:
            raise UserError(
                f"mismatch needs nfin, l and tfin of transistor {element.name} as plain numbers",
                file=element.file,
                line=element.line,
                key=element.name,
            )
        area = fins * (2 * bench.card["fin_height"] + width) * length
        sigmas = {
            "delvtrand": (given.get("delvtrand") or 0.0, mismatch["a_vt"].value / np.sqrt(area)),
            "u0mult": (given.get("u0mult") or 1.0, mismatch["a_u0"].value / np.sqrt(area)),
            "l": (length, mismatch["sigma_l"].value / np.sqrt(fins)),
            "tfin": (width, mismatch["sigma_tfin"].value / np.sqrt(fins)),
        }
        found += [
            Variable(element.name, parameter, nominal, float(sigma))
            for parameter, (nominal, sigma) in sigmas.items()
            if sigma > 0
        ]
    return found
