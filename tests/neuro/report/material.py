"""A small table and traces in the formats of the real ones, with figures chosen for the tests."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from flow.table import Array, BitcellTable, CellVariant, Quantity, known, write_table
from neuro.report.bitcells import Bitcells, open_bitcells
from neuro.report.runs import Run
from neuro.technology import TABLE_NAMES, bundled_technology

CELLS = {"smtj": "2t1mtj_rc_smtj", "dmtj": "2t1mtj_sc_dmtj"}
# r_on, r_off, read V, read J, LTD V, LTP V, pulse s, write J, width m, height m
FIGURES = {
    "smtj": (9513.0, 16390.0, 0.338, 20.9e-15, 0.788, 0.898, 3.39e-9, 185e-15, 924e-9, 196e-9),
    "dmtj": (11370.0, 22170.0, 0.121, 5.76e-15, 1.09, 0.564, 1.16e-9, 48e-15, 733.6e-9, 140e-9),
}
NAMES = (
    "r_on", "r_off", "read_voltage", "read_energy", "ltd_voltage", "ltp_voltage", "write_pulse",
    "write_energy", "cell_width", "cell_height",
)  # fmt: skip


def variant(device: str, scale: float = 1.0, interval: float = 0.0, title: str = "a cell") -> CellVariant:
    """A cell with the paper's figures; energies times `scale`, with intervals of +-`interval` (relative)."""
    content = CellVariant(attributes={"device": device, "title": title, "card": "card"})
    for name, value in zip(NAMES, FIGURES[device], strict=True):
        value *= scale if name.endswith("energy") else 1.0
        bounds = (value * (1 - interval), value * (1 + interval)) if interval else (None, None)
        content.quantities[name] = known(name, value, *bounds)
    width, height = FIGURES[device][-2:]
    content.quantities["cell_area"] = known("cell_area", width * height)
    content.quantities["feature_size"] = known("feature_size", 28e-9)
    content.quantities["read_pulse"] = known("read_pulse", 1e-9)
    forward, back = ("ltd_voltage", "ltp_voltage") if device == "smtj" else ("ltp_voltage", "ltd_voltage")
    for direction, name in (("0to1", forward), ("1to0", back)):
        value = content.quantities[name].value
        content.quantities[f"write_voltage_{direction}"] = known(f"write_voltage_{direction}", value)
    _add_lines(content)
    return content


def _add_lines(content: CellVariant) -> None:
    states = np.array([-1.0, 0.0, 1.0])
    content.load_lines["mz"] = Array(("mz",), states, "1", "m_z")
    for direction, sign in (("0to1", 1.0), ("1to0", -1.0)):
        voltage = np.linspace(0.0, 1.2, 5)
        current = sign * voltage[:, None] * 1e-4 * (1.0 + 0.2 * states[None, :])
        dims = (f"voltage_{direction}", "mz")
        content.load_lines[dims[0]] = Array(dims[:1], voltage, "V", "voltage")
        content.load_lines[f"current_{direction}"] = Array(dims, current, "A", "current")
        content.load_lines[f"drive_{direction}"] = Array(dims, current * 2e4, "1", "drive")
        time = np.linspace(0.0, 2e-9, 9)
        along = (f"time_{direction}",)
        content.waveforms[along[0]] = Array(along, time, "s", "time")
        mz = sign * np.cos(np.pi * time / 2e-9)
        content.waveforms[f"mz_{direction}"] = Array(along, mz, "1", "m_z")
        high = "bl" if sign > 0 else "sl"
        for line in ("bl", "sl"):
            level = float(line == high)
            content.waveforms[f"v_{line}_{direction}"] = Array(along, 0.8 * level + 0 * time, "V", "voltage")
            content.waveforms[f"i_{line}_{direction}"] = Array(along, 5e-5 * level + 0 * time, "A", "current")


def add_limits(
    content: CellVariant, wer: float = 1e-7, rdr: float = 1e-9, write: float = 1.4, read: float = 0.6
) -> None:
    """Error rates of 1e-7 and 1e-9 with intervals of +-2 %, and these limits of the cell's file."""
    for name, value in (("wer_0to1", 1e-7), ("wer_1to0", 1e-7), ("rdr", 1e-9)):
        content.quantities[name] = known(name, value, 0.98 * value, 1.02 * value)
    for name, value, unit in (
        ("wer_limit", wer, "1"),
        ("rdr_limit", rdr, "1"),
        ("write_voltage_limit", write, "V"),
        ("read_voltage_limit", read, "V"),
    ):
        content.quantities[name] = Quantity(value, unit, long_name="a limit of the cell's file")


def add_curves(content: CellVariant) -> None:
    """WER(t) and RDR(V) through the stored points: the mean four times the nominal cell."""
    share = np.array([0.9, 0.5, 0.1, 1e-3])
    content.curves["share"] = Array(("share",), share, "1", "share of the cells")
    for rate, dim, stored, sign, at in (
        ("wer_0to1", "pulse_0to1", "write_pulse", -1.0, 1e-7),
        ("wer_1to0", "pulse_1to0", "write_pulse", -1.0, 1e-7),
        ("rdr", "voltage_read", "read_voltage", 1.0, 1e-9),
    ):
        multiples = np.array([0.6, 0.8, 1.0, 1.2])
        point = content.quantities[stored]
        mean = at * np.exp(sign * 15.0 * (multiples - 1.0))
        content.curves[dim] = Array((dim,), point.value * multiples, point.unit, "pulse or voltage")
        for part, values in (
            ("nominal", mean / 4.0),
            ("mean", mean),
            ("mean_ci_low", 0.97 * mean),
            ("mean_ci_high", 1.03 * mean),
        ):
            content.curves[f"{rate}_{part}"] = Array((dim,), values, "1", part)
        quantile = mean * np.array([0.05, 0.3, 2.0, 40.0])[:, None]
        for end, factor in (("", 1.0), ("_ci_low", 0.9), ("_ci_high", 1.1)):
            name = f"{rate}_quantile{end}"
            content.curves[name] = Array(("share", dim), factor * quantile, "1", "quantile")


def full_table(**options: object) -> BitcellTable:
    """Both cells at 0.85 nm with limits, curves, and a technology for estimates of arrays."""
    technology = bundled_technology().for_model("physical")
    card = {name: known(name, float(getattr(technology, field))) for field, name in TABLE_NAMES.items()}
    table = BitcellTable(history="made for a test", references="none", technologies={"card": card})
    for device, name in CELLS.items():
        content = variant(device, **options)  # type: ignore[arg-type]
        add_limits(content)
        add_curves(content)
        table.cells[name] = {"0.85": content}
    return table


def sized(cell: str) -> dict[str, object]:
    """A document as of `mtj-flow size --json`: two points of a front, four designs of the search."""

    def quantity(value: float, unit: str, interval: float = 0.0) -> dict[str, object]:
        ends = {"ci_low": value - interval, "ci_high": value + interval} if interval else {}
        return {"value": value, "unit": unit, "ci_low": None, "ci_high": None} | ends

    points = ((1, 3.6, 290.0, 77.1), (2, 2.2, 213.0, 99.2), (2, 5.0, 400.0, 99.2), (1, 9.0, 500.0, 77.1))
    return {
        "cell": cell,
        "variant": "0.85",
        "command": f"mtj-flow size {cell} --json",
        "best": 1,
        "searched": 4,
        "front": [
            {
                "fins": {"nn": fins, "np": fins},
                "write_pulse": quantity(pulse, "ns"),
                "write_energy": quantity(energy, "fJ", 1.5),
                "cell_area": quantity(area, "F2"),
            }
            for fins, pulse, energy, area in points[:2]
        ],
        "candidates": [
            {
                "fins": {"nn": fins, "np": fins},
                "write_pulse_ns": pulse,
                "write_energy_fJ": energy,
                "cell_area_F2": area,
            }
            for fins, pulse, energy, area in points
        ],
    }


def write_full(directory: Path, table: BitcellTable | None = None) -> Path:
    """A full table with the sizing of one of its cells beside it; returns the table's path."""
    write_table(directory / "bitcells.h5", table or full_table())
    (directory / "size.json").write_text(json.dumps(sized(CELLS["smtj"])), encoding="utf-8")
    return directory / "bitcells.h5"


def write_bitcells(path: Path, **options: object) -> Path:
    """A table of both cells at 0.85 nm."""
    table = BitcellTable(history="made for a test", references="none", provenance={"tool:test": "1"})
    for device, name in CELLS.items():
        table.cells[name] = {"0.85": variant(device, **options)}  # type: ignore[arg-type]
    write_table(path, table)
    return path


def bitcells(directory: Path, **options: object) -> Bitcells:
    """The same, opened."""
    return open_bitcells(write_bitcells(directory / "bitcells.h5", **options))


def run(device: str = "smtj", model: str = "neurosim", replicas: int = 3, **changes: object) -> Run:
    """A run of 15 epochs whose totals are 1 mJ, 2 mJ, 50 ms, 100 ms."""
    epoch = np.arange(1.0, 16.0)[:, None] / 15.0 + 0.0 * np.arange(replicas)
    fields: dict[str, object] = {
        "device": device,
        "cell": CELLS[device],
        "variant": "0.85",
        "model": model,
        "images_per_epoch": 8000,
        "accuracy": 80.0 + 10.0 * epoch + np.arange(replicas),
        "read_latency_s": 50e-3 * epoch,
        "write_latency_s": 100e-3 * epoch,
        "read_energy_J": 1e-3 * epoch,
        "write_energy_J": 2e-3 * epoch,
        "area_m2": 7e-8,
        "area_parts_m2": {"array": 5e-8, "read_circuit": 2e-8},
    }
    return Run(**(fields | changes))  # type: ignore[arg-type]


def write_trace(path: Path, runs: list[Run], **attributes: object) -> Path:
    """A trace in the format of `mtj-neuro train`; all runs have the same model, epochs and replicas."""
    first = runs[0]
    settings = {
        "model": first.model,
        "images_per_epoch": first.images_per_epoch,
        "layers": [400, 100, 10],
        "bits": 6,
        "adc": {"bits": 8},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, value in (
            {"schema_name": "mtjflow.traces", "settings": json.dumps(settings)} | attributes
        ).items():
            file.attrs[key] = value
        file["cell"] = np.array([f"{one.cell}/{one.variant}" for one in runs], dtype=h5py.string_dtype())
        file["replica"] = np.arange(first.replicas)
        file["epoch"] = np.arange(1, first.epochs + 1)
        for name, field, unit in (
            ("accuracy", "accuracy", "percent"),
            ("read_latency", "read_latency_s", "s"),
            ("write_latency", "write_latency_s", "s"),
            ("read_energy", "read_energy_J", "J"),
            ("write_energy", "write_energy_J", "J"),
        ):
            file[name] = np.stack([getattr(one, field).T for one in runs])
            file[name].attrs["units"] = unit
        file["area"] = np.array([one.area_m2 for one in runs])
        file["area"].attrs["units"] = "m2"
    return path
