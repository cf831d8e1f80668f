"""A small project of its own, beside the real compiler and the real BSIM-CMG sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flow.toolchain import build_models, project_root

RESISTOR = """`include "constants.vams"
`include "disciplines.vams"
module {name}(a, b);
  inout a, b;
  electrical a, b;
  `include "include/law.include"
endmodule
"""
LAW = """  parameter real r = 2000.0 from (0:inf);
  analog I(a, b) <+ V(a, b) / r;
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two linear resistors sharing an include; BSIM-CMG is there and compiled, as after `make setup`."""
    real = project_root()
    build_models(real)
    root = tmp_path / "project"
    shutil.copytree(real / "build/third_party/bsimcmg", root / "build/third_party/bsimcmg")
    (root / "build/osdi").mkdir()
    for suffix in ("osdi", "json"):
        shutil.copy(real / f"build/osdi/bsimcmg.{suffix}", root / "build/osdi")
    shutil.copy(real / "constraints.txt", root)
    (root / "spice").mkdir()
    (root / "veriloga/include").mkdir(parents=True)
    (root / "veriloga/include/law.include").write_text(LAW)
    for name in ("one", "two"):
        (root / f"veriloga/{name}.va").write_text(RESISTOR.format(name=name))
    return root
