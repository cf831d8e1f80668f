"""Learning in torch: any layers and optimiser, many replicas in one batch, on any device.

The same arithmetic as the compiled kernels in the same order, so both leave the same traces, bit for bit:
column sums are integers (exact in float64 in any order), the sigmoid is looked up, sums over the next layer
run in a fixed order, products and sums are rounded one by one. Replicas share layers, optimiser and batch
size; cell, bits, converter and seed may differ.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from flow.table import UserError
from neuro import kernel
from neuro.dataset import Dataset
from neuro.network import Network
from neuro.synapse import Integers
from neuro.tensor_cells import FLIPPING, CellTensors, popcount, put, take
from neuro.training import Run, batch_size, check_device

_TEST_CELLS = 2**24  # column reads in one piece of a test


class TorchEngine:
    """See `neuro.training.Engine`; raises UserError if the device is not there."""

    def __init__(self, data: Dataset, device: str = "cpu") -> None:
        check_device(device)
        self.device = torch.device(device)
        self.data = data
        self.train = torch.from_numpy(data.train.dense()).to(self.device)
        self.test = torch.from_numpy(data.test.dense()).to(self.device)
        self.train_labels = torch.from_numpy(data.train.labels.astype(np.int64)).to(self.device)
        self.test_labels = torch.from_numpy(data.test.labels.astype(np.int64)).to(self.device)
        self.batch: Batch | None = None
        self.flipping = FLIPPING

    def _batch(self, runs: Sequence[Run]) -> Batch:
        """The tensors of these runs: kept from call to call, since nothing else changes a run meanwhile."""
        networks = [run.network for run in runs]
        known = self.batch
        if known is None or known.step != runs[0].image or not known.holds(networks):
            self.batch = known = None  # two at a time may not fit
            self.batch = Batch(networks, self.device, runs[0].image, self.flipping)
        assert self.batch is not None
        return self.batch

    def learn(self, runs: Sequence[Run], images: Sequence[Integers]) -> None:
        """See `Engine`."""
        import time

        start = time.thread_time()
        numbers = np.stack(images)
        while not self._learnt(self._batch(runs), numbers):
            # More writes failed in an image than was provided for: once more from where the runs are.
            if self.flipping >= 1.0:
                raise UserError("so many writes fail that only the compiled engine can do it", key="engine")
            self.batch, self.flipping = None, min(4.0 * self.flipping, 1.0)
        for run in runs:
            run.train_seconds += (time.thread_time() - start) / len(runs)

    def _learnt(self, batch: Batch, numbers: Integers) -> bool:
        """Learn the images (network, image); False, and the runs unchanged, if it must be repeated."""
        # How many rows an image lights at most is known beforehand: no need to ask the device.
        lit = np.diff(self.data.train.start)[numbers].max(axis=0, initial=1).tolist()
        order = torch.from_numpy(numbers).to(self.device)
        with torch.no_grad():
            for step, most in enumerate(lit):
                batch.learn(self.train[order[:, step]], self.train_labels[order[:, step]], most)
        if batch.cells is not None and bool(batch.cells.short):
            return False
        batch.store()
        return True

    def examine(self, runs: Sequence[Run]) -> list[tuple[int, int]]:
        """See `Engine`."""
        batch = self._batch(runs)
        piece = batch.images_at_once
        neurosim = batch.settings.model == "neurosim"
        right = torch.zeros(len(runs), 2, dtype=torch.int64, device=self.device)
        with torch.no_grad():
            for first in range(0, len(self.data.test), piece):
                x = self.test[first : first + piece].expand(len(runs), -1, -1)
                labels = self.test_labels[first : first + piece]
                right[:, 0] += (batch.classify(x, clamp=True) == labels).sum(1)
                if neurosim:
                    right[:, 1] += (batch.classify(x, clamp=False) == labels).sum(1)
        return [(int(a), int(b) if neurosim else -1) for a, b in right.tolist()]


class Batch:
    """The state of several networks as tensors; the first axis is the network."""

    def __init__(
        self, networks: Sequence[Network], device: torch.device, first_step: int, flipping: float = FLIPPING
    ) -> None:
        # Sums of digits and currents must come out whole; a GPU must not round its inputs to fewer bits.
        torch.backends.cuda.matmul.allow_tf32 = False
        self.networks, self.device, self.step = list(networks), device, first_step
        self.settings = networks[0].settings
        self.count = len(networks)
        self.planes = max(network.settings.bits for network in networks)
        self.top = self._column([float(n.coding.top) for n in networks]).double()
        self.middle = self._column([n.coding.middle for n in networks])
        self.ceiling = self._column([n.settings.adc.ceiling for n in networks])
        self.bound = self._column([n.bound for n in networks]).double()
        # All sigmoid tables behind one another; `zero` is where each network's m = 0 lies.
        starts = np.cumsum([0] + [n.sigmoid.values.size for n in networks])
        self.table = self._tensor(np.concatenate([n.sigmoid.values for n in networks]))
        self.zero = self._column([int(a) + n.sigmoid.zero for a, n in zip(starts, networks, strict=False)])
        places = range(len(self.settings.shapes))
        self.reference = [self._stack([n.reference[p] for n in networks]) for p in places]
        self.offset = [self._stack([n.offset[p] for n in networks]) for p in places]
        self.weights = [self._cut("weights", p) for p in places]
        self.digits = [self._cut("digits", p) for p in places]
        self.touched = [self._cut("touched", p) for p in places]
        # Whole numbers far below 2^24: float32 adds them exactly.
        self.sums = [digits.float() for digits in self.digits]
        self.moments: list[Any] = []
        if self.settings.optimizer != "sgd":
            self.moments = [
                self._stack([n.arrays[p].moments[:, :, : shape[1]] for n in networks]).transpose(0, 1).clone()
                for p, shape in enumerate(self.settings.shapes)
            ]
        self.gradient = [self._cut("gradient", p) for p in places] if self.settings.batch > 1 else []
        self.histogram = [self._stack([n.events[p].histogram for n in networks]) for p in places]
        self.counters = [self._stack([n.events[p].counters for n in networks]) for p in places]
        self.cells: CellTensors | None = None
        if self.settings.model == "physical":
            sizes = [batch_size(self.settings, place) for place in places]
            self.cells = CellTensors(self.networks, device, self.planes, sizes, flipping)

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _stack(self, values: Sequence[Any]) -> torch.Tensor:
        return self._tensor(np.stack(values))

    def _column(self, values: Sequence[Any]) -> torch.Tensor:
        """One value a network, ready to broadcast over (network, ., .)."""
        return self._tensor(np.array(values)).view(-1, 1, 1)

    def _cut(self, name: str, place: int) -> torch.Tensor:
        synapses = self.settings.shapes[place][1]
        return self._stack([getattr(n.arrays[place], name)[:, :synapses] for n in self.networks])

    def holds(self, networks: Sequence[Network]) -> bool:
        """Whether these are the networks, in this order, and all of them."""
        return len(networks) == self.count and all(map(operator.is_, networks, self.networks))

    @property
    def images_at_once(self) -> int:
        """Test images in one piece."""
        widest = max(self.planes * synapses for _, synapses in self.settings.shapes)
        return max(1, _TEST_CELLS // (widest * self.count))

    @property
    def state_bytes(self) -> int:
        """Memory of the state of all networks; learning takes about as much again for what comes and goes."""
        held = [*self.weights, *self.digits, *self.touched, *self.sums, *self.moments, *self.gradient]
        held += [] if self.cells is None else self.cells.tensors()
        return sum(tensor.nbytes for tensor in held)

    def store(self) -> None:
        """Write the state back into the networks."""
        for place, (_, synapses) in enumerate(self.settings.shapes):
            state = {
                "weights": self.weights[place].cpu().numpy(),
                "digits": self.digits[place].cpu().numpy(),
                "touched": self.touched[place].cpu().numpy(),
            }
            if self.gradient:
                state["gradient"] = self.gradient[place].cpu().numpy()
            moments = self.moments[place].cpu().numpy() if self.moments else None
            histogram, counters = self.histogram[place].cpu().numpy(), self.counters[place].cpu().numpy()
            for row, network in enumerate(self.networks):
                array, seen = network.arrays[place], network.events[place]
                for name, values in state.items():
                    getattr(array, name)[:, :synapses] = values[row]
                if moments is not None:
                    array.moments[:, :, :synapses] = moments[:, row]
                seen.histogram[:], seen.counters[:] = histogram[row], counters[row]
            if self.cells is not None:
                self.cells.store(place, self.networks)

    def read(self, place: int, x: torch.Tensor, clamp: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """(m, active rows): integer pre-activations (network, image, synapse) of binary inputs x (uint8)."""
        active = x.sum(2, dtype=torch.int64)
        if self.cells is not None:
            total = self.cells.read(place, x)
        elif clamp:
            total = self._clamped(place, x, active)
        else:
            total = torch.bmm(x.float(), self.sums[place]).long()
        shift = torch.gather(self.reference[place], 1, active)[:, :, None] * self.middle
        return total - shift, active

    def _clamped(self, place: int, x: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        offset = torch.gather(self.offset[place], 1, active)[:, :, None]
        base = torch.minimum(offset.floor().long(), self.ceiling)
        total: torch.Tensor | int = 0
        for bit in range(self.planes):
            ones = torch.bmm(x.float(), ((self.digits[place] >> bit) & 1).float()).double()
            code = torch.minimum((ones + offset).floor().long(), self.ceiling)
            total = total + ((code - base) << bit) * ((self.top.long() >> bit) & 1)
        return torch.as_tensor(total)

    def classify(self, x: torch.Tensor, clamp: bool) -> torch.Tensor:
        """(network, image) class: the first of the largest outputs."""
        return self.forward(x, clamp)[0]

    def forward(self, x: torch.Tensor, clamp: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(network, image) class, and the binary inputs (network, image, row) of each array."""
        places = len(self.settings.shapes)
        inputs = [x]
        for place in range(places):
            m, _ = self.read(place, inputs[place], clamp)
            if place < places - 1:
                inputs.append((m >= 0).to(torch.uint8))
        out = self.table[m + self.zero]
        number = torch.arange(out.shape[2], device=self.device)
        best = torch.where(out == out.amax(2, keepdim=True), number, out.shape[2])
        return best.amin(2), inputs

    def learn(self, x: torch.Tensor, labels: torch.Tensor, most: int) -> None:
        """One image for each network: x uint8 (network, pixel), labels int64 (network,).

        `most`: at most so many pixels of each are lit.
        """
        places = range(len(self.settings.shapes))
        inputs, analog, actives = [x], [], []
        for place in places:
            m, active = self.read(place, inputs[-1][:, None, :], clamp=False)
            analog.append(self.table[m + self.zero][:, 0])
            actives.append(active[:, 0])
            self.histogram[place].scatter_add_(1, active, torch.ones_like(active))
            inputs.append((m[:, 0] >= 0).to(torch.uint8))
        if self.cells is not None:
            for place in places:
                self.cells.disturb(place, inputs[place], actives[place], self.step, self)
        target = torch.zeros_like(analog[-1]).scatter_(1, labels[:, None], 1.0)
        out = analog[-1]
        errors = [-2.0 * out * (1.0 - out) * (target - out)]
        for place in reversed(places[1:]):
            back = torch.zeros_like(analog[place - 1])
            for k in range(errors[0].shape[1]):
                back = back + self.weights[place][:, :, k] * errors[0][:, k : k + 1]
            errors.insert(0, analog[place - 1] * (1.0 - analog[place - 1]) * back)
        for place in places:
            source = x.double() if place == 0 else analog[place - 1]
            self._update(place, source, errors[place], actives[place], most)
        self.step += 1

    def _update(
        self, place: int, source: torch.Tensor, error: torch.Tensor, active: torch.Tensor, most: int
    ) -> None:
        settings = self.settings
        rate = settings.rates[place]
        plain = settings.optimizer == "sgd" and settings.batch == 1
        rows: torch.Tensor | None = None
        if plain and place == 0:
            # Dark pixels change nothing: only as many rows as the brightest image has, lit ones first.
            order = torch.sort(source, dim=1, descending=True, stable=True).indices
            rows = order[:, : max(1, most)].sort(dim=1).values
            source = torch.gather(source, 1, rows)
        if plain:
            delta = (-rate * error)[:, None, :] * source[:, :, None]
        else:
            gradient = error[:, None, :] * source[:, :, None]
            if settings.batch > 1:
                self.gradient[place] += gradient
                if (self.step + 1) % settings.batch:
                    return
                gradient = self.gradient[place] / float(settings.batch)
                self.gradient[place].zero_()
            delta = self._delta(place, gradient, rate)
        counters = self.counters[place]
        mask = delta != 0.0
        counters[:, kernel.CHANGED] += mask.sum((1, 2))
        counters[:, kernel.WRITES] += 1
        if plain:
            counters[:, kernel.WORK_ROWS] += active if place == 0 else source.shape[1]
        else:
            counters[:, kernel.WORK_ROWS] += mask.any(2).sum(1)
        value = take(self.weights[place], rows) + delta
        value = torch.minimum(torch.maximum(value, -self.bound), self.bound)
        put(self.weights[place], rows, value)
        level = torch.minimum(((value + 1.0) * (0.5 * self.top)).clamp(min=0.0), self.top)
        new, old = level.to(torch.uint8), take(self.digits[place], rows)
        put(self.digits[place], rows, new)
        if self.cells is not None:
            self.cells.write(place, rows, old, new, self.step, self)
            return
        turned = old ^ new
        put(self.sums[place], rows, new.float())
        touched = take(self.touched[place], rows) | new
        put(self.touched[place], rows, touched)
        counters[:, kernel.SET_FLIPS] += popcount(turned & new)
        counters[:, kernel.RESET_FLIPS] += popcount(turned & old)
        ones = popcount(new * mask)
        counters[:, kernel.SET_COUNTED] += ones
        counters[:, kernel.RESET_COUNTED] += popcount(touched * mask) - ones

    def _delta(self, place: int, gradient: Any, rate: float) -> Any:
        """The change of the weights (constants as in the reference simulator: 0.3; 0.9 and 1e-5)."""
        optimizer = self.settings.optimizer
        if optimizer == "sgd":
            return -rate * gradient
        first, second = self.moments[place][0], self.moments[place][1]
        if optimizer == "momentum":
            first.mul_(0.3).add_(rate * gradient)
            return -first.clone()
        if optimizer == "rmsprop":
            second.mul_(0.9).add_(0.1 * gradient * gradient)
            return -rate * gradient / (second + 1e-5).sqrt()
        updates = (self.step + 1) // self.settings.batch
        first.mul_(0.9).add_(0.1 * gradient)
        second.mul_(0.9).add_(0.1 * gradient * gradient)
        fade = 1.0 - 0.9**updates
        return -rate * (first / fade) / ((second / fade).sqrt() + 1e-5)
