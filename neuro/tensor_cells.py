"""The `physical` cells in torch: currents, converters, write errors and disturbs of many networks at once.

Twin of `neuro.analog_kernel`: the same integers for currents and error clocks, so the same traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neuro import analog_kernel, kernel
from neuro.analog_kernel import DISTURB_LIMIT, READ_BACK
from neuro.network import Network
from neuro.synapse import Integers

if TYPE_CHECKING:
    from neuro.tensor_network import Batch


class CellTensors:
    """currents float64 and cells int64 of each array as (network, row, plane, synapse[, 3])."""

    def __init__(
        self,
        networks: Sequence[Network],
        device: torch.device,
        planes: int,
        batch_numbers: Sequence[Integers],
    ) -> None:
        self.networks, self.device, self.planes = list(networks), device, planes
        self.mode = networks[0].mode
        self.current: list[torch.Tensor] = []
        self.cell: list[torch.Tensor] = []
        self.actual: list[torch.Tensor] = []
        self.reference: list[torch.Tensor] = []
        self.batch_numbers = [torch.from_numpy(numbers).to(device) for numbers in batch_numbers]
        for place, (rows, synapses) in enumerate(networks[0].settings.shapes):
            current = np.zeros((len(networks), rows, planes, synapses))
            cell = np.zeros((len(networks), rows, planes, synapses, 3), dtype=np.int64)
            for row, network in enumerate(networks):
                bits = network.settings.bits
                shape = (rows, bits, -1)
                current[row, :, :bits] = network.arrays[place].current.reshape(shape)[:, :, :synapses]
                cell[row, :, :bits] = network.chips[place].cell[:, :, :3].reshape(*shape, 3)[:, :, :synapses]
            self.current.append(torch.from_numpy(current).to(device))
            self.cell.append(torch.from_numpy(cell).to(device))
            actual = np.stack([n.arrays[place].actual[:, :synapses] for n in networks])
            self.actual.append(torch.from_numpy(actual).to(device))
            reference = np.stack([n.chips[place].reference for n in networks]).astype(np.float64)
            self.reference.append(torch.from_numpy(reference).to(device))
        # Ages of all populations behind one another; `first` is where each network's begin.
        sizes = np.cumsum([0] + [n.age.shape[0] for n in networks])[:-1]
        self.first = torch.from_numpy(sizes).to(device)
        self.age = torch.from_numpy(np.concatenate([n.age for n in networks])).to(device)

        def column(values: Sequence[Any]) -> torch.Tensor:
            return torch.from_numpy(np.array(values)).to(device).view(-1, 1, 1, 1)

        adcs = [n.settings.adc for n in networks]
        self.shared = [column([n.shared[place] for n in networks]) for place in range(len(self.current))]
        self.inverse = column([n.inverse for n in networks])
        self.ceiling = column([float(adc.ceiling) for adc in adcs])
        self.analog = column([adc.reference == "analog" for adc in adcs])
        self.step = column([float(adc.step) for adc in adcs]).view(-1, 1, 1)
        self.value = column([[2.0**b * (b < n.settings.bits) for b in range(planes)] for n in networks]).view(
            len(networks), 1, planes, 1
        )
        self.top = column([float(n.coding.top) for n in networks]).view(-1, 1, 1)

    def store(self, place: int, row: int, network: Network) -> None:
        """Write the cells of one network back."""
        rows, synapses = network.settings.shapes[place]
        array, bits = network.arrays[place], network.settings.bits
        array.actual[:, :synapses] = self.actual[place][row].cpu().numpy()
        shaped = array.current.reshape(rows, bits, -1)
        shaped[:, :, :synapses] = self.current[place][row, :, :bits].cpu().numpy()
        array.current = shaped.reshape(rows, -1)

    def read(self, place: int, x: torch.Tensor) -> torch.Tensor:
        """int64 (network, image, synapse): what the converters and the subtraction make of the columns."""
        networks, rows, planes, synapses = self.current[place].shape
        amps = torch.bmm(x, self.current[place].view(networks, rows, planes * synapses))
        amps = amps.view(networks, x.shape[1], planes, synapses)
        amps = analog_kernel.wire_loss(amps, self.shared[place])
        taken = torch.bmm(x, self.reference[place][:, :, None])[..., None]
        taken = analog_kernel.wire_loss(taken, self.shared[place]) * self.inverse
        base = torch.where(self.analog, 0.0, torch.minimum(taken.floor(), self.ceiling))
        start = torch.where(self.analog, 0.5 - taken, 0.0)
        level = torch.minimum((amps * self.inverse + start).clamp(min=0.0), self.ceiling).floor()
        total = ((level - base) * self.value).sum(2)
        return (total * self.step).round().long()

    def disturb(self, place: int, x: torch.Tensor, step: int, batch: Batch) -> None:
        """Read disturbs of the cells on the active rows of x (network, row)."""
        places, marks = np.zeros(DISTURB_LIMIT, dtype=np.int64), np.zeros(DISTURB_LIMIT)
        for row, network in enumerate(self.networks):
            if network.highest_rate <= 0.0:
                continue
            settings = network.settings
            synapses = settings.shapes[place][1]
            cells = synapses * settings.bits
            seed, replica = np.uint32(settings.seed), np.uint32(network.replica)
            # Candidates lie along the cells of all rows; only those of active rows, counted on, are real.
            reads = network.settings.shapes[place][0] * cells
            found = analog_kernel.disturbs(
                seed, replica, step, place, reads, network.highest_rate, places, marks
            )
            if not found:
                continue
            active = torch.nonzero(x[row])[:, 0].tolist()
            for at, mark in zip(places[:found].tolist(), marks[:found].tolist(), strict=True):
                if at // cells >= len(active):
                    break
                k, bit, j = active[at // cells], at % cells // synapses, at % cells % synapses
                member = int(self.cell[place][row, k, bit, j, 2])
                held = int(self.actual[place][row, k, j])
                if not held >> bit & 1 or mark * network.highest_rate >= network.disturb_rate[member]:
                    continue
                held &= ~(1 << bit)
                self.actual[place][row, k, j] = held
                self.current[place][row, k, bit, j] = self.cell[place][row, k, bit, j, 0].double()
                batch.counters[place][row, kernel.DISTURBS] += 1
                if self.mode == READ_BACK:
                    batch.digits[place][row, k, j] = held
                    batch.weights[place][row, k, j] = min(
                        (held + 0.5) / (0.5 * network.coding.top) - 1.0, 1.0
                    )

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
        at = torch.nonzero(turned)
        network, row, synapse = at.unbind(1)
        flips, target = turned[network, row, synapse], new[network, row, synapse]
        if rows is not None:
            row = rows[network, row]
            at = torch.stack([network, row, synapse], 1)
        held = self.actual[place][network, row, synapse]
        self.actual[place][network, row, synapse] = (held & ~flips) | (target & flips)
        bit = torch.arange(self.planes, device=self.device)
        pulsed = (flips.long()[:, None] >> bit) & 1
        ones = (target.long()[:, None] >> bit) & 1
        cell = self.cell[place][network, row, :, synapse]
        before = self.current[place][network, row, :, synapse]
        chosen = torch.gather(cell, 2, ones[..., None])[..., 0].double()
        self.current[place][network, row, :, synapse] = torch.where(pulsed == 1, chosen, before)
        age = self.age[self.first[network][:, None] + cell[..., 2], ones] * pulsed
        self._count(place, at, pulsed, ones, batch)
        # Networks share nothing: an integer sum over all pulses, each network counted from its own start.
        clock = age.view(-1).cumsum(0).view_as(age)
        self._fail(place, at, clock, pulsed, held, before, step, batch)
        if self.mode == READ_BACK:
            batch.digits[place] = self.actual[place].clone()
            batch.weights[place] = ((self.actual[place].double() + 0.5) / (0.5 * self.top) - 1.0).clamp(
                max=1.0
            )

    def _count(self, place: int, at: Any, pulsed: torch.Tensor, ones: torch.Tensor, batch: Batch) -> None:
        counters = batch.counters[place]
        networks, rows = self.current[place].shape[:2]
        network, row, synapse = at.unbind(1)
        sets, pulses = (pulsed * ones).sum(1), pulsed.sum(1)

        def by_network(values: torch.Tensor) -> torch.Tensor:
            return torch.zeros(networks, dtype=torch.int64, device=self.device).index_add_(0, network, values)

        def distinct(index: torch.Tensor, width: int) -> torch.Tensor:
            hit = torch.zeros(networks * width, dtype=torch.bool, device=self.device)
            hit[index] = True
            return hit.view(networks, width).sum(1)

        line = network * rows + row
        counters[:, kernel.SET_FLIPS] += by_network(sets)
        counters[:, kernel.RESET_FLIPS] += by_network(pulses - sets)
        counters[:, kernel.SET_ROWS] += distinct(line[sets > 0], rows)
        counters[:, kernel.RESET_ROWS] += distinct(line[pulses > sets], rows)
        counters[:, kernel.WRITTEN_ROWS] += distinct(line, rows)
        width = int(self.batch_numbers[place][-1]) + 1
        counters[:, kernel.WRITTEN_BATCHES] += distinct(
            line * width + self.batch_numbers[place][synapse], rows * width
        )

    def _fail(
        self,
        place: int,
        at: torch.Tensor,
        clock: torch.Tensor,
        pulsed: torch.Tensor,
        held: torch.Tensor,
        before: torch.Tensor,
        step: int,
        batch: Batch,
    ) -> None:
        """Undo the pulses at which a network's error clock ran out."""
        network = at[:, 0]
        counts = torch.bincount(network, minlength=len(self.networks))
        ends = counts.cumsum(0)
        for index, one in enumerate(self.networks):
            seed, replica = np.uint32(one.settings.seed), np.uint32(one.replica)
            last = int(ends[index])
            first = last - int(counts[index])
            if first == last:
                continue
            zero = int(clock[first - 1, -1]) if first else 0
            runs_out = int(analog_kernel.lifetime(seed, replica, step, 0, place))
            if int(clock[last - 1, -1]) - zero <= runs_out:
                continue
            draw = 0
            flat = (clock[first:last] - zero).view(-1).tolist()
            real = pulsed[first:last].reshape(-1).tolist()
            for position, (now, pulse) in enumerate(zip(flat, real, strict=True)):
                if not pulse or now <= runs_out:
                    continue
                draw += 1
                runs_out = now + int(analog_kernel.lifetime(seed, replica, step, draw, place))
                entry, bit = first + position // self.planes, position % self.planes
                k, j = int(at[entry, 1]), int(at[entry, 2])
                mask = 1 << bit
                actual = int(self.actual[place][index, k, j])
                self.actual[place][index, k, j] = (actual & ~mask) | (int(held[entry]) & mask)
                self.current[place][index, k, bit, j] = before[entry, bit]
                batch.counters[place][index, kernel.WRITE_ERRORS] += 1
