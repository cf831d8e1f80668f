"""What a stand-alone deck is made from: the caller's settings, and voltages and samples of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.pulses import BATCH
from flow.spec import Line
from flow.spice.deck import Overrides
from flow.statistics.variation import variation_of
from flow.table import CellVariant, Quantity

OperationName = Literal["0to1", "1to0", "read"]

_VOLTAGES = {"0to1": "write_voltage_0to1", "1to0": "write_voltage_1to0", "read": "read_voltage"}


@dataclass(frozen=True)
class Settings:
    """What a deck measures.

    Attributes:
        voltage: V on the driven line; None takes the table's.
        line: the driven line; None takes that of the operation.
        stored: state at the start of a pulse or held in DC; None takes 0 for a write and both otherwise.
        operation: whose line, voltage and samples a load line takes.
        sample: index of a process sample of the table; None is the nominal device. Pulses count the typical
            samples, on which they were measured; load lines and leakage those of the operation's error rate.
        nodes: states m_z of a load line, Chebyshev nodes.
    """

    voltage: float | None = None
    line: Line | None = None
    stored: int | None = None
    operation: OperationName = "read"
    sample: int | None = None
    nodes: int = 13


@dataclass(frozen=True)
class DeckSource:
    """Where voltages and process samples come from: the caller, else the table."""

    bench: Bench
    settings: Settings
    variant: CellVariant | None

    def voltage(self, operation: str) -> float:
        if self.settings.voltage is not None:
            return self.settings.voltage
        return self.quantity(_VOLTAGES[operation]).value

    def quantity(self, name: str) -> Quantity:
        place = f"{self.bench.name}/{self.bench.variant_name}/{name}"
        if self.variant is None:
            raise UserError(
                "no table has this cell; give --voltage, or run `mtj-flow characterize`", key=place
            )
        if name not in self.variant.quantities:
            raise UserError("the table has no such quantity; give --voltage", key=place)
        return self.variant.quantities[name]

    def figures(self, names: Mapping[str, str]) -> dict[str, float]:
        """The table's figure of the nominal device by printed name; `names` maps it to the quantity.

        Only where the deck stands for exactly that figure: no sample, and the table's own voltage and line.
        """
        if self.variant is None or self.settings.sample is not None or not self._as_tabulated:
            return {}
        found: dict[str, float] = {}
        for printed, name in names.items():
            quantities = self.variant.quantities
            quantity = quantities.get(f"{name}_nominal", quantities.get(name))
            if quantity is not None and np.isfinite(quantity.value):
                found[printed] = quantity.value
        return found

    def overrides(self, operation: str) -> Overrides:
        """Instance parameters of the process sample of an error rate."""
        index = self.settings.sample
        if index is None:
            return {}
        y = self._deviations(operation, index)
        return variation_of(self.bench).overrides(y[index : index + 1])[0]

    def copies(self, pulse: str) -> tuple[Sequence[Overrides], int]:
        """Instance parameters of everything in the deck that the library ran for a pulse, and which it is.

        A typical sample shared its deck, and with it the time steps, with its batch unless it was flagged.
        """
        index = self.settings.sample
        if index is None:
            return [{}], 0
        y = self._deviations("pulse", index)
        assert self.variant is not None
        alone = f"alone_{pulse}"
        if alone not in self.variant.samples or self.variant.samples[alone].values[index]:
            first, last = index, index + 1
        else:
            first = index // BATCH * BATCH
            last = min(first + BATCH, y.shape[0])
        return variation_of(self.bench).overrides(y[first:last]), index - first

    def sampled(self, names: Mapping[str, str]) -> dict[str, float]:
        """The table's figure of the process sample by printed name; `names` maps it to the array."""
        index = self.settings.sample
        if self.variant is None or index is None or not self._as_tabulated:
            return {}
        samples = self.variant.samples
        return {
            printed: float(samples[name].values[index]) for printed, name in names.items() if name in samples
        }

    @property
    def _as_tabulated(self) -> bool:
        """Whether voltage and line are the table's."""
        return self.settings.voltage is None and self.settings.line is None

    def _deviations(self, operation: str, index: int) -> NDArray[np.float64]:
        """All samples of an operation, among them sample `index`."""
        name = f"y_{operation}"
        samples = {} if self.variant is None else self.variant.samples
        if name not in samples or "variable" not in samples:
            raise UserError(
                "the table has no samples of this operation",
                key=f"{self.bench.name}/{self.bench.variant_name}/samples/{name}",
            )
        variables = tuple(str(variable) for variable in samples["variable"].values)
        if variables != variation_of(self.bench).names:
            raise UserError(
                "the samples of the table vary other parameters than the files of now: characterise again",
                key=name,
            )
        y = np.asarray(samples[name].values, dtype=np.float64)
        if not 0 <= index < y.shape[0]:
            raise UserError(f"no sample {index}; the table has 0 to {y.shape[0] - 1}", key=name)
        return y
