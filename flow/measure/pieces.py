"""The pieces of a characterisation that concern the nominal device or a card, as tasks for workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.bitcell import Nominal, measure_at, search_nominal
from flow.measure.inspection import explain
from flow.measure.load_line import LoadLine
from flow.measure.operating_point import OperatingPoint
from flow.measure.technology import measure_technology
from flow.parallel import Arrays, digest
from flow.spec import Line
from flow.spice.session import SimulatorError
from flow.table import BitcellTable

_SURFACE = ("voltage", "state", "current", "drive", "v_top", "v_bottom")


@dataclass(frozen=True)
class Piece:
    """A task that concerns one device rather than a batch of samples."""

    bench: Bench

    @property
    def samples(self) -> int:
        """A nominal device counts as one sample."""
        return 1

    def split(self) -> Sequence[Any]:
        """It is one piece."""
        return ()

    def merge(self, parts: Sequence[Any]) -> Any:
        """Never called: there are no parts."""
        raise NotImplementedError

    def failed(self) -> Any:
        """The nominal device has to work."""
        raise UserError(
            "the simulator hung or crashed again and again", file=self.bench.cell.netlist, key=self.bench.name
        )


@dataclass(frozen=True)
class NominalSearch(Piece):
    """Voltages at which the nominal device meets its targets, with its load-line surfaces."""

    nodes: int
    voltage_step: float

    @property
    def label(self) -> str:
        """What a progress bar shows."""
        return f"{self.bench.name} {self.bench.variant_name} nominal"

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""
        spec, variant = self.bench.spec, self.bench.variant
        targets = [
            spec.write.max_voltage,
            spec.write.wer,
            spec.read.line,
            spec.read.max_voltage,
            spec.read.rdr,
        ]
        pulses = [variant.write_pulse, variant.read_pulse]
        return digest("search", self.bench.fingerprint, self.nodes, self.voltage_step, targets, pulses)

    def run(self) -> Arrays:
        """Simulate; `nominal_from` makes a `Nominal` of the result."""
        try:
            found = search_nominal(self.bench, self.nodes, self.voltage_step)
        except SimulatorError as error:
            raise explain(error, self.bench) from None
        self.bench.refuse_changed_files()
        points = (found.writes[0], found.writes[1], found.read)
        arrays: Arrays = {"points": np.array([[point.voltage, point.error_rate] for point in points])}
        for line, surface in found.surfaces.items():
            arrays |= {f"{line}_{name}": getattr(surface, name) for name in _SURFACE}
        return arrays


def nominal_from(arrays: Arrays, voltages: Sequence[float] | None = None) -> Nominal:
    """The `Nominal` of a `NominalSearch`; at other voltages (0 -> 1, 1 -> 0, read) if they are given."""
    rows = arrays["points"]
    chosen = [float(row[0]) for row in rows] if voltages is None else list(voltages)
    points = [OperatingPoint(voltage, float(row[1])) for voltage, row in zip(chosen, rows, strict=True)]
    lines: tuple[Line, Line] = ("bl", "sl")
    surfaces = {
        line: LoadLine(line, *(arrays[f"{line}_{name}"] for name in _SURFACE))
        for line in lines
        if f"{line}_voltage" in arrays
    }
    return Nominal(surfaces, {0: points[0], 1: points[1]}, points[2])


@dataclass(frozen=True)
class VariantAt(Piece):
    """Everything about the nominal device at given voltages (0 -> 1, 1 -> 0, read), V."""

    search: Arrays
    voltages: tuple[float, float, float]
    nodes: int

    @property
    def label(self) -> str:
        """What a progress bar shows."""
        return f"{self.bench.name} {self.bench.variant_name} waveforms"

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""
        bench = self.bench
        facts = [
            bench.spec.area.model_dump(),
            bench.card.technology["feature_size"].value,
            [bench.card[name] for name in ("vdd", "fin_pitch", "gate_pitch", "fin_height", "fin_width")],
            [
                bench.spec.title,
                bench.spec.device,
                bench.spec.card,
                bench.spec.corner,
                bench.variant.provenance,
            ],
            [bench.variant.write_pulse, bench.variant.read_pulse, *self.voltages],
        ]
        return digest(
            "variant",
            bench.fingerprint,
            self.nodes,
            facts,
            *(self.search[name] for name in sorted(self.search)),
        )

    def run(self) -> BitcellTable:
        """Simulate; a table with this one variant."""
        try:
            variant = measure_at(self.bench, nominal_from(self.search, self.voltages), self.nodes)
        except SimulatorError as error:
            raise explain(error, self.bench) from None
        self.bench.refuse_changed_files()
        return BitcellTable(cells={self.bench.name: {self.bench.variant_name: variant}})


@dataclass(frozen=True)
class Technology(Piece):
    """What the array model needs to know of the bench's card."""

    @property
    def label(self) -> str:
        """What a progress bar shows."""
        return self.bench.spec.card

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on: the files, and nothing of the cell."""
        bench = self.bench
        _ = bench.file_state  # taken before the files are read
        files = [bench.cell.card, bench.cell.card.with_suffix(".toml"), *bench.testbenches()]
        contents = [[path.name, path.read_text()] for path in files]
        temperature = bench.device_spec.temperature.value
        return digest("technology", bench.stamp, bench.spec.corner, temperature, contents)

    def run(self) -> BitcellTable:
        """Simulate; a table with this one card."""
        bench = self.bench
        try:
            quantities = measure_technology(
                bench.simulator(),
                bench.root,
                bench.card,
                bench.cell.card,
                bench.spec.corner,
                bench.device_spec.temperature.value,
            )
        except SimulatorError as error:
            raise explain(error, bench) from None
        bench.refuse_changed_files()
        return BitcellTable(technologies={bench.spec.card: quantities})
