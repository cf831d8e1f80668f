"""The manual in a real browser, where there is one: no page is wider than a phone, equations are drawn."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.test_site import build

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
    *("--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND"),
]
# Headless windows are at least 500 wide, so the pages live in frames.
FRAMES = """<!doctype html>{frames}<script>
onload = () => {{ document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => {{
const page = frame.contentDocument, box = (one) => one.getBoundingClientRect();
return {{ page: frame.id, width: page.documentElement.scrollWidth,
  heights: [...page.querySelectorAll("math")].map(one => box(one).height),
  plain: page.body.innerText.match(/\\\\\\w+\\{{|\\$\\$/g) }}; }})); }}</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [400, 1400])
def test_every_page_fits_and_draws_its_equations(tmp_path: Path, width: int) -> None:
    site = tmp_path / "site"
    assert build(ROOT, site).returncode == 0
    names = sorted(page.relative_to(site).as_posix() for page in site.rglob("index.html"))
    frames = "".join(f'<iframe id="{n}" src="{n}" width="{width}" height="3000"></iframe>' for n in names)
    (site / "frames.html").write_text(FRAMES.format(frames=frames), encoding="utf-8")
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--dump-dom", "--window-size=1500,4000", f"file://{site / 'frames.html'}"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    title = re.search(r"<title>(\[.*?)</title>", outcome.stdout)
    assert title is not None, outcome.stdout[:500]
    pages = json.loads(html.unescape(title[1]))
    assert len(pages) == len(names)
    assert [page["page"] for page in pages if page["width"] > width] == []
    heights = [height for page in pages for height in page["heights"]]
    assert len(heights) > 150
    # A line of text is about 20 high, an equation that was not drawn nothing or the whole page.
    assert all(8 < height < 200 for height in heights)
    assert [page["page"] for page in pages if page["plain"]] == []
    assert [line for line in outcome.stderr.splitlines() if "CONSOLE" in line and "rror" in line] == []
