"""Images per second of online learning: compiled kernels and batched torch against a plain NumPy loop.

`python benchmarks/training.py [--device cuda] [--replicas N]` prints one JSON line. The NumPy loop is the
straightforward way (one image after the other, whole digits of the active rows rewritten and counted); it
runs in the same process on fewer images, and its digits must equal the kernel's.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

# This directory holds a file `array.py`, which must not hide the standard library's module of that name.
sys.path = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import torch  # noqa: E402

from neuro import dataset  # noqa: E402
from neuro.cells import paper_cells  # noqa: E402
from neuro.network import Network, Settings  # noqa: E402
from neuro.training import CompiledEngine, Run, train_all  # noqa: E402


def numpy_loop(network: Network, data: dataset.ImageSet, order: np.ndarray) -> float:
    """Images per second of a plain loop over `order`; changes the digits of `network` as the kernel would."""
    w = [array.weights[:, :n].copy() for array, n in zip(network.arrays, (100, 10), strict=True)]
    d = [array.digits[:, :n].astype(int) for array, n in zip(network.arrays, (100, 10), strict=True)]
    x_all = data.dense(order)
    ones = np.array([value.bit_count() for value in range(64)])
    flips = counted = 0
    start = time.process_time()
    for image, x in zip(order, x_all, strict=True):
        lit = np.flatnonzero(x)
        m = d[0][lit].sum(0) - network.reference[0][lit.size] * 31
        a = 1.0 / (1.0 + np.exp(-m / 63.0))
        on = np.flatnonzero(m >= 0)
        o = 1.0 / (1.0 + np.exp(-(d[1][on].sum(0) - network.reference[1][on.size] * 31) / 63.0))
        s2 = -2.0 * o * (1.0 - o) * ((np.arange(10) == data.labels[image]) - o)
        s1 = a * (1.0 - a) * (w[1] @ s2)
        w[0][lit] -= 0.4 * s1
        w[1] -= 0.2 * np.outer(a, s2)
        for place, rows in ((0, lit), (1, slice(None))):
            new = np.clip((w[place][rows] + 1.0) * 31.5, 0.0, 63.0).astype(int)
            flips += int(ones[new ^ d[place][rows]].sum())
            counted += int(ones[new].sum())
            d[place][rows] = new
    seconds = time.process_time() - start
    network.arrays[0].digits[:, :100], network.arrays[1].digits[:, :10] = d[0], d[1]
    return len(order) / seconds


def compiled(settings: Settings, data: dataset.Dataset, replicas: int, jobs: int) -> tuple[float, float, Run]:
    """(images per wall second over all replicas, test images per CPU second, first run) of one epoch."""
    runs = [Run(paper_cells()[0], settings, replica) for replica in range(replicas)]
    engine = CompiledEngine(data)
    engine.learn(runs[:1], [np.empty(0, dtype=np.int64)])
    engine.examine(runs[:1])
    runs[0].test_seconds = 0.0
    start = time.perf_counter()
    train_all(runs, data, 1, jobs=jobs)
    seconds = time.perf_counter() - start - sum(run.test_seconds for run in runs) / jobs
    tested = sum(run.test_seconds for run in runs)
    return replicas * settings.images_per_epoch / seconds, replicas * len(data.test) / tested, runs[0]


def next_epoch(run: Run, data: dataset.Dataset) -> float:
    """CPU seconds of one more epoch of `run`: fewer cells flip than in the first."""
    before = run.train_seconds
    train_all([run], data, len(run.records) + 1, jobs=1)
    return run.train_seconds - before


def scaling(settings: Settings, data: dataset.Dataset, jobs: int) -> tuple[float, float]:
    """Wall seconds of `jobs` replicas, one after the other and on as many threads."""
    short = dataset.Dataset(data.train, data.test.head(100), data.classes)
    seconds = []
    for threads in (1, jobs):
        runs = [Run(paper_cells()[0], settings, replica) for replica in range(jobs)]
        start = time.perf_counter()
        train_all(runs, short, 1, jobs=threads)
        seconds.append(time.perf_counter() - start)
    return seconds[0], seconds[1]


def state_bytes(settings: Settings) -> int:
    """Memory of one replica's state on a device."""
    from neuro.tensor_network import Batch

    return Batch([Network(paper_cells()[0], settings, 0)], torch.device("cpu"), 0).state_bytes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--numpy-images", type=int, default=1000)
    parser.add_argument("--torch-images", type=int, default=100)
    options = parser.parse_args()
    data = dataset.load()
    cores = len(os.sched_getaffinity(0))
    neurosim = Settings(model="neurosim")
    result: dict[str, object] = {"benchmark": "training", "cores": cores, "device": options.device}

    probe = Run(paper_cells()[0], dataclasses.replace(neurosim, images_per_epoch=options.numpy_images), 0)
    plain = Network(probe.bitcell, probe.settings, 0)
    order = probe.next_images(len(data.train), options.numpy_images)
    naive = numpy_loop(plain, data.train, order)
    CompiledEngine(data).learn([probe], [order])
    for one, other in zip(plain.arrays, probe.network.arrays, strict=True):
        np.testing.assert_array_equal(one.digits, other.digits)
    result["numpy_images_per_cpu_s"] = naive

    for name, settings in (("neurosim", neurosim), ("physical", Settings())):
        rate, tests, run = compiled(settings, data, 1, 1)
        result[f"{name}_images_per_s"] = rate
        result[f"{name}_train_cpu_s_per_epoch"] = run.train_seconds
        result[f"{name}_test_images_per_cpu_s"] = tests
        result[f"{name}_over_numpy"] = settings.images_per_epoch / run.train_seconds / naive
        result[f"{name}_train_cpu_s_second_epoch"] = next_epoch(run, data)
        rate, _, _ = compiled(settings, data, options.replicas, cores)
        result[f"{name}_{options.replicas}_replicas_images_per_s"] = rate
        result[f"{name}_{options.replicas}_replicas_over_numpy"] = rate / naive
        apart, together = scaling(settings, data, cores)
        result[f"{name}_speedup_on_{cores}_threads"] = apart / together
        result[f"{name}_MiB_of_1024_replicas"] = 1024 * state_bytes(settings) / 2**20
    result["physical_over_neurosim"] = (
        result["neurosim_images_per_s"] / result["physical_images_per_s"]  # type: ignore[operator]
    )
    result["physical_over_neurosim_second_epoch"] = (
        result["physical_train_cpu_s_second_epoch"] / result["neurosim_train_cpu_s_second_epoch"]  # type: ignore[operator]
    )

    if options.device == "cpu":
        torch.set_num_threads(cores)
    short = dataset.Dataset(data.train, data.test.head(100), data.classes)
    settings = dataclasses.replace(neurosim, images_per_epoch=options.torch_images)
    for count in (1, options.replicas):
        runs = [Run(paper_cells()[0], settings, replica) for replica in range(count)]
        start = time.perf_counter()
        train_all(runs, short, 1, engine="torch", device=options.device)
        rate = count * options.torch_images / (time.perf_counter() - start)
        result[f"torch_{count}_replicas_images_per_s"] = rate
        result[f"torch_{count}_replicas_over_numpy"] = rate / naive
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
