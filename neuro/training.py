"""Training runs: a network learns epoch after epoch, is examined after each, and leaves a trace.

`Run` is one bitcell and one replica with everything it needs to stop and go on anywhere, also in the middle
of an epoch; `train_all` drives many runs over threads (the kernels release the interpreter), or batched in
torch, with the same result whatever the split.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flow.table import UserError
from neuro.accounting import ArrayEvents
from neuro.cells import Bitcell
from neuro.dataset import Dataset, ImageSet
from neuro.network import Images, Network, Settings
from neuro.synapse import Integers, padded

CHUNK = 2000  # images between two looks at the clock, the progress bar and the checkpoint


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The end of one epoch: accuracies in per cent (`unclamped` NaN in the physical model), events so far."""

    epoch: int
    accuracy: float
    unclamped: float
    events: list[ArrayEvents]


@dataclass(eq=False)
class Run:
    """One bitcell and replica on its way: `image` training images seen, one record for each whole epoch."""

    bitcell: Bitcell
    settings: Settings
    replica: int
    network: Network = field(init=False)
    image: int = 0
    records: list[EpochRecord] = field(default_factory=list)
    train_seconds: float = 0.0
    test_seconds: float = 0.0
    order: Images | None = None

    def __post_init__(self) -> None:
        self.network = Network(self.bitcell, self.settings, self.replica)

    @property
    def name(self) -> str:
        """Cell, variant and replica."""
        return f"{self.bitcell.name} {self.bitcell.variant} #{self.replica}"

    def next_images(self, available: int, limit: int) -> Integers:
        """The next training images, at most `limit`, none beyond the current epoch."""
        per_epoch = self.settings.images_per_epoch
        left = (len(self.records) + 1) * per_epoch - self.image
        if self.order is None:
            self.order = Images(self.settings, self.replica, available)
        return self.order(self.image, min(left, limit))

    @property
    def epoch_done(self) -> bool:
        """Whether the images of the current epoch have all been learnt, but not been examined."""
        return self.image == (len(self.records) + 1) * self.settings.images_per_epoch

    def close_epoch(self, right: int, right_unclamped: int, tested: int) -> None:
        """Record the examination of the current epoch."""
        unclamped = float("nan") if right_unclamped < 0 else 100.0 * right_unclamped / tested
        events = [ArrayEvents(e.histogram.copy(), e.counters.copy()) for e in self.network.events]
        self.records.append(EpochRecord(len(self.records) + 1, 100.0 * right / tested, unclamped, events))


class Engine(Protocol):
    """What moves runs forward. All runs of a call have the same settings up to bits, ADC and seed."""

    def learn(self, runs: Sequence[Run], images: Sequence[Integers]) -> None:
        """Learn the images (indices into the training set), one array of equal length for each run."""

    def examine(self, runs: Sequence[Run]) -> list[tuple[int, int]]:
        """(right, right without the ADC's clamp or -1) of each run on the whole test set."""


class CompiledEngine:
    """Two arrays, SGD image by image, on one core: the compiled kernels."""

    def __init__(self, data: Dataset) -> None:
        self.data = data

    def learn(self, runs: Sequence[Run], images: Sequence[Integers]) -> None:
        """See `Engine`."""
        for run, order in zip(runs, images, strict=True):
            # Nothing to learn: compiles (once), so that the time taken is the time of learning.
            self._learn(run, order[:0])
            start = time.thread_time()
            self._learn(run, order)
            run.train_seconds += time.thread_time() - start

    def _learn(self, run: Run, order: Integers) -> None:
        if run.settings.model == "neurosim":
            _learn_digits(run.network, self.data.train, order)
        else:
            _learn_currents(run.network, self.data.train, order, run.image)

    def examine(self, runs: Sequence[Run]) -> list[tuple[int, int]]:
        """See `Engine`."""
        results = []
        for run in runs:
            start = time.thread_time()
            if run.settings.model == "neurosim":
                results.append(_examine_digits(run.network, self.data.test))
            else:
                results.append(_examine_currents(run.network, self.data.test))
            run.test_seconds += time.thread_time() - start
        return results


def _learn_digits(network: Network, data: ImageSet, order: Integers) -> None:
    from neuro import kernel

    learn: Any = kernel.train
    (first, second), (seen1, seen2) = network.arrays, network.events
    settings, coding = network.settings, network.coding
    learn(
        data.lit,
        data.start,
        data.labels,
        order,
        first.weights,
        first.digits,
        first.touched,
        second.weights,
        second.digits,
        second.touched,
        *network.reference,
        network.sigmoid.values,
        network.sigmoid.zero,
        *settings.rates,
        *settings.layers[1:],
        float(coding.top),
        coding.middle,
        seen1.counters,
        seen2.counters,
        seen1.histogram,
        seen2.histogram,
    )


def _examine_digits(network: Network, data: ImageSet) -> tuple[int, int]:
    from neuro import kernel

    examine: Any = kernel.test
    first, second = network.arrays
    settings = network.settings
    right, free = examine(
        data.lit,
        data.start,
        data.labels,
        first.digits,
        second.digits,
        settings.bits,
        *network.reference,
        *network.offset,
        settings.adc.ceiling,
        network.sigmoid.values,
        network.sigmoid.zero,
        *settings.layers[1:],
        network.coding.middle,
    )
    return int(right), int(free)


def batch_size(settings: Settings, place: int, column_mux: int = 16) -> int:
    """Synapses that are written at a time in a row of array `place`."""
    synapses = settings.shapes[place][1]
    return -(-synapses // min(column_mux, synapses * settings.bits + 1))


def batch_words(settings: Settings, place: int) -> tuple[npt.NDArray[np.uint64], Integers]:
    """Where each write batch has its synapses: ones in their bytes, (batches, words of a row) uint64, and
    first word and end, (batches, 2).
    """
    synapses = settings.shapes[place][1]
    number = np.arange(padded(synapses)) // batch_size(settings, place)
    ones = np.uint8(255) * (number == np.arange(number[synapses - 1] + 1)[:, None]).astype(np.uint8)
    words = ones.view(np.uint64)
    span = [[row.nonzero()[0][0], row.nonzero()[0][-1] + 1] for row in words]
    return words, np.array(span, dtype=np.int64)


def _learn_currents(network: Network, data: ImageSet, order: Integers, first_step: int) -> None:
    from neuro import analog_kernel

    learn: Any = analog_kernel.train
    (first, second), (seen1, seen2) = network.arrays, network.events
    chip1, chip2 = network.chips
    settings, coding = network.settings, network.coding
    learn(
        data.lit,
        data.start,
        data.labels,
        order,
        first_step,
        first.weights,
        first.digits,
        first.actual,
        first.current,
        chip1.reference,
        chip1.swing,
        chip1.member,
        network.oldest[0],
        second.weights,
        second.digits,
        second.actual,
        second.current,
        chip2.reference,
        chip2.swing,
        chip2.member,
        network.oldest[1],
        network.age,
        network.disturb_rate,
        network.highest_rate,
        *network.shared,
        network.inverse,
        settings.adc.reference == "analog",
        settings.adc.ceiling,
        settings.adc.step,
        settings.bits,
        *batch_words(settings, 0),
        *batch_words(settings, 1),
        network.bound,
        network.mode,
        network.sigmoid.values,
        network.sigmoid.zero,
        *settings.rates,
        *settings.layers[1:],
        float(coding.top),
        coding.middle,
        seen1.counters,
        seen2.counters,
        seen1.histogram,
        seen2.histogram,
        *network.candidates,
        np.uint32(settings.seed),
        np.uint32(network.replica),
    )


def _examine_currents(network: Network, data: ImageSet) -> tuple[int, int]:
    from neuro import analog_kernel

    examine: Any = analog_kernel.test
    (first, second), (chip1, chip2) = network.arrays, network.chips
    settings = network.settings
    right = examine(
        data.lit,
        data.start,
        data.labels,
        first.current,
        chip1.reference,
        second.current,
        chip2.reference,
        *network.shared,
        network.inverse,
        settings.adc.reference == "analog",
        settings.adc.ceiling,
        settings.adc.step,
        settings.bits,
        network.sigmoid.values,
        network.sigmoid.zero,
        *settings.layers[1:],
        network.coding.middle,
    )
    return int(right), -1


def engine_for(settings: Settings, data: Dataset, device: str, wanted: str = "auto") -> Engine:
    """The compiled engine where it can do it on the CPU, else torch on `device`. Raises UserError."""
    if wanted not in ("auto", "compiled", "torch"):
        raise UserError(f"the engine is auto, compiled or torch, not {wanted}", key="engine")
    if wanted == "compiled" and not (settings.compiled and device == "cpu"):
        raise UserError("the compiled engine does two arrays, SGD, batch 1, on the CPU", key="engine")
    if wanted != "torch" and settings.compiled and device == "cpu":
        return CompiledEngine(data)
    from neuro.tensor_network import TorchEngine

    return TorchEngine(data, device)


def check_device(device: str) -> None:
    """Raise UserError unless torch can compute on `device`."""
    import torch

    try:
        torch.zeros(1, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"no device {device}: {reason}", key="device") from None


def check_data(settings: Settings, data: Dataset) -> None:
    """Raise UserError unless the data fit the first and last layer."""
    if data.train.pixels != settings.layers[0]:
        raise UserError(f"images of {data.train.pixels} pixels for {settings.layers[0]} inputs", key="layers")
    if data.classes > settings.layers[-1]:
        raise UserError(f"{data.classes} classes for {settings.layers[-1]} outputs", key="layers")


Watcher = Callable[[Sequence[Run]], None]


def advance(engine: Engine, runs: Sequence[Run], data: Dataset, epochs: int, watch: Watcher) -> None:
    """Bring runs that stand at the same image to the end of `epochs`; `watch` is called after every chunk."""
    tested = len(data.test)
    while len(runs[0].records) < epochs:
        if not runs[0].epoch_done:
            images = [run.next_images(len(data.train), CHUNK) for run in runs]
            engine.learn(runs, images)
            for run, order in zip(runs, images, strict=True):
                run.image += order.size
        if runs[0].epoch_done:
            for run, (right, unclamped) in zip(runs, engine.examine(runs), strict=True):
                run.close_epoch(right, unclamped, tested)
        watch(runs)


def train_all(
    runs: Sequence[Run],
    data: Dataset,
    epochs: int,
    *,
    engine: str = "auto",
    device: str = "cpu",
    jobs: int | None = None,
    watch: Watcher = lambda runs: None,
) -> None:
    """Bring every run to `epochs`; the traces do not depend on engine, device, `jobs` or the company of runs.

    Raises UserError for data or settings that do not fit.
    """
    for run in runs:
        check_data(run.settings, data)
    groups: dict[object, list[Run]] = {}
    engines: dict[bool, Engine] = {}
    for run in runs:
        settings = run.settings
        if settings.compiled not in engines:
            engines[settings.compiled] = engine_for(settings, data, device, engine)
        if isinstance(engines[settings.compiled], CompiledEngine):
            groups[id(run)] = [run]
        else:
            key = (
                settings.model,
                settings.layers,
                settings.rates,
                settings.optimizer,
                settings.batch,
                settings.images_per_epoch,
                run.image,
                len(run.records),
            )
            groups.setdefault(key, []).append(run)

    def work(group: list[Run]) -> None:
        advance(engines[group[0].settings.compiled], group, data, epochs, watch)

    workers = jobs or len(os.sched_getaffinity(0))
    if workers == 1 or len(groups) == 1:
        for group in groups.values():
            work(group)
    else:
        from joblib import Parallel, delayed

        Parallel(n_jobs=workers, prefer="threads")(delayed(work)(group) for group in groups.values())
