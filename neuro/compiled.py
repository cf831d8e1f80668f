"""The estimator as one compiled loop: its formulas, recorded once and fused, for millions of points.

The loop is generated from the very functions that evaluate arrays, in their order of operations; numba
compiles it without relaxed floating-point rules. Source and machine code are kept in the user's cache
directory under the hash of the source, so that a changed formula is compiled anew.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from neuro.array import evaluate_arrays
from neuro.circuit.expression import Recorder, text_of
from neuro.circuit.namespace import numeric_fields
from neuro.model import Model
from neuro.technology import Cell, Core, Fin, Technology

Kernel = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], None]


@dataclasses.dataclass(frozen=True)
class RecordedCore:
    """Source of a loop over points, `kernel(x, out)`; rows of `x` and `out` are `inputs` and `figures`."""

    source: str
    inputs: tuple[str, ...]
    figures: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class CompiledCore(RecordedCore):
    """The same with its machine code, for contiguous float64 arrays."""

    kernel: Kernel


def _recorded(kind: Any, prefix: str, recorder: Recorder, inputs: list[str], fin: bool) -> Any:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        path = f"{prefix}{field.name}"
        if field.name == "fin":
            values[field.name] = _recorded(Fin, f"{path}.", recorder, inputs, fin) if fin else None
        elif not isinstance(field.default, str):
            values[field.name] = recorder.record(f"x[{len(inputs)}, i]")
            inputs.append(path)
    return kind(**values)


def recorded_core(model: Model, read_mode: str, fin: bool) -> RecordedCore:
    """The estimator for FinFET (`fin`) or planar technologies, as source."""
    recorder = Recorder()
    inputs: list[str] = []
    technology = _recorded(Technology, "technology.", recorder, inputs, fin)
    cell = _recorded(Cell, "cell.", recorder, inputs, fin)
    core = _recorded(Core, "core.", recorder, inputs, fin)
    with np.errstate(all="ignore"):
        estimate = evaluate_arrays(technology, cell, core, model, read_mode)
    figures = list(estimate.named_figures())
    lines = [
        "import math",
        "import numba",
        "import numpy as np",
        "",
        "",
        "@numba.njit('(f8[:, ::1], f8[:, ::1])', nogil=True, cache=True, error_model='numpy')",
        "def kernel(x, out):",
        "    for i in range(x.shape[1]):",
        *(f"        v{number} = {text}" for number, text in enumerate(recorder.operations)),
        *(f"        out[{row}, i] = {text_of(value)}" for row, (_, value) in enumerate(figures)),
    ]
    return RecordedCore("\n".join(lines) + "\n", tuple(inputs), tuple(name for name, _ in figures))


@functools.cache
def compiled_core(model: Model, read_mode: str, fin: bool) -> CompiledCore:
    """The compiled estimator; about ten seconds the first time on a machine."""
    recorded = recorded_core(model, read_mode, fin)
    return CompiledCore(recorded.source, recorded.inputs, recorded.figures, _load(recorded.source))


def _load(source: str) -> Kernel:
    name = f"mtjflow_core_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    folder = Path(platformdirs.user_cache_dir("mtjflow")) / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _written(folder / f"{name}.py", source)
    except OSError:
        file = _written(Path(tempfile.mkdtemp(prefix="mtjflow-")) / f"{name}.py", source)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # numba finds the machine code it kept by the module's name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    kernel: Kernel = module.kernel
    return kernel


def _written(file: Path, source: str) -> Path:
    if not (file.is_file() and file.read_text(encoding="utf-8") == source):
        # Renamed into place: another process may be importing it; its time is part of numba's key.
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".tmp", delete=False) as new:
            new.write(source)
        Path(new.name).replace(file)
    return file


def fill(recorded: RecordedCore, records: dict[str, Any], inputs: npt.NDArray[np.float64]) -> None:
    """Write the fields of the records (by part: technology, cell, core) into the rows of `inputs`."""
    values: dict[str, Any] = {}
    for part, record in records.items():
        for name, value in numeric_fields(record):
            if dataclasses.is_dataclass(value):
                values |= {f"{part}.{name}.{key}": item for key, item in numeric_fields(value)}
            else:
                values[f"{part}.{name}"] = value
    for row, path in zip(inputs, recorded.inputs, strict=True):
        row[:] = values[path]
