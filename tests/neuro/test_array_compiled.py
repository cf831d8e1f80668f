"""The compiled loop computes what the arrays compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from neuro.array import SynapticCore
from neuro.batch import evaluate_many
from neuro.compiled import fill, recorded_core
from neuro.estimate import Estimate
from neuro.model import MODELS
from tests.near import approx
from tests.neuro.designs import random_design


def _assert_equal(a: Estimate, b: Estimate) -> None:
    np.testing.assert_array_equal(a.status, b.status)
    for (name, x), (_, y) in zip(a.named_figures(), b.named_figures(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-13, atol=0, err_msg=name)


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("read_mode", ["parallel", "row"])
@pytest.mark.parametrize("fin", [True, False])
def test_the_recorded_formulas_run_as_plain_python(model: str, read_mode: str, fin: bool) -> None:
    technology, cell, core = random_design(12, fin)
    core.rows[3] = 0.0  # refused
    core.column_mux[5] = 300.0
    recorded = recorded_core(MODELS[model], read_mode, fin)
    inputs = np.empty((len(recorded.inputs), 12))
    fill(recorded, {"technology": technology, "cell": cell, "core": core}, inputs)
    namespace: dict[str, Any] = {"math": math, "np": np}
    loop = recorded.source[recorded.source.index("def kernel") :]
    # Only the numbers of one run: what numba does with the same text is the slow test below.
    exec(loop, namespace)  # noqa: S102
    figures = np.full((len(recorded.figures), 12), 7.0)
    expected = SynapticCore(technology, cell, core, model, read_mode).evaluate(on_error="status")
    refused = expected.status > 0
    assert refused[3]
    assert refused[5]
    for i in np.flatnonzero(~refused):
        namespace["kernel"](inputs[:, i : i + 1], figures[:, i : i + 1])
    for row, (name, value) in zip(figures, expected.named_figures(), strict=True):
        np.testing.assert_allclose(row[~refused], value[~refused], rtol=1e-13, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(MODELS))
def test_the_compiled_loop_gives_the_figures_of_the_arrays(model: str) -> None:
    designs = random_design(20_000, True)
    designs[2].rows[::100] = 0.0
    designs[1].r_on_ohm[1::100] = np.nan
    designs[1].r_access_ohm[2::100] = 1.0
    arrays = evaluate_many(*designs, model, compiled=False)
    one = evaluate_many(*designs, model, compiled=True)
    two = evaluate_many(*designs, model, compiled=True, jobs=2)
    assert (arrays.status > 0).mean() == approx(0.03)
    _assert_equal(arrays, one)
    for (name, x), (_, y) in zip(one.named_figures(), two.named_figures(), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=name)
