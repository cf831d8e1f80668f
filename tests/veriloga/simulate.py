"""One batch run of ngspice with the compiled junctions."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Simulator:
    """ngspice with the junctions `smtj_va` and `dmtj_va`; decks and results go to `folder`."""

    ngspice: Path
    folder: Path

    def execute(self, circuit: str, commands: str) -> subprocess.CompletedProcess[str]:
        """Run the circuit at 300 K. Unlike the built-in 27 C, this is the temperature of the twin."""
        deck = f"""* junction test
.options temp=26.85
{circuit}
.model smtj smtj_va
.model dmtj dmtj_va
.control
set num_threads=1
set no_mem_check
pre_osdi {self.folder}/smtj.osdi
pre_osdi {self.folder}/dmtj.osdi
{commands}
.endc
.end
"""
        path = self.folder / "deck.cir"
        path.write_text(deck)
        return subprocess.run(
            [self.ngspice, "-b", path],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            check=False,
        )

    def run(self, circuit: str, analysis: str, vectors: list[str]) -> Columns:
        """The named vectors of one analysis (`dc ...` or `tran ...`), and its scale under the key `scale`."""
        (self.folder / "result.txt").unlink(missing_ok=True)
        commands = "\n".join(
            [
                f"save {' '.join(vectors)}",
                analysis,
                "set numdgt=15",
                "set wr_singlescale",
                f"wrdata result.txt {' '.join(vectors)}",
            ]
        )
        done = self.execute(circuit, commands)
        path = self.folder / "result.txt"
        assert path.exists(), done.stdout + done.stderr
        table = np.loadtxt(path, ndmin=2)
        assert table.shape[1] == len(vectors) + 1, done.stdout + done.stderr
        return dict(zip(["scale", *vectors], table.T, strict=True))
