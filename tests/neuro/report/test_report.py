"""The command, the page and the figures, all from one small table and its traces."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from typer.testing import CliRunner

from flow.table import UserError
from neuro.cli import app
from neuro.report.bitcells import open_bitcells
from neuro.report.deviation import packaged_reasons
from neuro.report.figures.style import Figure
from neuro.report.fronts import cell_fronts
from neuro.report.page import render
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.sections import deviations, sections
from neuro.report.sections.section import Section
from tests.near import approx
from tests.neuro.report.material import CELLS, full_table, run, sized, write_bitcells, write_full, write_trace

WITHOUT_UNIT = (
    "epoch",
    "$m_z$",
    "$m_z$ of the free layer",
    "reduced drive |i|",
    "write error rate",
    "read disturb rate",
)
EVIL = '<script>alert(1)</script> & "quotes"'


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    directory = tmp_path_factory.mktemp("results")
    cells = open_bitcells(write_full(directory, full_table(title=EVIL, scale=1.3)))
    size = sized(CELLS["dmtj"]) | {"command": EVIL}
    (directory / "size_other.json").write_text(json.dumps(size), encoding="utf-8")
    runs = [run(device, model) for device in ("smtj", "dmtj") for model in ("neurosim", "physical")]
    runs.append(run("smtj", variant="0.80"))
    runs += [run(device, cell=device, source="published") for device in ("smtj", "dmtj")]
    return Results(cells, runs, Paper(), packaged_reasons(), ["a note"], cell_fronts([], cells))


@pytest.fixture(scope="module")
def parts(results: Results) -> list[Section]:
    return sections(results)


@pytest.fixture(scope="module")
def figures(parts: list[Section]) -> list[Figure]:
    return [figure for part in parts for figure in part.figures]


@pytest.fixture(scope="module")
def page(results: Results, parts: list[Section]) -> str:
    return render(results, parts)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The JSON document and the directory of one run of the command."""
    directory = tmp_path_factory.mktemp("command")
    write_full(directory)
    write_trace(directory / "traces" / "training.h5", [run("smtj"), run("dmtj")])
    arguments = ["report", "--json", "--tables", str(directory / "bitcells.h5")]
    arguments += ["--traces", str(directory / "traces"), "--output", str(directory / "report")]
    outcome = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0
    return json.loads(outcome.stdout), directory / "report"


def test_every_figure_has_axes_with_names_units_and_a_caption(figures: list[Figure]) -> None:
    names = [figure.name for figure in figures]
    assert len(set(names)) == len(names) >= 15
    for figure in figures:
        assert len(figure.caption) > 60
        assert figure.canvas.axes
        for axis in figure.canvas.axes:
            assert axis.has_data(), figure.name
        labels = [text for axis in figure.canvas.axes for text in (axis.get_xlabel(), axis.get_ylabel())]
        # Panels may share an axis' name with their neighbour, but each figure names its own.
        assert any(labels)
        for label in filter(None, labels):
            has_unit = re.search(r"\((ms|mJ|fJ|mm²|µm²|nm|ns|V|µA|%)\)$", label)
            assert has_unit or label in WITHOUT_UNIT, label


def test_devices_keep_their_colours(figures: list[Figure]) -> None:
    seen: dict[str, set[str]] = {}
    for figure in figures:
        for axis in figure.canvas.axes:
            for line in axis.lines:
                label = str(line.get_label())
                if label[:4] in ("SMTJ", "DMTJ"):
                    seen.setdefault(label[:4], set()).add(str(line.get_color()))
    assert {key: len(colours) for key, colours in seen.items()} == {"SMTJ": 1, "DMTJ": 1}
    assert seen["SMTJ"] != seen["DMTJ"]


def test_the_page_escapes_what_comes_from_files(page: str) -> None:
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;quotes&#34;" in page
    assert "<script" not in page


def test_the_page_needs_nothing_else(page: str) -> None:
    assert not re.search(r'(?:src|href)\s*=\s*"(?!#)', page)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page: str) -> None:
    parser = _Checker()
    parser.feed(page)
    assert parser.stack == []
    assert parser.problems == []
    assert len(parser.ids) == len(set(parser.ids)), "an id occurs twice"
    assert parser.targets <= set(parser.ids)


def test_the_page_says_loudly_what_nobody_explained(results: Results) -> None:
    unexplained = Results(results.bitcells, results.runs, results.paper, [])
    assert unexplained.unexplained
    text = render(unexplained, [deviations.section(unexplained)])
    assert f"{len(unexplained.unexplained)} numbers deviate from the paper and nobody" in text
    assert "Unexplained: no reason in deviations.toml fits." in text


def test_the_command_prints_one_document(written: tuple[dict[str, Any], Path]) -> None:
    document, directory = written
    assert {
        "table",
        "paper",
        "cells",
        "comparisons",
        "advantages",
        "deviations",
        "unexplained",
        "written",
    } <= set(document)
    rows = {(row["quantity"], row["device"], row["model"]): row for row in document["comparisons"]}
    assert rows["r_on", "smtj", None]["deviation_percent"] == approx(0.0, abs=1e-9)
    assert rows["write_latency_training", "smtj", "neurosim"]["value"] == approx(100.0)
    assert document["unexplained"] == sum(not item["explained"] for item in document["deviations"])
    assert str(directory / "index.html") in document["written"]


def test_the_command_writes_pictures_that_show_something(written: tuple[dict[str, Any], Path]) -> None:
    _, directory = written
    pictures = sorted(directory.glob("*.png"))
    names = {"fig2_latency_neurosim", "fig2_energy_neurosim", "fig3_area", "fig4_oxide"}
    names |= {"wer_pulse", "rdr_voltage", "front_cores", f"front_{CELLS['smtj']}_0_85"}
    assert names <= {path.stem for path in pictures}
    for path in pictures:
        assert path.with_suffix(".svg").stat().st_size > 2000
        assert path.with_suffix(".pdf").stat().st_size > 2000
        assert path.with_suffix(".txt").read_text().endswith(".\n")
        pixels = matplotlib.image.imread(path)[..., :3]
        assert pixels.shape[1] > 900
        assert np.std(pixels) > 0.02, path.name


def test_the_tables_fit_80_columns(tmp_path: Path, results: Results) -> None:
    from rich.console import Console

    from neuro.report.console import show

    with (tmp_path / "out.txt").open("w", encoding="utf-8") as file:
        show(results, Console(file=file, width=80))
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80
    # An ellipsis would mean that a number was cut.
    assert "…" not in text
    for word in ("NOTE: a note", "Table II", "Table III", "DMTJ against SMTJ", "UNEXPLAINED"):
        assert word in text


@pytest.mark.parametrize("missing", ["table", "traces"])
def test_what_is_missing_is_one_clear_line(tmp_path: Path, missing: str) -> None:
    if missing == "traces":
        write_bitcells(tmp_path / "bitcells.h5")
    arguments = ["report", "--tables", str(tmp_path / "bitcells.h5"), "--traces", str(tmp_path / "traces")]
    with pytest.raises(UserError) as caught:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "\n" not in str(caught.value)
    assert "mtj-flow characterize" in str(caught.value) or "mtj-neuro train" in str(caught.value)


def test_the_real_program_exits_with_1_and_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "neuro", "report", "--tables", str(tmp_path / "no.h5")]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    assert outcome.stderr.count("\n") == 1


class _Checker(HTMLParser):
    """Tags that are opened and closed in order, ids, and the targets of links within the page."""

    VOID = ("meta", "br", "img", "hr", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(attrs)
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(tag)

    def _attributes(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            text = value or ""
            if name == "id":
                self.ids.append(text)
            elif name in ("href", "xlink:href") and text.startswith("#"):
                self.targets.add(text[1:])
            self.targets |= set(re.findall(r"url\(#([^)]+)\)", text))
