"""The junctions, compiled once per session by the project's compiler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flow.toolchain.ngspice import find_ngspice
from flow.toolchain.openvaf import find_openvaf
from tests.veriloga.simulate import Simulator

SOURCES = Path(__file__).parents[2] / "veriloga"


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    folder = tmp_path_factory.mktemp("osdi")
    for kind in ("smtj", "dmtj"):
        subprocess.run(
            [find_openvaf().executable, SOURCES / f"{kind}.va", "-o", folder / f"{kind}.osdi"],
            check=True,
            capture_output=True,
        )
    return Simulator(find_ngspice().executable, folder)
