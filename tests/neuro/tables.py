"""A table of both cells and their card, whole enough to train networks in and to export."""

from __future__ import annotations

from pathlib import Path

from flow.table import BitcellTable, CellVariant, known, write_table
from tests.neuro.report.material import CELLS, variant

CARD = {
    "vdd": 0.8, "feature_size": 28e-9, "ion_n": 1000.0, "ion_p": 850.0, "ioff_n": 3e-3, "ioff_p": 3e-3,
    "effective_resistance_multiplier": 1.03, "gate_capacitance": 1.25e-9, "pn_ratio": 1.18,
    "wire_resistance": 1.2e6, "wire_capacitance": 2e-10,
}  # fmt: skip


def cell(device: str) -> CellVariant:
    """The cell of the report's tests with what arrays and exports need besides."""
    content = variant(device, interval=0.01, title=f"{device} cell")
    r_on, r_off = (content.quantities[name].value for name in ("r_on", "r_off"))
    access = 0.15 * r_on
    for name, value in (
        ("r_access", access), ("r_mtj_p", r_on - access), ("r_mtj_ap", r_off - access),
        ("write_energy_0to1", 4.2e-14), ("write_energy_1to0", 5.4e-14), ("access_width_n", 1.4e-7),
        ("access_width_p", 2.1e-7), ("wer_0to1", 1e-7), ("leakage", 1e-12),
    ):  # fmt: skip
        content.quantities[name] = known(name, value)
    content.quantities["wer_1to0"] = known("wer_1to0", float("nan"), status="not_converged")
    content.attributes["connection"] = "sl high writes 0 to 1, bl high 1 to 0"
    return content


def write_cells(path: Path) -> Path:
    """The table as a file."""
    content = BitcellTable(
        technologies={"card": {name: known(name, value) for name, value in CARD.items()}},
        cells={name: {"0.85": cell(device)} for device, name in CELLS.items()},
        provenance={
            "command": "mtj-flow characterize",
            "commit": "abc",
            "seed:population": "3",
            "sha256:spice/bitcells/2t1mtj_rc_smtj.cir": "0" * 64,
            "sha256:spice/bitcells/2t1mtj_sc_dmtj.cir": "0" * 64,
            "sha256:spice/bitcells/gone.cir": "0" * 64,
            "sha256:../secret": "0" * 64,
            "tool:ngspice": "46",
            "tool:numpy": "0.1",
        },
    )
    write_table(path, content)
    return path
