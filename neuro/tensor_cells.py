"""The `physical` cells in torch: currents, converters, write errors and disturbs of many networks at once.

Twin of `neuro.analog_kernel`: the same integers for currents and error clocks, so the same traces. All shapes
are fixed and nothing is read back while images are learnt, so a GPU never waits for the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neuro import analog_kernel, kernel
from neuro.clock import most_events
from neuro.network import Network
from neuro.pulse import READ_BACK
from neuro.tensor_random import disturb_candidates, failure_events

if TYPE_CHECKING:
    from neuro.tensor_network import Batch

FLIPPING = 1.0 / 32.0  # see `CellTensors`; the first image flips two per cent of the cells, later ones fewer
EVENT_LIMIT = 4096  # events of the error clock in an image; times of twice as many no longer fit int64
_BLOCK_DRAWS = 2**21  # random numbers of one kind that are drawn in one go
_EXACT_ROWS = 512  # int16 currents of so many rows add up exactly in float32


def popcount(digits: torch.Tensor) -> torch.Tensor:
    """int64 (network,): ones in all the uint8 digits of each network."""
    pairs = digits - ((digits >> 1) & 0x55)
    fours = (pairs & 0x33) + ((pairs >> 2) & 0x33)
    return ((fours + (fours >> 4)) & 0x0F).sum((1, 2), dtype=torch.int64)


def take(state: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
    """A copy of the rows (network, place) of a state (network, row, ...), all of them for None."""
    if rows is None:
        return state.clone()
    index = rows.view(*rows.shape, *(1 for _ in state.shape[2:])).expand(-1, -1, *state.shape[2:])
    return torch.gather(state, 1, index)


def put(state: torch.Tensor, rows: torch.Tensor | None, values: torch.Tensor) -> None:
    """Write the rows back that `take` took."""
    if rows is None:
        state.copy_(values)
    else:
        state.scatter_(1, rows.view(*rows.shape, *(1 for _ in state.shape[2:])).expand_as(values), values)


@dataclass
class _Draws:
    """Random events of the images `first`.. of one array, (image, network, draw) each."""

    first: int
    failures: torch.Tensor
    reads: torch.Tensor
    marks: torch.Tensor


class CellTensors:
    """Arrays as (network, row, plane, synapse): what cells conduct, float; `off`, `on`, `member` int16.

    `flipping`: the share of an array's error clock for which events are drawn; `short` tells afterwards
    whether an image needed more, and all images since then have to be learnt again with a larger share.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        device: torch.device,
        planes: int,
        batch_sizes: Sequence[int],
        flipping: float = FLIPPING,
    ) -> None:
        self.device, self.planes, self.batch_sizes = device, planes, list(batch_sizes)
        self.mode = networks[0].mode
        shapes = networks[0].settings.shapes
        self.current: list[torch.Tensor] = []
        self.off: list[torch.Tensor] = []
        self.on: list[torch.Tensor] = []
        self.member: list[torch.Tensor] = []
        self.actual: list[torch.Tensor] = []
        self.reference: list[torch.Tensor] = []
        for place, (rows, _) in enumerate(shapes):
            exact = torch.float32 if rows <= _EXACT_ROWS else torch.float64

            chips = [network.chips[place] for network in networks]
            arrays = [network.arrays[place] for network in networks]
            shape = (rows, shapes[place][1])
            self.current.append(self._planes(networks, shape, [a.current for a in arrays]).to(exact))
            self.off.append(self._planes(networks, shape, [chip.off for chip in chips]))
            self.on.append(self._planes(networks, shape, [chip.on for chip in chips]))
            self.member.append(self._planes(networks, shape, [chip.member for chip in chips]))
            self.actual.append(self._tensor(np.stack([a.actual[:, : shape[1]] for a in arrays])))
            reference = np.stack([chip.reference for chip in chips])
            self.reference.append(self._tensor(reference).to(exact))
        # Ages and rates of all populations behind one another; `start` is where each network's begin.
        starts = np.cumsum([0] + [n.age.shape[0] for n in networks])[:-1]
        self.start = self._tensor(starts).view(-1, 1, 1)
        self.age = self._tensor(np.concatenate([n.age for n in networks])).view(-1)
        self.rate = self._tensor(np.concatenate([n.disturb_rate for n in networks]))

        def column(values: Sequence[Any]) -> torch.Tensor:
            return self._tensor(np.array(values)).view(-1, 1, 1, 1)

        adcs = [n.settings.adc for n in networks]
        places = range(len(shapes))
        self.shared = [column([n.shared[place] for n in networks]) for place in places]
        self.inverse = column([n.inverse for n in networks])
        self.ceiling = column([float(adc.ceiling) for adc in adcs])
        self.analog = column([adc.reference == "analog" for adc in adcs])
        self.step = column([float(adc.step) for adc in adcs]).view(-1, 1, 1)
        self.value = column([[2.0**b * (b < n.settings.bits) for b in range(planes)] for n in networks]).view(
            len(networks), 1, planes, 1
        )
        self.top = column([float(n.coding.top) for n in networks]).view(-1, 1, 1)
        self.bits = self._tensor(np.array([n.settings.bits for n in networks])).view(-1, 1)
        self.seeds = self._tensor(np.array([n.settings.seed for n in networks]))
        self.replicas = self._tensor(np.array([n.replica for n in networks]))
        self.highest = self._tensor(np.array([n.highest_rate for n in networks])).view(-1, 1)
        self.candidates = [column([n.candidates[place] for n in networks]).view(-1, 1) for place in places]
        self.disturbed = max(n.highest_rate for n in networks) > 0.0
        self.most_candidates = [max(n.candidates[p] for n in networks) for p in places]
        worst = [flipping * max(n.failures[p] for n in networks) for p in places]
        self.most_failures = [
            min(most_events(expected), EVENT_LIMIT) if expected > 0.0 else 0 for expected in worst
        ]
        self.short = torch.zeros((), dtype=torch.bool, device=device)
        self.draws: list[_Draws | None] = [None for _ in places]

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _planes(
        self, networks: Sequence[Network], shape: tuple[int, int], cells: Sequence[Any]
    ) -> torch.Tensor:
        rows, synapses = shape
        size = (len(networks), rows, self.planes, synapses)
        whole = torch.zeros(size, dtype=torch.int16, device=self.device)
        for row, (network, values) in enumerate(zip(networks, cells, strict=True)):
            bits = network.settings.bits
            whole[row, :, :bits] = self._tensor(values.reshape(rows, bits, -1)[:, :, :synapses])
        return whole

    def tensors(self) -> list[torch.Tensor]:
        """What the state of the cells takes in memory."""
        return [*self.current, *self.off, *self.on, *self.member, *self.actual]

    def store(self, place: int, networks: Sequence[Network]) -> None:
        """Write the cells of all networks back."""
        actual, current = self.actual[place].cpu().numpy(), self.current[place].to(torch.int16).cpu().numpy()
        for row, network in enumerate(networks):
            rows, synapses = network.settings.shapes[place]
            array, bits = network.arrays[place], network.settings.bits
            array.actual[:, :synapses] = actual[row]
            array.current.reshape(rows, bits, -1)[:, :, :synapses] = current[row, :, :bits]

    def read(self, place: int, x: torch.Tensor) -> torch.Tensor:
        """int64 (network, image, synapse): what the converters and the subtraction make of the columns."""
        networks, rows, planes, synapses = self.current[place].shape
        x = x.to(self.current[place].dtype)
        amps = torch.bmm(x, self.current[place].view(networks, rows, planes * synapses)).double()
        amps = amps.view(networks, x.shape[1], planes, synapses)
        amps = analog_kernel.wire_loss(amps, self.shared[place])
        taken = torch.bmm(x, self.reference[place][:, :, None]).double()[..., None]
        taken = analog_kernel.wire_loss(taken, self.shared[place]) * self.inverse
        base = torch.where(self.analog, 0.0, torch.minimum(taken.floor(), self.ceiling))
        start = torch.where(self.analog, 0.5 - taken, 0.0)
        level = torch.minimum((amps * self.inverse + start).clamp(min=0.0), self.ceiling).floor()
        total = ((level - base) * self.value).sum(2)
        return (total * self.step).round().long()

    def _drawn(self, place: int, step: int) -> tuple[_Draws, int]:
        """The random events of a block of images that holds `step`, and where in it `step` lies."""
        draws = self.draws[place]
        failures, candidates = self.most_failures[place], self.most_candidates[place]
        size = max(1, min(256, _BLOCK_DRAWS // (len(self.seeds) * max(failures, candidates, 1))))
        if draws is None or not draws.first <= step < draws.first + size:
            nothing = torch.zeros((size, len(self.seeds), 0), dtype=torch.int64, device=self.device)
            draws = _Draws(step, nothing, nothing, nothing)
            if failures:
                draws.failures = failure_events(self.seeds, self.replicas, step, size, place, failures)
            if self.disturbed:
                rates = self.highest[:, 0]
                draws.reads, draws.marks = disturb_candidates(
                    self.seeds, self.replicas, rates, step, size, place, candidates
                )
            self.draws[place] = draws
        return draws, step - draws.first

    def disturb(self, place: int, x: torch.Tensor, active: torch.Tensor, step: int, batch: Batch) -> None:
        """Read disturbs of the cells on the active rows of x (network, row), `active` (network,) of them."""
        if not self.disturbed:
            return
        draws, image = self._drawn(place, step)
        reads, marks = draws.reads[image], draws.marks[image]
        networks, rows, planes, synapses = self.current[place].shape
        cells = synapses * self.bits
        number = torch.arange(reads.shape[1], device=self.device)
        real = (reads < active[:, None] * cells) & (number < self.candidates[place])
        reads = torch.where(real, reads, 0)
        # Candidates lie along the cells of the active rows, one row after the other.
        lit = torch.sort(x, dim=1, descending=True, stable=True).indices
        row = torch.gather(lit, 1, reads // cells)
        bit, synapse = reads % cells // synapses, reads % synapses
        cell = (row * planes + bit) * synapses + synapse
        digit = row * synapses + synapse
        flat = self.actual[place].view(networks, -1)
        held = (torch.gather(flat, 1, digit) >> bit) & 1
        member = torch.gather(self.member[place].view(networks, -1), 1, cell).long()
        rate = torch.take(self.rate, self.start[:, :, 0] + member)
        lost = real & (held == 1) & (marks * self.highest < rate)
        # A cell is lost once, however many candidates hit it.
        far = planes * rows * synapses
        named, order = torch.sort(torch.where(lost, cell, far + number), dim=1)
        first = torch.ones_like(lost)
        first[:, 1:] = named[:, 1:] != named[:, :-1]
        lost = torch.gather(lost, 1, order) & first
        cell, digit, bit = (torch.gather(index, 1, order) for index in (cell, digit, bit))
        current = self.current[place].view(networks, -1)
        change = torch.gather(self.off[place].view(networks, -1), 1, cell).to(current.dtype)
        change = torch.where(lost, change - torch.gather(current, 1, cell), 0.0)
        current.scatter_add_(1, cell, change)
        # Bits are taken away by adding 256 - 2^b: digits are bytes and wrap.
        flat.scatter_add_(1, digit, torch.where(lost, 256 - (1 << bit), 0).to(torch.uint8))
        batch.counters[place][:, kernel.DISTURBS] += lost.sum(1)
        if self.mode == READ_BACK:
            self._read_back(place, batch)

    def _read_back(self, place: int, batch: Batch) -> None:
        """Targets and software weights become what the cells hold."""
        batch.digits[place].copy_(self.actual[place])
        middle = (self.actual[place].double() + 0.5) / (0.5 * self.top) - 1.0
        batch.weights[place].copy_(middle.clamp(max=1.0))

    def write(
        self,
        place: int,
        rows: torch.Tensor | None,
        old: torch.Tensor,
        new: torch.Tensor,
        step: int,
        batch: Batch,
    ) -> None:
        """Pulse the cells whose target changes from `old` to `new` (network, row, synapse).

        `rows` (network, row): which rows they are, None for all of them in order.
        """
        turned = old ^ new
        self._count(place, turned, new, batch)
        if self.most_failures[place]:
            failed = self._failed(place, rows, turned, new, step)
            batch.counters[place][:, kernel.WRITE_ERRORS] += popcount(failed)
            turned = turned & ~failed
        held = take(self.actual[place], rows)
        held = (held & ~turned) | (new & turned)
        put(self.actual[place], rows, held)
        bit = torch.arange(self.planes, device=self.device, dtype=torch.uint8)[:, None]
        ones = ((held[:, :, None, :] >> bit) & 1) == 1
        now = torch.where(ones, take(self.on[place], rows), take(self.off[place], rows))
        put(self.current[place], rows, now.to(self.current[place].dtype))
        if self.mode == READ_BACK:
            self._read_back(place, batch)

    def _failed(
        self, place: int, rows: torch.Tensor | None, turned: torch.Tensor, new: torch.Tensor, step: int
    ) -> torch.Tensor:
        """uint8 (network, row, synapse): the bits of `turned` whose pulse an event of the clock meets."""
        networks, count, synapses = turned.shape
        draws, image = self._drawn(place, step)
        events = draws.failures[image]
        member = take(self.member[place], rows)

        def age(members: torch.Tensor, flips: torch.Tensor, target: torch.Tensor, bit: int) -> torch.Tensor:
            start = self.start if members.dim() == 3 else self.start[:, :, 0]
            place_of = 2 * (start + members.long()) + ((target >> bit) & 1).long()
            return torch.take(self.age, place_of) * ((flips >> bit) & 1).long()

        total = torch.zeros((networks, count, synapses), dtype=torch.int64, device=self.device)
        for bit in range(self.planes):
            total += age(member[:, :, bit], turned, new, bit)
        total = total.view(networks, -1)
        clock = total.cumsum(1)
        # In float64, since what is far too much would wrap around.
        self.short |= (total.sum(1, dtype=torch.float64) >= events[:, -1]).any()
        entry = torch.searchsorted(clock, events.contiguous())
        met = entry < clock.shape[1]
        entry = entry.clamp(max=clock.shape[1] - 1)
        # Within the synapse that an event falls into, the bits come one after the other.
        now = torch.gather(clock, 1, entry) - torch.gather(total, 1, entry)
        flips = torch.gather(turned.reshape(networks, -1), 1, entry)
        target = torch.gather(new.reshape(networks, -1), 1, entry)
        row, synapse = entry // synapses, entry % synapses
        flat = member.reshape(networks, -1)
        mask = torch.zeros_like(flips)
        for bit in range(self.planes):
            cell = (row * self.planes + bit) * synapses + synapse
            after = now + age(torch.gather(flat, 1, cell), flips, target, bit)
            mask |= (((now < events) & (events <= after)).to(torch.uint8)) << bit
            now = after
        mask = torch.where(met, mask, 0)
        # Events come in order: a pulse that several of them meet fails once.
        again = (entry[:, 1:] == entry[:, :-1]) & (mask[:, 1:] == mask[:, :-1])
        mask[:, 1:] = torch.where(again, 0, mask[:, 1:])
        failed = torch.zeros((networks, count * synapses), dtype=torch.uint8, device=self.device)
        return failed.scatter_add_(1, entry, mask).view_as(turned)

    def _count(self, place: int, turned: torch.Tensor, new: torch.Tensor, batch: Batch) -> None:
        counters = batch.counters[place]
        sets, resets = turned & new, turned & ~new
        counters[:, kernel.SET_FLIPS] += popcount(sets)
        counters[:, kernel.RESET_FLIPS] += popcount(resets)
        counters[:, kernel.SET_ROWS] += (sets != 0).any(2).sum(1)
        counters[:, kernel.RESET_ROWS] += (resets != 0).any(2).sum(1)
        changed = turned != 0
        counters[:, kernel.WRITTEN_ROWS] += changed.any(2).sum(1)
        size = self.batch_sizes[place]
        changed = torch.nn.functional.pad(changed, (0, -changed.shape[2] % size))
        counters[:, kernel.WRITTEN_BATCHES] += changed.view(*changed.shape[:2], -1, size).any(3).sum((1, 2))
