"""Error rates per second per core, beside the ways one would write down first. Prints one JSON line.

(a) TR-BDF2 in time with a banded solve, one case at a time, on a grid and with steps that are common and
still less accurate; (b) counting stochastic trajectories to the promised relative error of 1e-3 at an
error rate of 1e-4. All in one process, CPU time; accuracy is measured against the stored independent
reference. Run as `python -m benchmarks.switching`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.linalg import solve_banded

from flow.device.fokker_planck import switching_probabilities
from flow.device.fokker_planck_kernel import fill_rates, fill_start
from flow.device.grid import grid
from flow.device.llg import DEFAULT_STEP, Macrospin
from flow.device.trajectories import plain_estimate

ROOT = Path(__file__).parents[1]
REFERENCE = json.loads((ROOT / "tests" / "reference" / "switching_reference.json").read_text())["cases"]
COLUMNS = ("delta", "z", "drive", "tau", "start")


def batch(count: int, seed: int) -> list[np.ndarray]:
    """`count` cases like those of the reference, on five nodes, each somewhat different."""
    generator = np.random.default_rng(seed)
    z = np.linspace(-1.0, 1.0, 5)
    chosen = [REFERENCE[k] for k in generator.integers(0, len(REFERENCE), count)]
    drive = []
    for case in chosen:
        nodes = case["z"] if len(case["z"]) > 1 else [-1.0, 1.0]
        drive.append(np.interp(z, nodes, np.broadcast_to(case["drive"], len(nodes))))
    near = generator.uniform(0.98, 1.02, count)
    return [
        np.array([case["delta"] for case in chosen]) * near,
        np.tile(z, (count, 1)),
        np.array(drive),
        np.array([case["tau"] for case in chosen]),
        np.array([case["start"] for case in chosen], dtype=float),
    ]


def trbdf2(case: dict[str, object], cells: int, steps_per_tau: float) -> float:
    """The small probability of one case by TR-BDF2 on the same kind of finite volumes, forward in time."""
    z, drive = np.asarray(case["z"], float), np.asarray(case["drive"], float)
    if z.size == 1:
        z, drive = np.array([-1.0, 1.0]), np.repeat(drive, 2)
    if case["start"] == -1:
        z, drive = -z[::-1], -drive[::-1]
    mesh = grid(cells)
    down, up, mass = np.empty(cells), np.empty(cells), np.empty(cells)
    fill_rates(case["delta"], z, drive, mesh.nodes, mesh.volumes, mesh.conductances, down, up)
    fill_start(case["delta"], mesh.faces, mass)
    count = max(8, int(np.ceil(case["tau"] * steps_per_tau)))
    step = case["tau"] / count
    gamma = 2.0 - np.sqrt(2.0)
    diagonal = -(down + up)

    def applied(p: np.ndarray) -> np.ndarray:
        result = diagonal * p
        result[1:] += up[:-1] * p[:-1]
        result[:-1] += down[1:] * p[1:]
        return result

    bands = np.zeros((3, cells))
    weight = 0.5 * gamma * step
    bands[0, 1:], bands[1], bands[2, :-1] = -weight * down[1:], 1.0 - weight * diagonal, -weight * up[:-1]
    for _ in range(count):
        middle = solve_banded((1, 1), bands, mass + weight * applied(mass))
        right = (middle - (1.0 - gamma) ** 2 * mass) / (gamma * (2.0 - gamma))
        mass = solve_banded((1, 1), bands, right)
    wanted = mesh.nodes > 0 if "stay" in case else mesh.nodes < 0
    return float(mass[wanted].sum())


def main() -> None:
    torch.set_num_threads(1)
    switching_probabilities(*(column[:16] for column in batch(16, 0)))  # compiled before the clock starts
    off = []
    for case in REFERENCE:
        found = switching_probabilities(*(case[key] for key in COLUMNS))
        value = float(found.stay if "stay" in case else found.leave)
        off.append(abs(value / case.get("stay", case.get("leave")) - 1.0))
    columns = batch(4000, 1)
    begin = time.process_time()
    found = switching_probabilities(*columns)
    rate = len(columns[0]) / (time.process_time() - begin)

    some = REFERENCE[:: len(REFERENCE) // 8][:8]
    begin = time.process_time()
    naive = [trbdf2(case, 512, 200.0) for case in some]
    naive_rate = len(some) / (time.process_time() - begin)
    naive_off = [
        abs(p / case.get("stay", case.get("leave")) - 1.0) for p, case in zip(naive, some, strict=True)
    ]

    spin = Macrospin(60.0, [-1.0, 1.0], [2.2, 2.2])
    tau = 3.1  # 0.7 ns for tau_D = 0.225 ns
    plain_estimate(spin, tau, 100, seed=1)
    begin = time.process_time()
    counted = plain_estimate(spin, tau, 40000, seed=1)
    trajectories = 40000 / (time.process_time() - begin)
    expected = float(switching_probabilities(60.0, [-1.0, 1.0], [2.2, 2.2], tau, 1).stay)
    seconds = 1.0 / (1e-4 * 1e-3**2) / trajectories

    sys.stdout.write(
        json.dumps(
            {
                "benchmark": "switching",
                "error_rates_per_second_per_core": round(rate),
                "largest_relative_error": float(f"{max(off):.2g}"),
                "p90_relative_error": float(f"{np.quantile(off, 0.9):.2g}"),
                "estimated_error_max": float(f"{found.error.max():.2g}"),
                "reference_cases": len(REFERENCE),
                "trbdf2_per_second": float(f"{naive_rate:.3g}"),
                "trbdf2_largest_relative_error": float(f"{max(naive_off):.2g}"),
                "ratio_to_trbdf2": round(rate / naive_rate),
                "llg_trajectories_of_3.1_tau_d_per_second_per_core": round(trajectories),
                "llg_step_tau_d": DEFAULT_STEP,
                "llg_off_in_standard_errors": round(
                    (counted.probability - expected) / np.sqrt(expected / 40000), 2
                ),
                "llg_seconds_for_1e-4_at_1e-3": float(f"{seconds:.3g}"),
                "ratio_to_llg_at_1e-4_at_1e-3": float(f"{seconds * rate:.3g}"),
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
