"""The report as a whole, as far as explaining its numbers needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flow.table import digest, project_root
from neuro.explain.address import Number, addresses
from neuro.explain.inputs import file_sha256
from neuro.explain.trace_file import Key, Training, trainings
from neuro.report.results import Results, gather


@dataclass(frozen=True, eq=False)
class Report:
    """The results document and the files that it was made from; what is asked of it often is kept."""

    tables: Path
    traces: Path
    results: Results
    document: Mapping[str, Any]
    trainings: Mapping[Key, Training]

    @cached_property
    def known(self) -> dict[str, Number]:
        """Every number of the document by address."""
        return addresses(self.document)

    @cached_property
    def root(self) -> Path:
        """The project that the inputs of the table are relative to."""
        return project_root()

    @cached_property
    def table_sha256(self) -> str:
        """Hash of the table's file."""
        return file_sha256(self.tables)

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the table's content, by which a trace names the table that it was trained on."""
        return digest(self.results.bitcells.table)


def open_report(tables: Path, traces: Path) -> Report:
    """Gather the results of a table and a directory of traces, as `mtj-neuro report` does.

    Raises UserError where either cannot be read.
    """
    results = gather(tables, traces)
    return Report(tables, traces, results, results.as_json(), trainings(traces, results.bitcells))
