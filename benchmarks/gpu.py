"""What a CUDA device computes, how exactly, how fast; one JSON line, in less than five minutes.

`python benchmarks/gpu.py` runs the torch paths on `cuda` against the compiled CPU paths:
(a) Fokker-Planck error rates; (b) stochastic LLG at error rates of 1e-5 and 1e-6 against Fokker-Planck, with
binomial intervals; (c) the array estimator at the reference points and on many designs, with gradients;
(d) online learning with 1024 replicas, whose traces must be those of the CPU, bit for bit.
Without the device it says so and exits with 2. Needs no circuit simulator and no downloaded data: the images
are made here. `--device cpu` with small sizes exercises the same code.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# This directory holds a file `array.py`, which must not hide the standard library's module of that name.
sys.path = [str(ROOT), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import torch  # noqa: E402

SWITCHING = json.loads((ROOT / "tests" / "reference" / "switching_reference.json").read_text())["cases"]
ARRAYS = json.loads((ROOT / "tests" / "reference" / "array_reference.json").read_text())


def timed(run: Callable[[], Any], device: str) -> tuple[Any, float]:
    """Result and wall seconds, the device's queue included."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = run()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return result, time.perf_counter() - start


def error_rates(device: str, cases: int) -> dict[str, Any]:
    """(a) Fokker-Planck on the device against the compiled kernel."""
    from flow.device.fokker_planck import switching_probabilities

    random = np.random.default_rng(1)
    z = np.linspace(-1.0, 1.0, 5)
    chosen = [SWITCHING[k] for k in random.integers(0, len(SWITCHING), cases)]
    lines = []
    for case in chosen:
        nodes = case["z"] if len(case["z"]) > 1 else [-1.0, 1.0]
        lines.append(np.interp(z, nodes, np.broadcast_to(case["drive"], len(nodes))))
    columns: list[Any] = [
        np.array([case["delta"] for case in chosen]) * random.uniform(0.98, 1.02, cases),
        z,
        np.array(lines),
        np.array([case["tau"] for case in chosen]),
        np.array([case["start"] for case in chosen], dtype=float),
    ]
    switching_probabilities(
        *(column[:2] if np.ndim(column) and column is not z else column for column in columns)
    )
    own, own_seconds = timed(lambda: switching_probabilities(*columns), "cpu")
    # A name other than "cpu" asks for the torch path.
    name = "cpu:0" if device == "cpu" else device
    timed(
        lambda: switching_probabilities(*(c[:1] if c is not z else c for c in columns), device=name), device
    )
    found, seconds = timed(lambda: switching_probabilities(*columns, device=name), device)
    small, expected = np.minimum(found.stay, found.leave), np.minimum(own.stay, own.leave)
    off = np.abs(small / np.maximum(expected, 1e-300) - 1.0)[expected > 1e-13]
    return {
        "cases": cases,
        "largest_relative_difference": float(off.max()),
        "rates_per_s": cases / seconds,
        "cpu_rates_per_s": cases / own_seconds,
    }


def trajectories(device: str, targets: Sequence[float], budget: float, batch: int) -> list[dict[str, Any]]:
    """(b) Counted trajectories at the pulse widths where Fokker-Planck gives the error rates `targets`."""
    from flow.device.fokker_planck import switching_probabilities
    from flow.device.llg import Macrospin, simulate
    from flow.device.trajectories import binomial_interval

    delta, z, drive = 60.0, [-1.0, 1.0], [2.2, 2.2]
    spin = Macrospin(delta, z, drive)
    widths = np.linspace(1.5, 8.0, 131)[None, :]
    stay = switching_probabilities(delta, z, drive, widths, 1).stay.ravel()
    results = []
    for target in targets:
        tau = float(np.interp(-math.log(target), -np.log(stay), widths[0]))
        expected = float(np.ravel(switching_probabilities(delta, z, drive, tau, 1).stay)[0])
        events = done = 0
        start = time.perf_counter()
        while events < 400 and (done == 0 or time.perf_counter() - start < budget):
            final = simulate(spin, tau, batch, seed=7, first=done, device=device, backend="torch")
            events += int((final > 0.0).sum())
            done += batch
        seconds = time.perf_counter() - start
        low, high = binomial_interval(events, done)
        results.append(
            {
                "target": target,
                "tau": tau,
                "fokker_planck": expected,
                "counted": events / done,
                "interval": [low, high],
                "inside": low <= expected <= high,
                "trajectories": done,
                "trajectories_per_s": done / seconds,
                "seconds": seconds,
            }
        )
    return results


def _flat(document: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _sent(record: Any, device: str) -> Any:
    """A record of the estimator with its arrays on the device."""
    import dataclasses

    changes = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = _sent(value, device)
        elif not isinstance(value, str) and value is not None:
            changes[field.name] = torch.as_tensor(np.asarray(value, dtype=np.float64), device=device)
    return dataclasses.replace(record, **changes)


def estimator(device: str, points: int) -> dict[str, Any]:
    """(c) The array estimator: reference figures, points a second, gradients."""
    import dataclasses

    from neuro.array import SynapticCore
    from neuro.design import design_from_json

    worst, figures = 0.0, 0
    listed = ARRAYS["points"] if isinstance(ARRAYS, dict) else ARRAYS
    for point in listed:
        design = tuple(_sent(record, device) for record in design_from_json(point["design"]))
        computed = dict(_flat(SynapticCore(*design, "neurosim").evaluate().as_json()))  # type: ignore[arg-type]
        for name, expected in _flat(point["result"]):
            figures += 1
            worst = max(worst, abs(computed[name] - expected) / max(abs(expected), 1e-300))
    technology, cell, core = design_from_json(listed[0]["design"])
    random = np.random.default_rng(2)

    def spread(value: Any) -> Any:
        return float(value) * random.uniform(0.9, 1.1, points)

    technology = dataclasses.replace(technology, vdd_V=spread(technology.vdd_V))
    cell = dataclasses.replace(
        cell, r_on_ohm=spread(cell.r_on_ohm), r_off_ohm=2.5 * float(cell.r_on_ohm) + np.zeros(points)
    )
    core = dataclasses.replace(core, row_activity=random.uniform(0.0, 1.0, points))
    own, own_seconds = timed(lambda: SynapticCore(technology, cell, core).evaluate("status"), "cpu")
    sent = [_sent(record, device) for record in (technology, cell, core)]
    timed(lambda: SynapticCore(*sent).evaluate("status"), device)
    found, seconds = timed(lambda: SynapticCore(*sent).evaluate("status"), device)
    good = own.status == 0
    same = 0.0
    for (_, a), (_, b) in zip(own.named_figures(), found.named_figures(), strict=True):
        a, b = np.broadcast_to(a, own.status.shape)[good], b.detach().cpu().numpy()[good]
        same = max(same, float(np.max(np.abs(b - a) / np.maximum(np.abs(a), 1e-300), initial=0.0)))
    vdd = sent[0].vdd_V.clone().requires_grad_(True)
    estimate = SynapticCore(dataclasses.replace(sent[0], vdd_V=vdd), sent[1], sent[2]).evaluate("status")
    accepted = estimate.status == 0
    total = estimate.read_energy_per_batch_J["core"][accepted].sum()
    total.backward()
    return {
        "reference_figures": figures,
        "largest_relative_difference_to_reference": worst,
        "points": points,
        "largest_relative_difference_to_numpy": same,
        "points_per_s": points / seconds,
        "numpy_points_per_s": points / own_seconds,
        "gradients_finite": bool(torch.isfinite(vdd.grad[accepted]).all()),
        "gradients_not_zero": bool((vdd.grad[accepted] != 0.0).any()),
    }


def made_images(images: int, tests: int) -> Any:
    """A data set like cut MNIST: ten patterns of 400 pixels, about a quarter lit, with noise."""
    from neuro.dataset import Dataset, ImageSet

    random = np.random.default_rng(3)
    patterns = random.random((10, 400)) < 0.25

    def part(count: int) -> ImageSet:
        labels = random.integers(0, 10, count).astype(np.uint8)
        dense = patterns[labels] ^ (random.random((count, 400)) < 0.08)
        image, pixel = np.nonzero(dense)
        start = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(image, minlength=count), out=start[1:])
        return ImageSet(pixel.astype(np.int32), start, labels, 400)

    return Dataset(part(images), part(tests), 10)


def learning(device: str, model: str, replicas: int, images: int, compared: int) -> dict[str, Any]:
    """(d) Many replicas in one batch on the device, some of them again on the CPU."""
    from neuro.cells import paper_cells
    from neuro.network import Settings
    from neuro.tensor_network import TorchEngine
    from neuro.training import Run, train_all

    data = made_images(2000, 500)
    cell = next(one for one in paper_cells() if (one.name, one.variant) == ("dmtj", "0.85"))
    settings = Settings(model=model, images_per_epoch=images)
    start = time.perf_counter()
    runs = [Run(cell, settings, replica) for replica in range(replicas)]
    built = time.perf_counter() - start
    engine = TorchEngine(data, device)
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    order = [run.next_images(len(data.train), images) for run in runs]
    _, seconds = timed(lambda: engine.learn(runs, order), device)
    for run in runs:
        run.image += images
    right, test_seconds = timed(lambda: engine.examine(runs), device)
    for run, (clamped, free) in zip(runs, right, strict=True):
        run.close_epoch(clamped, free, len(data.test))
    assert engine.batch is not None
    state = engine.batch.state_bytes
    picked = sorted({int(k) for k in np.linspace(0, replicas - 1, compared)})
    again = [Run(cell, settings, replica) for replica in picked]
    train_all(again, data, 1, jobs=1)
    alike = all(_same(runs[replica], one) for replica, one in zip(picked, again, strict=True))
    accuracy = [run.records[-1].accuracy for run in runs]
    result = {
        "model": model,
        "replicas": replicas,
        "images": images,
        "same_traces_as_cpu": alike,
        "compared": len(picked),
        "accuracy_mean": float(np.mean(accuracy)),
        "images_per_s": replicas * images / seconds,
        "cpu_images_per_s_per_core": len(again) * images / sum(run.train_seconds for run in again),
        "seconds": seconds,
        "test_seconds": test_seconds,
        "build_seconds": built,
        "state_MiB": state / 2**20,
    }
    if device.startswith("cuda"):
        result["peak_MiB"] = torch.cuda.max_memory_allocated() / 2**20
    return result


def _same(one: Any, other: Any) -> bool:
    """Whether two runs are equal bit for bit: accuracy, events, what cells and weights hold."""
    same = [a.accuracy == b.accuracy for a, b in zip(one.records, other.records, strict=True)]
    for a, b in zip(one.network.events, other.network.events, strict=True):
        same += [np.array_equal(a.histogram, b.histogram), np.array_equal(a.counters, b.counters)]
    for place, (a, b) in enumerate(zip(one.network.arrays, other.network.arrays, strict=True)):
        synapses = one.settings.shapes[place][1]
        same += [np.array_equal(a.weights[:, :synapses], b.weights[:, :synapses])]
        same += [
            np.array_equal(getattr(a, name), getattr(b, name)) for name in ("digits", "actual", "current")
        ]
    return all(same)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0, or 2 where the device is missing, 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--cases", type=int, default=4000, help="error rates of (a)")
    parser.add_argument("--targets", type=float, nargs="*", default=[1e-5, 1e-6], help="error rates of (b)")
    parser.add_argument("--budget", type=float, default=40.0, help="seconds for each error rate of (b)")
    parser.add_argument("--batch", type=int, default=1 << 21, help="trajectories at a time")
    parser.add_argument("--points", type=int, default=200_000, help="designs of (c)")
    parser.add_argument("--replicas", type=int, default=1024, help="networks of (d)")
    parser.add_argument("--images", type=int, default=500, help="images that each network of (d) learns")
    parser.add_argument("--compared", type=int, default=8, help="networks of (d) that the CPU trains again")
    options = parser.parse_args(arguments)
    device: str = options.device
    if device.startswith("cuda") and not torch.cuda.is_available():
        sys.stderr.write("no CUDA device: nothing measured\n")
        return 2
    start = time.perf_counter()
    name = torch.cuda.get_device_name() if device.startswith("cuda") else device
    result: dict[str, Any] = {"benchmark": "gpu", "device": name, "torch": torch.__version__}
    result["fokker_planck"] = error_rates(device, options.cases)
    result["llg"] = trajectories(device, options.targets, options.budget, options.batch)
    result["estimator"] = estimator(device, options.points)
    result["learning"] = [
        learning(device, model, options.replicas, options.images, options.compared)
        for model in ("neurosim", "physical")
    ]
    result["seconds"] = time.perf_counter() - start
    sys.stdout.write(json.dumps(result) + "\n")
    right = (
        result["fokker_planck"]["largest_relative_difference"] < 1e-3
        and result["estimator"]["largest_relative_difference_to_reference"] < 1e-6
        and result["estimator"]["gradients_finite"]
        and all(one["same_traces_as_cpu"] for one in result["learning"])
    )
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
