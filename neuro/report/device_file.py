"""The parameters of a device, from the very file that the table was made from."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from neuro.report.bitcells import Bitcells

# Parameters of Table I: name in the device file (with their spellings), name in paper.json, factor.
TABLE_1 = {
    "d": ("diameter_nm", 1e9),
    "ms": ("saturation_magnetization_A_per_m", 1.0),
    "alpha": ("damping", 1.0),
    "eta": ("spin_polarization", 1.0),
    "t_fl": ("free_layer_thickness_nm", 1e9),
    "t_ox_t": ("oxide_top_nm", 1e9),
    "t_ox_b": ("oxide_bottom_dmtj_nm", 1e9),
    "tmr0": ("tmr0_percent", 100.0),
    "tmr0_t": ("tmr0_percent", 100.0),
    "tmr0_b": ("tmr0_percent", 100.0),
}


def device_file(bitcells: Bitcells, device: str) -> str:
    """Path of the device's file, from the project root."""
    stem = str(bitcells.main(device).attributes.get("device", device))
    return f"spice/devices/{stem}.toml"


def parameters(bitcells: Bitcells, device: str) -> dict[str, dict[str, Any]]:
    """Parameter -> value, unit, provenance; empty if the file is not at hand or has changed since."""
    name = device_file(bitcells, device)
    wanted = bitcells.table.provenance.get(f"sha256:{name}")
    # The table usually lies in build/tables of the project.
    roots = [*bitcells.path.resolve().parents[:3], Path.cwd()]
    for root in roots:
        try:
            content = (root / name).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() != wanted:
            continue
        document = tomllib.loads(content.decode("utf-8"))
        found = {key: value for key, value in document.get("parameters", {}).items() if "value" in value}
        if "temperature" in document:
            found["temperature"] = document["temperature"]
        return found
    return {}
