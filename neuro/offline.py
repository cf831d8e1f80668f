"""Offline classification: weights trained in software, written once into the arrays, tested there.

The software network knows the number of bits and the range of a synapse (it trains with digits that cut and
truncate as the cells will), but no cell: no spread, no errors, a converter that never clips. Nothing is known
of what the cells held before, so every cell gets one pulse in the direction of its bit; where it held the
other bit the pulse may fail, and nobody looks. Reading disturbs: what is lost shows after each thousand of
test images.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from neuro import kernel
from neuro.accounting import ArrayEvents
from neuro.cells import Bitcell
from neuro.dataset import Dataset
from neuro.network import Network, Settings
from neuro.population import Spread
from neuro.random import PURPOSE_OFFLINE, philox_uniform
from neuro.synapse import Adc, Digits, Floats, Integers
from neuro.tensor_network import Batch
from neuro.training import Run, batch_size, train_all

_PIECE = 1000  # test images between two looks at what the reads have disturbed


@dataclass(frozen=True)
class Classification:
    """Weights in the arrays of one chip: accuracies in per cent, and the events of writing and of reading.

    `software`: accuracy before, on ideal cells; `unclamped`: without the ADC's clamp, NaN in the physical
    model; `cells`: all cells that hold weights, `wrong`: those that held another bit after the test.
    """

    bitcell: Bitcell
    replica: int
    software: float
    accuracy: float
    unclamped: float
    programming: list[ArrayEvents]
    inference: list[ArrayEvents]
    cells: int
    wrong: int


def software_settings(settings: Settings) -> Settings:
    """The same network on ideal cells: nothing clips but the weights."""
    return dataclasses.replace(
        settings,
        model="physical",
        adc=Adc(16, 1.0, "analog"),
        software_weights="clipped",
        wire_ohm=(0.0, 0.0),
        shared_column=False,
    )


def software_run(bitcell: Bitcell, settings: Settings, replica: int) -> Run:
    """A run of the same network on ideal cells."""
    cell = dataclasses.replace(bitcell.cell, wer_0to1=math.nan, wer_1to0=math.nan, rdr=math.nan)
    ideal = dataclasses.replace(bitcell, cell=cell, spread=Spread(), members=None)
    return Run(ideal, software_settings(settings), replica)


def train_software(
    runs: Sequence[Run],
    data: Dataset,
    epochs: int,
    *,
    jobs: int | None = None,
    device: str = "cpu",
    watch: Callable[[Sequence[Run]], None] = lambda runs: None,
) -> None:
    """Bring software runs to `epochs`; raises UserError as `train_all` does."""
    train_all(runs, data, epochs, jobs=jobs, device=device, watch=watch)


def weights_of(run: Run) -> list[Floats]:
    """(rows, synapses) of each array."""
    shapes = run.settings.shapes
    arrays = zip(run.network.arrays, shapes, strict=True)
    return [array.weights[:, :synapses] for array, (_, synapses) in arrays]


def program(network: Network, weights: Sequence[Floats]) -> list[ArrayEvents]:
    """Write software weights (rows, synapses) once into the arrays; the events of it."""
    network.write_offline(list(weights))
    return [_programmed(network, place) for place in range(len(weights))]


def _planes(network: Network, place: int, digits: Digits) -> Digits:
    """(rows, bits, synapses) of 0 and 1."""
    synapses = network.settings.shapes[place][1]
    bit = np.arange(network.settings.bits, dtype=np.uint8)[None, :, None]
    return (digits[:, None, :synapses] >> bit) & np.uint8(1)


def _packed(network: Network, place: int, ones: Digits) -> Digits:
    """Digits (rows, padded synapses) of bit planes."""
    digits = np.zeros_like(network.arrays[place].digits)
    value = (1 << np.arange(network.settings.bits))[None, :, None]
    digits[:, : ones.shape[2]] = (ones * value).sum(1).astype(np.uint8)
    return digits


def _uniform(network: Network, stream: int, shape: tuple[int, ...]) -> Floats:
    """Two uniform numbers for each cell of an array, (2, *shape)."""
    settings = network.settings
    purpose = int(PURPOSE_OFFLINE)
    drawn = philox_uniform(settings.seed, network.replica, purpose, stream, math.prod(shape))
    return np.asarray(drawn.T.reshape(2, *shape))


def _members(network: Network, place: int) -> Integers:
    """(rows, bits, synapses) the member of the population that each cell is."""
    rows, synapses = network.settings.shapes[place]
    member = network.chips[place].member.reshape(rows, network.settings.bits, -1)
    return np.asarray(member[:, :, :synapses], dtype=np.int64)


def _programmed(network: Network, place: int) -> ArrayEvents:
    array, settings = network.arrays[place], network.settings
    rows, synapses = settings.shapes[place]
    target = _planes(network, place, array.digits)
    events = ArrayEvents.none(rows)
    count = events.counters
    count[kernel.WRITES], count[kernel.WORK_ROWS] = 1, rows
    count[kernel.CHANGED] = rows * synapses
    sets = int(target.sum())
    if settings.model == "neurosim":
        ever = int(_planes(network, place, array.touched).sum())
        count[kernel.SET_COUNTED], count[kernel.RESET_COUNTED] = sets, ever - sets
        return events
    count[kernel.SET_FLIPS], count[kernel.RESET_FLIPS] = sets, target.size - sets
    count[kernel.SET_ROWS] = int((target == 1).any(axis=(1, 2)).sum())
    count[kernel.RESET_ROWS] = int((target == 0).any(axis=(1, 2)).sum())
    count[kernel.WRITTEN_ROWS] = rows
    count[kernel.WRITTEN_BATCHES] = rows * -(-synapses // batch_size(settings, place))
    before, luck = _uniform(network, place, target.shape)
    held = (before < 0.5).astype(np.uint8)
    member, population = _members(network, place), network.bitcell.population
    rate = np.where(target == 1, population.wer_1to0[member], population.wer_0to1[member])
    failed = (held != target) & (luck < rate)
    count[kernel.WRITE_ERRORS] = int(failed.sum())
    array.actual = _packed(network, place, np.where(failed, held, target))
    array.current = network.currents(place, array.actual)
    return events


def _disturb(network: Network, place: int, reads: Integers, stream: int) -> int:
    """Lose ones of the array after row i was read reads[i] times; how many."""
    ones = _planes(network, place, network.arrays[place].actual)
    rate = network.disturb_rate[_members(network, place)]
    luck = _uniform(network, stream, ones.shape)[0]
    lost = (ones == 1) & (luck < -np.expm1(-rate * reads[:, None, None]))
    if lost.any():
        array = network.arrays[place]
        array.actual = _packed(network, place, ones & ~lost)
        array.current = network.currents(place, array.actual)
    return int(lost.sum())


def infer(
    networks: Sequence[Network], data: Dataset, device: str = "cpu"
) -> tuple[list[tuple[int, int]], list[list[ArrayEvents]]]:
    """Classify the test set in the arrays: (right, right without clamp or -1) and events of each network.

    All networks have the same layers; they go through the test set together.
    """
    shapes = networks[0].settings.shapes
    events = [[ArrayEvents.none(rows) for rows, _ in shapes] for _ in networks]
    right = np.zeros((len(networks), 2), dtype=np.int64)
    neurosim = networks[0].settings.model == "neurosim"
    dense, labels = data.test.dense(), data.test.labels.astype(np.int64)
    batch: Batch | None = None
    for piece, first in enumerate(range(0, len(data.test), _PIECE)):
        if batch is None:
            batch = Batch(networks, torch.device(device), first_step=0)
        reads = [np.zeros((len(networks), rows), dtype=np.int64) for rows, _ in shapes]
        size = min(_PIECE, batch.images_at_once)
        last = min(first + _PIECE, len(data.test))
        for start in range(first, last, size):
            stop = min(start + size, last)
            x = torch.from_numpy(dense[start:stop]).to(batch.device).expand(len(networks), -1, -1)
            with torch.no_grad():
                found, inputs = batch.forward(x, clamp=True)
                right[:, 0] += (found.cpu().numpy() == labels[start:stop]).sum(1)
                if neurosim:
                    free = batch.forward(x, clamp=False)[0].cpu().numpy()
                    right[:, 1] += (free == labels[start:stop]).sum(1)
            for place, seen in enumerate(inputs):
                reads[place] += seen.sum(1, dtype=torch.int64).cpu().numpy()
                active = seen.sum(2, dtype=torch.int64).cpu().numpy()
                for row, counts in enumerate(active):
                    events[row][place].histogram[:] += np.bincount(counts, minlength=shapes[place][0] + 1)
        if neurosim:
            continue
        for row, network in enumerate(networks):
            for place in range(len(shapes)):
                if network.highest_rate > 0.0:
                    stream = len(shapes) * (1 + piece) + place
                    lost = _disturb(network, place, reads[place][row], stream)
                    events[row][place].counters[kernel.DISTURBS] += lost
                    batch = None if lost else batch
    pairs = [(int(a), int(b) if neurosim else -1) for a, b in right]
    return pairs, events


def classify(
    trained: Sequence[Run], bitcell: Bitcell, settings: Settings, data: Dataset, device: str = "cpu"
) -> list[Classification]:
    """What the weights of software runs do in arrays of `bitcell`, one chip for each of their replicas."""
    networks = [Network(bitcell, settings, run.replica) for run in trained]
    programming = [program(network, weights_of(run)) for network, run in zip(networks, trained, strict=True)]
    pairs, inference = infer(networks, data, device)
    results = []
    for run, network, (right, free), written, read in zip(
        trained, networks, pairs, programming, inference, strict=True
    ):
        planes = [
            (_planes(network, place, array.actual), _planes(network, place, array.digits))
            for place, array in enumerate(network.arrays)
        ]
        results.append(
            Classification(
                bitcell=bitcell,
                replica=run.replica,
                software=run.records[-1].accuracy,
                accuracy=100.0 * right / len(data.test),
                unclamped=math.nan if free < 0 else 100.0 * free / len(data.test),
                programming=written,
                inference=read,
                cells=sum(held.size for held, _ in planes),
                wrong=sum(int((held != meant).sum()) for held, meant in planes),
            )
        )
    return results
