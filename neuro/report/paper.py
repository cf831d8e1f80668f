"""The published figures, as they stand in `neuro/data/paper.json`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from neuro.report.comparison import DEVICES

# Row of Table II: name in the file, quantity name, label, unit.
TABLE_2 = (
    ("cell_area_F2", "cell_area", "cell area", "F²"),
    ("r_on_ohm", "r_on", "resistance ON", "Ω"),
    ("r_off_ohm", "r_off", "resistance OFF", "Ω"),
    ("on_off", "on_off", "conductance ON/OFF", ""),
    ("read_voltage_V", "read_voltage", "read voltage", "V"),
    ("read_energy_fJ", "read_energy", "read energy", "fJ"),
    ("read_pulse_ns", "read_pulse", "read pulse", "ns"),
    ("write_energy_fJ", "write_energy", "write energy", "fJ"),
    ("write_energy_fJ_probably_meant", "write_energy_meant", "write energy, 48.0", "fJ"),
    ("ltd_voltage_V", "ltd_voltage", "write voltage LTD", "V"),
    ("ltp_voltage_V", "ltp_voltage", "write voltage LTP", "V"),
    ("write_pulse_ns", "write_pulse", "write pulse", "ns"),
    ("write_pulse_ns", "write_pulse_published", "pulse at paper's V", "ns"),
)

# Row of Table III: name in the file, quantity name, label, unit, field of a trace, display factor.
TABLE_3 = (
    ("read_mJ", "read_energy_training", "read energy", "mJ", "read_energy_J", 1e3),
    ("write_mJ", "write_energy_training", "write energy", "mJ", "write_energy_J", 1e3),
    ("read_ms", "read_latency_training", "read latency", "ms", "read_latency_s", 1e3),
    ("write_ms", "write_latency_training", "write latency", "ms", "write_latency_s", 1e3),
)


class Paper:
    """The published figures; raises KeyError for a number that the paper does not have."""

    def __init__(self) -> None:
        text = (resources.files("neuro") / "data" / "paper.json").read_text(encoding="utf-8")
        self.data: dict[str, Any] = json.loads(text)

    @property
    def doi(self) -> str:
        """DOI of the paper."""
        return str(self.data["source"])

    @property
    def epochs(self) -> int:
        """Epochs of the published training."""
        return int(self.data["training"]["epochs"])

    @property
    def images_per_epoch(self) -> int:
        """Images per epoch of the published training."""
        return int(self.data["training"]["images_per_epoch"])

    def table_2(self, device: str, name: str) -> float | None:
        """A figure of Table II by its name in the file; None where the paper has none."""
        value = self.data["table_2"][device].get(name)
        return None if value is None else float(value)

    def table_3(self, device: str, variant: str, name: str) -> float | None:
        """A figure of Table III; None for an oxide that the paper does not have."""
        rows = self.data["table_3"][device].get(variant)
        return None if rows is None else float(rows[name])

    def accuracy(self, device: str) -> dict[str, float]:
        """Accuracy in per cent by oxide thickness."""
        return {key: float(value) for key, value in self.data["fig_4_accuracy_percent"][device].items()}

    def area_mm2(self, device: str) -> float:
        """Area of both synaptic cores (Fig. 3)."""
        return float(self.data["fig_3_area_mm2"][device])

    def advantage(self) -> list[tuple[str, str, float]]:
        """(quantity, label, per cent) of the DMTJ against the SMTJ, from the published tables."""
        rows: list[tuple[str, str, float, float]] = []
        for name, quantity, label, _ in TABLE_2:
            if quantity in ("cell_area", "read_energy", "write_energy", "write_pulse"):
                rows.append((quantity, label, *self._pair(name, "table_2")))
            if quantity == "write_energy_meant":
                smtj, _ = self._pair("write_energy_fJ", "table_2")
                rows.append((quantity, label, smtj, self.table_2("dmtj", name) or float("nan")))
        for name, quantity, label, *_ in TABLE_3:
            rows.append((quantity, f"{label}, training", *self._pair(name, "table_3")))
        rows.append(("area", "core area", self.area_mm2("smtj"), self.area_mm2("dmtj")))
        return [(quantity, label, 100.0 * (dmtj / smtj - 1.0)) for quantity, label, smtj, dmtj in rows]

    def _pair(self, name: str, table: str) -> tuple[float, float]:
        found = [
            self.table_2(device, name) if table == "table_2" else self.table_3(device, "0.85", name)
            for device in DEVICES
        ]
        smtj, dmtj = (float("nan") if value is None else value for value in found)
        return smtj, dmtj
