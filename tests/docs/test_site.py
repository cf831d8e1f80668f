"""The manual as a site: builds strictly, draws its equations itself, and asks nobody for anything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import ROOT


def build(project: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """mkdocs as `make docs` calls it."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=project,
        env={"PATH": "", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    """A copy of the manual's sources, to break."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    return tmp_path


class _Requests(HTMLParser):
    """Addresses that a browser loads without being asked, and the equations of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.equations = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what is loaded; a link that a person follows is not."""
        values = dict(attrs)
        self.equations += tag == "math"
        if tag == "link" and values.get("rel") in ("canonical", "prev", "next"):
            return
        address = values.get("src") or (values.get("href") if tag == "link" else None)
        if address is not None:
            self.loaded.append(address)


def test_the_manual_builds_and_needs_no_network(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    pages = {page.relative_to(tmp_path).as_posix(): page.read_text() for page in tmp_path.rglob("*.html")}
    sources = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert len(pages) == len(sources) + 1  # 404.html
    equations = 0
    for name, text in pages.items():
        found = _Requests()
        found.feed(text)
        outside = [address for address in found.loaded if re.match(r"(https?:)?//", address)]
        assert outside == [], name
        # Neither an equation that was not drawn nor a snippet that was not put in.
        assert "arithmatex" not in text, name
        assert "--8" not in text, name
        equations += found.equations
    assert equations > 150
    for example in (ROOT / "docs/examples").glob("*.py"):
        assert (tmp_path / "examples" / example.name).is_file()
    left_out = ("make_commands.py", "__pycache__", "examples/ruff.toml")
    assert not any((tmp_path / name).exists() for name in left_out)


def test_every_dead_end_is_told(manual: Path) -> None:
    with (manual / "docs/index.md").open("a") as page:
        page.write("\n[x](nowhere.md) [x](cells.md#no-such-heading) [x](/cells.md)\n")
    (manual / "docs/forgotten.md").write_text("# Forgotten\n")
    with (manual / "mkdocs.yml").open("a") as menu:
        menu.write("  - Gone: gone.md\n")
    done = build(manual, manual / "site")
    assert done.returncode != 0
    for said in ("nowhere.md", "no-such-heading", "'/cells.md'", "forgotten.md", "gone.md"):
        assert said in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('```\n--8<-- "nowhere.py"\n```', "nowhere.py"),
        ("$$\n\\nosuchthing{x}\n$$", "nosuchthing"),
        ("$$\na &= b\n$$", "a &= b"),
    ],
    ids=["a snippet of no file", "an unknown command", "an alignment outside a table"],
)
def test_what_cannot_be_put_in_stops_the_build(manual: Path, text: str, said: str) -> None:
    (manual / "docs/index.md").write_text(text)
    done = build(manual, manual / "site")
    assert done.returncode != 0
    assert said in done.stderr
