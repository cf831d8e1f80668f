"""The page in a real browser, where there is one: nothing sticks out, nothing is refused or fetched."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from neuro.report.bitcells import open_bitcells
from neuro.report.deviation import packaged_reasons
from neuro.report.fronts import cell_fronts
from neuro.report.page import render
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.sections import sections
from tests.neuro.report.material import CELLS, add_limits, full_table, run, write_full

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
]
# Headless windows are at least 500 wide, so the narrow page lives in a frame.
# Headless windows are at least 500 wide, so the narrow page lives in a frame.
FRAME = """<!doctype html><iframe src="page.html" width="{width}" height="4000"></iframe><script>
onload = () => {{ const page = document.querySelector("iframe").contentDocument;
const box = (one) => one.getBoundingClientRect();
const wide = [...page.querySelectorAll("figure, p, h1, h2, nav, svg, .scroll, .failed, .alarm")]
  .filter(one => box(one).right > {width} + 1).map(one => one.tagName);
const style = (one) => getComputedStyle(one);
document.title = JSON.stringify({{
  page: page.documentElement.scrollWidth, wide: wide,
  scales: [...page.querySelectorAll("figure svg")].map(one => box(one).width / one.viewBox.baseVal.width),
  failed: [...page.querySelectorAll(".failed")].map(one => one.textContent),
  ink: style(page.querySelector("figure svg")).color,
  back: style(page.body).backgroundColor }}); }}</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1400, "light")])
def test_the_page_fits_and_has_no_errors(tmp_path: Path, width: int, scheme: str) -> None:
    runs = [run(device, model) for device in ("smtj", "dmtj") for model in ("neurosim", "physical")]
    # One limit is violated: that has to be seen as well.
    table = full_table()
    add_limits(table.cells[CELLS["smtj"]]["0.85"], rdr=1e-10)
    write_full(tmp_path, table)
    cells = open_bitcells(tmp_path / "bitcells.h5")
    results = Results(cells, runs, Paper(), packaged_reasons(), (), cell_fronts([], cells))
    (tmp_path / "page.html").write_text(render(results, sections(results)), encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    command = [
        str(BROWSER),
        *FLAGS,
        f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--allow-file-access-from-files",
    ]
    command += ["--dump-dom", "--window-size=1500,4000", f"file://{tmp_path / 'frame.html'}"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*)</title>", outcome.stdout)
    assert title is not None, outcome.stdout[:500]
    found = json.loads(html.unescape(title[1]))
    assert found["page"] <= width
    assert found["wide"] == []
    assert found["failed"] == ["✗ FAIL"]
    # CSS pixels for a point of the drawing, whose smallest letters are 6 points high.
    assert len(found["scales"]) >= 15
    assert min(found["scales"]) * 6.0 > 7.5
    ink, back = (
        np.mean([int(part) for part in re.findall(r"\d+", found[key])[:3]]) for key in ("ink", "back")
    )
    assert (ink - back > 150) if scheme == "dark" else (back - ink > 150)
    # A refused or failed request, or a script error, is a line of the page's console.
    assert [line for line in outcome.stderr.splitlines() if "CONSOLE" in line] == []


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_the_page_prints(tmp_path: Path) -> None:
    write_full(tmp_path)
    cells = open_bitcells(tmp_path / "bitcells.h5")
    results = Results(cells, [run(), run("dmtj")], Paper(), packaged_reasons(), (), cell_fronts([], cells))
    (tmp_path / "page.html").write_text(render(results, sections(results)), encoding="utf-8")
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--print-to-pdf={tmp_path / 'page.pdf'}", f"file://{tmp_path / 'page.html'}"]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    pages = len(re.findall(rb"/Type /Page\b", (tmp_path / "page.pdf").read_bytes()))
    assert 4 <= pages <= 25
