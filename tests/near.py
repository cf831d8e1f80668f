"""Comparison of numbers in SI units."""

from __future__ import annotations

from typing import Any

import pytest


def approx(expected: Any, *, rel: float = 1e-6, **more: Any) -> Any:
    """`pytest.approx` without its absolute tolerance of 1e-12, in which all energies of cells are equal."""
    return pytest.approx(expected, **{"abs": 0.0, "rel": rel, **more})  # noqa: TID251
