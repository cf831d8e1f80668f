"""The bitcell table: the one door between the flow (SPICE side) and the networks.

    table = open_table("build/tables/bitcells.h5")
    table.cells["2t1mtj_sc_dmtj"]["0.85"].quantities["write_energy"].value      # joule

Values are in SI units throughout; `quantity_json` and `table_json` turn them into display units. The file
format is described in docs/formats.md. `UserError`, `load_toml`, `parse_toml` and `load_json`, which both
sides need for a user's files, come through this door too.
"""

from __future__ import annotations

from flow.command_line import run_command_line
from flow.document import load_json, read_text
from flow.errors import UserError
from flow.provenance import collect
from flow.table.atomic import check_writable, replace_file
from flow.table.content import Array, BitcellTable, CellVariant, digest, table_json
from flow.table.quantity import KINDS, STATUS_FLAGS, Kind, Quantity, known, quantity_json
from flow.table.reader import check_seal, open_table
from flow.table.writer import SCHEMA_NAME, SCHEMA_VERSION, sealed, write_table
from flow.toml import load_toml, parse_toml
from flow.toolchain.project import file_within, project_root

__all__ = [
    "KINDS",
    "SCHEMA_NAME",
    "SCHEMA_VERSION",
    "STATUS_FLAGS",
    "Array",
    "BitcellTable",
    "CellVariant",
    "Kind",
    "Quantity",
    "UserError",
    "check_seal",
    "check_writable",
    "collect",
    "digest",
    "file_within",
    "known",
    "load_json",
    "load_toml",
    "open_table",
    "parse_toml",
    "project_root",
    "quantity_json",
    "read_text",
    "replace_file",
    "run_command_line",
    "sealed",
    "table_json",
    "write_table",
]
