"""`mtj-flow error-rate CASES.json`: error rates of dimensionless load lines, from any program."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from flow.document import load_json, parse_json
from flow.errors import UserError

KEYS = ("delta", "z", "drive", "tau", "start")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("error-rate")(error_rate)


def error_rate(
    cases: Annotated[
        Path, typer.Argument(metavar="CASES.json", help="JSON list of cases; - reads standard input.")
    ],
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    tolerance: Annotated[
        float, typer.Option(help="Wanted relative error; a looser one is faster.", min=1e-6, max=0.1)
    ] = 3e-4,
) -> None:
    """Switching probabilities of load lines, from the Fokker-Planck equation.

    A case is {"delta": 60, "z": [-1, 1], "drive": [2.1, 2.4], "tau": 6, "start": 1}, all dimensionless:
    thermal stability, nodes of m_z, reduced drive there (linear between; positive pushes towards z = -1),
    pulse width over tau_D, starting side. "stay" is the write error rate, "leave" the read disturb rate.
    """
    name = "standard input" if str(cases) == "-" else str(cases)
    results = solve(read(name, cases), name, tolerance)
    if json_output:
        sys.stdout.write(json.dumps([{"stay": r[0], "leave": r[1]} for r in results]) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("case", "stay", "leave", "numerical error")
    for index, (stay, leave, error) in enumerate(results):
        table.add_row(str(index), f"{stay:.6g}", f"{leave:.6g}", f"{error:.1e}")
    Console().print(table)


def read(name: str, path: Path) -> list[dict[str, Any]]:
    """The list of cases in the file; UserError if it is no such list."""
    content = parse_json(sys.stdin.read(), name) if name == "standard input" else load_json(path)
    if not isinstance(content, list):
        raise UserError("must hold a JSON list of cases", file=name)
    return content


def solve(cases: list[Any], name: str, tolerance: float = 3e-4) -> list[tuple[float, float, float]]:
    """(stay, leave, estimated relative error) of each case; UserError names the first bad one."""
    import numpy as np

    from flow.device.fokker_planck import switching_probabilities
    from flow.device.load_line import CaseError, checked

    groups: dict[int, list[int]] = defaultdict(list)
    for index, case in enumerate(cases):
        place = f"case {index}"
        if not isinstance(case, dict):
            raise UserError("must be an object with " + ", ".join(KEYS), file=name, key=place)
        for key in KEYS:
            if key not in case:
                raise UserError(f"{key} is missing", file=name, key=place)
        for key in case:
            if key not in KEYS:
                raise UserError(f"unknown key {key!r}", file=name, key=place)
        for key in ("delta", "tau", "start"):
            if not _is_number(case[key]):
                raise UserError(f"{key} must be a number", file=name, key=place)
        for key in ("z", "drive"):
            if not isinstance(case[key], list) or not all(_is_number(x) for x in case[key]):
                raise UserError(f"{key} must be a list of numbers", file=name, key=place)
        if len(case["z"]) != len(case["drive"]):
            message = f"z has {len(case['z'])} nodes but drive has {len(case['drive'])} values"
            raise UserError(message, file=name, key=place)
        if not case["z"]:
            raise UserError("z must have at least one node", file=name, key=place)
        groups[len(case["z"])].append(index)
    columns = {
        size: [np.array([cases[index][key] for index in indices], dtype=float) for key in KEYS]
        for size, indices in groups.items()
    }
    refused = []
    for size, indices in groups.items():
        try:
            checked(*columns[size])
        except CaseError as error:
            refused.append((indices[error.index], error.message))
    if refused:
        index, message = min(refused)
        raise UserError(message, file=name, key=f"case {index}")
    results: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)] * len(cases)
    for size, indices in groups.items():
        found = switching_probabilities(*columns[size], tolerance=tolerance)
        for row, index in enumerate(indices):
            results[index] = (float(found.stay[row]), float(found.leave[row]), float(found.error[row]))
    return results


def _is_number(value: object) -> bool:
    # NaN passes: it gets its own message. An integer that no float can hold does not.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) < 1 << 1000
