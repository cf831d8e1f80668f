"""What several tests need: the project's own cells on the bench, and a copy of the project to break."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flow.measure.bench import Bench
from flow.spec import load_card, load_cell, load_device, select_variant
from flow.toolchain import build_models

ROOT = Path(__file__).parents[1]
CELLS = ("2t1mtj_rc_smtj", "2t1mtj_sc_dmtj")

MakeBench = Callable[..., Bench]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def osdi() -> tuple[Path, ...]:
    """The project's compiled models; compiled here if that has not happened yet."""
    return tuple(model.path for model in build_models(ROOT).values())


@pytest.fixture(scope="session")
def make_bench(osdi: tuple[Path, ...]) -> MakeBench:
    """Bench of a cell of the project: `make_bench(name, variant="0.85")`."""

    def make(name: str, variant: str = "0.85") -> Bench:
        file = ROOT / "spice" / "bitcells" / f"{name}.toml"
        spec = load_cell(file)
        return Bench(
            ROOT,
            name,
            variant,
            spec,
            select_variant(spec, variant, file),
            load_device(ROOT / "spice" / "devices" / f"{spec.device}.toml"),
            load_card(ROOT / "spice" / "models" / f"{spec.card}.toml"),
            osdi,
        )

    return make


@pytest.fixture
def project(tmp_path: Path, osdi: tuple[Path, ...]) -> Path:
    """A designer's copy of the project, compiled models included."""
    for name in ("spice", "veriloga"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("study.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "build").mkdir()
    for name in ("osdi", "third_party"):
        shutil.copytree(ROOT / "build" / name, tmp_path / "build" / name)
    return tmp_path


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a console script's module in a process of its own: `run(folder, "flow", "characterize")`."""

    def call(folder: Path, package: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
        return subprocess.run(
            [sys.executable, "-m", package, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return call
