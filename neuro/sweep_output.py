"""What a sweep leaves: CSV and HDF5 tables and a plot."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flow.table import UserError, replace_file
from neuro.sweep import MERITS, OBJECTIVES, SweepResult


def table(result: SweepResult) -> dict[str, npt.NDArray[Any]]:
    """The result as columns, one row a point: axes, merits with unit, breakdown, `pareto`, `status`."""
    columns: dict[str, npt.NDArray[Any]] = {}
    indices = np.indices(result.status.shape).reshape(len(result.sweep.axes), -1)
    for axis, index in zip(result.sweep.axes, indices, strict=True):
        columns[axis.path] = np.asarray(axis.values)[index]
    for name, (unit, _) in MERITS.items():
        columns[f"{name}_{unit}"] = result.merits[name].reshape(-1)
    for name, value in result.breakdown.items():
        columns[name] = value.reshape(-1)
    columns["pareto"] = result.pareto.reshape(-1).astype(np.int64)
    status = result.status.reshape(-1)
    words = np.array(["ok", *(f"{path} {message}" for path, message in result.checks)], dtype=object)
    columns["status"] = words[status]
    return columns


def write_csv(result: SweepResult, path: str | Path) -> None:
    """One row a point; figures of points that cannot be built are empty, `status` says why."""
    columns = table(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    lists = [values.tolist() for values in columns.values()]
    for row in zip(*lists, strict=True):
        writer.writerow(["" if item != item else item for item in row])
    replace_file(path, text.getvalue().encode())


def write_hdf5(result: SweepResult, path: str | Path) -> None:
    """One dataset a figure over the axes as dimension scales, with units; `status` with its meanings."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest", track_order=True) as file:
        file.attrs["title"] = "Sweep of synaptic cores"
        file.attrs["schema_name"] = "mtjflow-sweep"
        file.attrs["schema_version"] = "1"
        file.attrs["model"] = result.sweep.model
        file.attrs["pareto_objectives"] = ", ".join(result.sweep.objectives)
        scales = []
        for axis in result.sweep.axes:
            name = axis.path.replace(".", "_")
            if axis.named:
                scale = file.create_dataset(name, data=list(axis.values), dtype=h5py.string_dtype())
            else:
                scale = file.create_dataset(name, data=np.asarray(axis.values))
                scale.attrs["units"] = _unit(axis.path)
            scale.attrs["long_name"] = axis.path
            scale.make_scale(name)
            scales.append(scale)

        def add(group: Any, name: str, values: npt.NDArray[Any], unit: str, long_name: str) -> Any:
            data = group.create_dataset(name, data=np.ascontiguousarray(values))
            data.attrs["units"] = unit
            data.attrs["long_name"] = long_name
            for place, scale in enumerate(scales):
                data.dims[place].attach_scale(scale)
            return data

        for name, (unit, _) in MERITS.items():
            add(file, name, result.merits[name], unit, name.replace("_", " "))
        for name, values in result.breakdown.items():
            kind, _, block = name.partition(".")
            block, _, unit = block.rpartition("_")
            long_name = f"{kind.replace('_', ' ')} of {block.replace('_', ' ')}"
            add(file.require_group(f"breakdown/{kind}"), block, values, unit, long_name)
        pareto = add(file, "pareto", result.pareto.astype(np.int8), "1", "no other point is better in all")
        pareto.attrs["flag_values"] = np.array([0, 1], dtype=np.int8)
        pareto.attrs["flag_meanings"] = "dominated optimal"
        status = add(file, "status", result.status, "1", "0, or why the point cannot be built")
        status.attrs["flag_values"] = np.arange(len(result.checks) + 1)
        status.attrs["flag_meanings"] = " ".join(
            ["ok", *(path.replace(" ", "_") for path, _ in result.checks)]
        )
    replace_file(path, buffer.getvalue())


def _unit(path: str) -> str:
    field = path.rpartition(".")[2]
    for suffix, unit in (
        ("_ohm_per_m", "ohm/m"),
        ("_A_per_m", "A/m"),
        ("_F_per_m", "F/m"),
        ("_ohm", "ohm"),
        ("_Hz", "Hz"),
        ("_m", "m"),
        ("_V", "V"),
        ("_s", "s"),
        ("_J", "J"),
        ("_F", "feature size"),
    ):
        if field.endswith(suffix):
            return unit
    return "1"


SHOWN = {"m2": ("um$^2$", 1e12), "s": ("ns", 1e9), "J": ("fJ", 1e15), "W": ("uW", 1e6)}
"""Unit and factor in which a plot shows an SI unit."""


def plot(result: SweepResult, path: str | Path) -> None:
    """The first three objectives: colour, x and y; the Pareto-optimal points ringed (PNG, SVG or PDF).

    With fewer objectives the default ones fill up. Raises UserError if no point can be built.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    kind = Path(path).suffix.lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise UserError("a plot is a .png, .svg or .pdf file", file=path)
    good = (result.status == 0).reshape(-1)
    if not good.any():
        raise UserError("no point of the sweep can be built; there is nothing to plot", file=path)
    names = list(dict.fromkeys((*result.sweep.objectives, *OBJECTIVES)))[:3]
    values, labels = [], []
    for name in names:
        unit, factor = SHOWN[MERITS[name][0]]
        values.append(result.merits[name].reshape(-1)[good] * factor)
        labels.append(f"{name.replace('_', ' ')} ({unit})")
    colour, x, y = values
    best = result.pareto.reshape(-1)[good]
    # Points that only differ in what is not shown lie on each other; the optimal ones belong on top.
    order = np.argsort(best, kind="stable")

    figure = Figure(figsize=(7.0, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    low, high = float(colour.min()), float(colour.max())
    norm = LogNorm(low, high if high > low else low * 1.01)
    points = axes.scatter(x[order], y[order], c=colour[order], s=14, cmap="viridis", norm=norm, linewidths=0)
    rings = f"Pareto-optimal in {', '.join(name.replace('_', ' ') for name in result.sweep.objectives)}"
    axes.scatter(x[best], y[best], s=46, facecolors="none", edgecolors="crimson", linewidths=1.1, label=rings)
    axes.set(xscale="log", yscale="log", xlabel=labels[1], ylabel=labels[2])
    axes.set_title(f"{int(good.sum())} synaptic cores, {result.sweep.model} model", fontsize=10)
    for axis in (axes.xaxis, axes.yaxis):
        # 20, 30 and 60 instead of 2 x 10^1, which would run into each other on less than a decade.
        axis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    axes.grid(which="major", alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower center", frameon=False)
    figure.colorbar(points, ax=axes, label=labels[0])
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=160)
    replace_file(path, buffer.getvalue())
