"""Table I as used: device parameters with where each number comes from."""

from __future__ import annotations

from typing import Any

from neuro.report.bitcells import MAIN_VARIANT, Bitcells
from neuro.report.comparison import DEVICES, number_id, shown
from neuro.report.device_file import TABLE_1, parameters
from neuro.report.results import Results
from neuro.report.sections.section import Cell, PageTable, Section, heading

# Unit in the device file -> factor and unit for people.
_UNITS = {
    "m": (1e9, "nm"),
    "ohm m^2": (1e12, "Ω µm²"),
    "J/m^2": (1e3, "mJ/m²"),
    "A/m": (1e-3, "kA/m"),
    "1": (1.0, ""),
}
_NAMES = {
    "d": "diameter",
    "t_fl": "free-layer thickness",
    "t_ox_t": "oxide thickness, top",
    "t_ox_b": "oxide thickness, bottom",
    "ra_ref": "resistance-area product",
    "t_ref": "oxide thickness of that product",
    "phi": "barrier height",
    "tmr0": "TMR at 0 V",
    "tmr0_t": "TMR at 0 V, top",
    "tmr0_b": "TMR at 0 V, bottom",
    "v_h": "voltage that halves the TMR",
    "v_h_pol": "the same for the polarisation",
    "ms": "saturation magnetisation",
    "alpha": "Gilbert damping",
    "eta": "spin polarisation",
    "k_i": "interface anisotropy",
    "s": "torque prefactor (1: textbook)",
    "beta_b": "weight of the bottom layer",
    "temperature": "temperature",
}


def section(results: Results) -> Section:
    """Parameters of both devices beside Table I of the paper, with their provenance."""
    bitcells = results.bitcells
    devices = {device: parameters(bitcells, device) for device in DEVICES}
    published: dict[str, Any] = results.paper.data["table_1"]
    text = [
        "The write voltages of the paper need a torque prefactor near 2; it is a calibrated parameter, and "
        "with the textbook value of 1 the critical currents would be twice as high."
    ]
    missing = [device.upper() for device, found in devices.items() if not found]
    if missing:
        text.append(
            f"The device file of the {' and the '.join(missing)} is not at hand, or is not the one that the "
            "table was made from (its hash differs), so its parameters cannot be shown."
        )
    tables = [_table(device, found, published) for device, found in devices.items() if found]
    tables.append(_characterised(bitcells))
    return Section("table-1", "Table I as used", text, tables)


def _table(device: str, found: dict[str, dict[str, Any]], published: dict[str, Any]) -> PageTable:
    rows = []
    for name, entry in found.items():
        key, factor = TABLE_1.get(name, ("", 1.0))
        paper = published.get(key)
        scale, unit = _UNITS.get(str(entry.get("unit", "")), (1.0, str(entry.get("unit", ""))))
        address = number_id("table_1", name, device)
        rows.append(
            [
                heading(_NAMES.get(name, name)),
                Cell(f"{shown(scale * float(entry['value']), 4)} {unit}", address=address),
                Cell("", "faint")
                if paper is None
                else Cell(shown(scale * float(paper) / factor, 4), "faint", f"{address}/paper"),
                Cell(str(entry.get("provenance", "")), "text"),
            ]
        )
    return PageTable(f"{device.upper()}: parameters", ("", "used", "paper", "where it comes from"), rows)


def _characterised(bitcells: Bitcells) -> PageTable:
    rows = []
    for name, label, factor, unit in (
        ("delta", "thermal stability", 1.0, ""),
        ("tau_d", "damping time", 1e9, "ns"),
        ("critical_current_0to1", "critical current 0 → 1", 1e6, "µA"),
        ("critical_current_1to0", "critical current 1 → 0", 1e6, "µA"),
        ("r_access", "access switch when read", 1.0, "Ω"),
        ("r_mtj_p", "junction in state 0 when read", 1.0, "Ω"),
        ("r_mtj_ap", "junction in state 1 when read", 1.0, "Ω"),
        ("leakage", "standby power", 1e12, "pW"),
    ):
        found = [bitcells.main(device).quantities.get(name) for device in DEVICES]
        if any(found):
            ids = [number_id("quantity", bitcells.name[d], MAIN_VARIANT, name) for d in DEVICES]
            cells = [
                Cell("–", "faint") if q is None else Cell(shown(factor * q.value, 4), address=address)
                for q, address in zip(found, ids, strict=True)
            ]
            rows.append([heading(f"{label} ({unit})" if unit else label), *cells])
    for key in ("card", "corner", "connection", "torque_prefactor_s", "method"):
        texts = [str(bitcells.main(device).attributes.get(key, "")) for device in DEVICES]
        if any(texts):
            rows.append([heading(key.replace("_", " ")), *(Cell(text, "text") for text in texts)])
    return PageTable("What follows from them, at 0.85 nm", ("", "SMTJ", "DMTJ"), rows)
