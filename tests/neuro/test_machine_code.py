"""Kept machine code is found again, but not after an edit of any file that may be inside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numba
import pytest

from neuro import analog_kernel, kernel, machine_code


@pytest.mark.parametrize("name", ["analog_kernel", "clock", "kernel", "pulse", "random"])
def test_an_edit_of_any_part_gives_other_machine_code(name: str, tmp_path: Path) -> None:
    for file in machine_code.HERE.glob("*.py"):
        shutil.copy(file, tmp_path)
    before = machine_code.digest(tmp_path)
    assert before == machine_code.digest(machine_code.HERE)
    with (tmp_path / f"{name}.py").open("a", encoding="utf-8") as source:
        source.write("# edited\n")
    assert machine_code.digest(tmp_path) != before


def test_kernels_are_kept_under_the_hash_of_their_sources() -> None:
    folder = f"kernels-{machine_code.digest(machine_code.HERE)}"
    for function in (kernel.train, kernel.test, analog_kernel.train, analog_kernel.test):
        assert folder in Path(function.stats.cache_path).parts
    assert "kernels-" not in str(numba.config.CACHE_DIR)
