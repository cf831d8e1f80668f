"""Rewriting a report: what an earlier one left goes, what is somebody else's stays."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from neuro.report.figures.style import Figure, canvas
from neuro.report.writer import write_files


def figure(name: str) -> Figure:
    drawn = canvas(1.0, 1.0)
    drawn.subplots().plot([0.0, 1.0])
    return Figure(name, "A line", "A line from corner to corner.", drawn)


def write(directory: Path, *names: str) -> list[Path]:
    return write_files([figure(name) for name in names], lambda: "the page", directory)


def test_every_figure_comes_as_png_svg_pdf_and_text_and_twice_the_same(tmp_path: Path) -> None:
    written = write(tmp_path, "a")
    assert [path.name for path in written] == ["a.png", "a.svg", "a.pdf", "a.txt", "index.html"]
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    write(tmp_path, "a")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_figures_that_are_no_more_go_and_everything_else_stays(tmp_path: Path) -> None:
    write(tmp_path, "a", "b")
    (tmp_path / "notes.txt").write_text("mine")
    # Somebody went on with one of the figures.
    (tmp_path / "b.svg").write_text("<svg>edited</svg>")
    (tmp_path / "b.pdf").unlink()
    (tmp_path / "b.pdf").symlink_to(tmp_path / "notes.txt")
    written = write(tmp_path, "a")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {path.name for path in written} | {"files.json", "notes.txt", "b.svg", "b.pdf"}


@pytest.mark.parametrize("content", ["no json", "[]", '{"sha256": [1]}', '{"sha256": {"a": 1, "": ""}}'])
def test_a_bad_list_is_no_list(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").write_text("keep")
    (tmp_path / "files.json").write_text(content)
    write(tmp_path)
    assert (tmp_path / "a").read_text() == "keep"


def test_a_list_reaches_no_other_folder(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("keep")
    (tmp_path / "report").mkdir()
    digest = hashlib.sha256(b"keep").hexdigest()
    names = ("../victim.txt", str(victim), "sub/../../victim.txt", "..")
    (tmp_path / "report" / "files.json").write_text(json.dumps({"sha256": dict.fromkeys(names, digest)}))
    write(tmp_path / "report")
    assert victim.read_text() == "keep"
