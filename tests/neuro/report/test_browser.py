"""The page in a real browser, where there is one: nothing sticks out, nothing is refused or fetched."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from neuro.report.deviation import packaged_reasons
from neuro.report.page import render
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.sections import sections
from tests.neuro.report.material import bitcells, run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
]
# Headless windows are at least 500 wide, so the narrow page lives in a frame.
FRAME = """<!doctype html><iframe src="page.html" width="{width}" height="4000"></iframe><script>
onload = () => {{ const page = document.querySelector("iframe").contentDocument;
const wide = [...page.querySelectorAll("figure, p, h1, h2, nav, svg, .scroll")]
  .filter(one => one.getBoundingClientRect().right > {width} + 1).map(one => one.tagName);
document.title = "overflow " + page.documentElement.scrollWidth + " " + wide + " end"; }}</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_fits_and_has_no_errors(tmp_path: Path, width: int) -> None:
    runs = [run(device, model) for device in ("smtj", "dmtj") for model in ("neurosim", "physical")]
    results = Results(bitcells(tmp_path), runs, Paper(), packaged_reasons())
    (tmp_path / "page.html").write_text(render(results, sections(results)), encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    command = [
        str(BROWSER),
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--allow-file-access-from-files",
    ]
    command += ["--dump-dom", "--window-size=1500,4000", f"file://{tmp_path / 'frame.html'}"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<title>overflow (\d+) (.*) end</title>", outcome.stdout)
    assert found is not None, outcome.stdout[:500]
    assert int(found[1]) <= width
    assert found[2] == ""
    # A refused or failed request, or a script error, is a line of the page's console.
    assert [line for line in outcome.stderr.splitlines() if "CONSOLE" in line] == []
