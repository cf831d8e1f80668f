"""A multilayer perceptron whose weights lie in synaptic arrays: settings, constants and state.

Activations are binary; array l has one row for each neuron of layer l and one synapse a row for each neuron
of layer l+1. A `Network` is one bitcell and one replica; the engines (`neuro.training`: compiled,
`neuro.tensor_network`: torch) change its state in place.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import asdict, dataclass, field

import numpy as np

from flow.table import UserError
from neuro.accounting import ArrayEvents
from neuro.cells import Bitcell
from neuro.clock import AGE_SCALE, DISTURB_LIMIT, most_events
from neuro.population import Chip, ages, chip, shared_wire
from neuro.pulse import CLIPPED, FREE, READ_BACK
from neuro.random import PURPOSE_IMAGE, PURPOSE_WEIGHT, LibcRandom, check_seed, philox_integers
from neuro.synapse import (
    Adc,
    Digits,
    Floats,
    Integers,
    SigmoidTable,
    WeightCoding,
    off_ratio,
    padded,
    reference_count,
    sigmoid_table,
)

MODES = {"readback": READ_BACK, "clipped": CLIPPED, "free": FREE}
OPTIMIZERS = ("sgd", "momentum", "adam", "rmsprop")


@dataclass(frozen=True)
class Settings:
    """What is trained and how; everything that the traces depend on, bar cell, replica and data.

    `rates`: learning rate of each array. `software_weights` (physical model): "clipped" to what cells hold,
    "readback" from the cells, "free" (the reference simulator's). `wire_ohm`: (along a row, along a column)
    resistance of the wire of one cell (physical model), in series with each cell alone; with `shared_column`
    all cells of a column share its wire (`neuro.population.shared_wire`). `batch`: images to one update of
    the weights.
    """

    model: str = "physical"
    layers: tuple[int, ...] = (400, 100, 10)
    rates: tuple[float, ...] = (0.4, 0.2)
    bits: int = 6
    images_per_epoch: int = 8000
    adc: Adc = field(default_factory=Adc)
    software_weights: str = "clipped"
    wire_ohm: tuple[float, float] = (0.0, 0.0)
    shared_column: bool = False
    optimizer: str = "sgd"
    batch: int = 1
    rng: str = "philox"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in ("physical", "neurosim"):
            raise UserError(f"the model is physical or neurosim, not {self.model}", key="model")
        if len(self.layers) < 2 or not all(2 <= size <= 16384 for size in self.layers):
            raise UserError("give two or more layers of 2 to 16384 neurons", key="layers")
        if len(self.rates) != len(self.layers) - 1:
            raise UserError(f"{len(self.layers) - 1} arrays need as many learning rates", key="rates")
        if not all(math.isfinite(rate) and rate > 0.0 for rate in self.rates):
            raise UserError("a learning rate must be positive", key="rates")
        if self.software_weights not in MODES:
            raise UserError(f"software weights are {', '.join(MODES)}", key="software_weights")
        if self.optimizer not in OPTIMIZERS:
            raise UserError(f"the optimizer is one of {', '.join(OPTIMIZERS)}", key="optimizer")
        if self.rng not in ("philox", "libc"):
            raise UserError(f"the generator is philox or libc, not {self.rng}", key="rng")
        if self.images_per_epoch < 1 or self.batch < 1:
            raise UserError("images per epoch and batch must be at least 1", key="images")
        if self.model == "neurosim" and self.adc.reference != "column":
            raise UserError("the reference simulator has a reference column", key="adc_reference")
        check_seed(self.seed)
        WeightCoding(self.bits)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(rows, synapses) of each array."""
        return list(itertools.pairwise(self.layers))

    @property
    def compiled(self) -> bool:
        """Whether the compiled kernels can do it: two arrays, plain SGD image by image."""
        return len(self.layers) == 3 and self.optimizer == "sgd" and self.batch == 1

    def canonical(self) -> str:
        """All settings as text, for a digest."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass
class ArrayState:
    """One array as it is now; rows are padded to a multiple of 8 synapses.

    weights float64 (rows, padded): software weights; digits uint8 alike: what the cells were told to hold;
    touched uint8: cells that ever flipped (neurosim); actual uint8: what the cells hold (physical);
    current int16 (rows, bits * padded): what they conduct (physical); moments float64 (2, rows, padded) and
    gradient (rows, padded) of optimisers that keep them (else empty).
    """

    weights: Floats
    digits: Digits
    touched: Digits
    actual: Digits
    current: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
    moments: Floats
    gradient: Floats


def initial_weights(settings: Settings, replica: int) -> list[Floats]:
    """(rows, synapses) of each array: thirds from -1 to 1, drawn neuron by neuron (output slowest)."""
    thirds = []
    libc = LibcRandom(2 + settings.seed + replica) if settings.rng == "libc" else None
    for place, (rows, synapses) in enumerate(settings.shapes):
        count = rows * synapses
        if libc is not None:
            draws = libc.draw(count) % 7
        else:
            draws = philox_integers(settings.seed, replica, int(PURPOSE_WEIGHT), place, 0, count, 7)
        thirds.append(((draws - 3) / 3.0).reshape(synapses, rows).T.copy())
    return thirds


class Images:
    """The training images of a replica in their order, drawn with replacement; any part, any time."""

    def __init__(self, settings: Settings, replica: int, available: int) -> None:
        self.settings, self.replica, self.available = settings, replica, available
        self.drawn = 0
        self.libc: LibcRandom | None = None

    def __call__(self, first: int, count: int) -> Integers:
        """(count,) int64 indices of the images number `first` on."""
        settings = self.settings
        if settings.rng == "philox":
            return philox_integers(
                settings.seed, self.replica, int(PURPOSE_IMAGE), 0, first, count, self.available
            )
        if self.libc is None or first < self.drawn:
            # Seed 0 belongs to the published sequence; further replicas take seeds far from the weights'.
            index = settings.seed + self.replica
            self.libc, self.drawn = LibcRandom(0 if index == 0 else 1_000_000 + index), 0
        self.libc.draw(first - self.drawn)
        self.drawn = first + count
        return np.asarray(self.libc.draw(count) % self.available)


class Network:
    """One bitcell, one replica: constants of the read-out and the state of its arrays.

    `reference[l]` int64 (rows + 1,): the reference column's count; `offset[l]` float64 (rows + 1,): OFF
    current of n rows in units of the ON-OFF difference. Physical model: `chips`, the cells; `shared[l]`, G
    R of a column for each unit of current; `oldest[l]` float64 (rows,), a bound of the age of a pulse in
    each row; `failures[l]`, failed pulses if all cells flipped; `candidates[l]`, disturbs drawn an image.
    """

    def __init__(self, bitcell: Bitcell, settings: Settings, replica: int = 0) -> None:
        self.bitcell, self.settings, self.replica = bitcell, settings, replica
        self.coding = WeightCoding(settings.bits)
        self.mode = MODES["free" if settings.model == "neurosim" else settings.software_weights]
        self.bound = math.inf if self.mode == FREE else 1.0
        self.reference: list[Integers] = []
        self.offset: list[Floats] = []
        self.chips: list[Chip] = []
        self.shared: list[float] = []
        if settings.model == "neurosim":
            cell = bitcell.cell
            rho = off_ratio(float(cell.r_on_ohm), float(cell.r_off_ohm))
            for rows, _ in settings.shapes:
                self.reference.append(
                    reference_count(rows, float(cell.r_off_ohm), float(cell.read_voltage_V))
                )
                self.offset.append(np.arange(rows + 1, dtype=np.float64) * np.float64(rho))
        else:
            self._build_chips()
        self.sigmoid = self._sigmoid()
        self.arrays = [self._array(place, w) for place, w in enumerate(initial_weights(settings, replica))]
        self.events = [ArrayEvents.none(rows) for rows, _ in settings.shapes]

    def _build_chips(self) -> None:
        settings, population = self.settings, self.bitcell.population
        row_ohm, column_ohm = settings.wire_ohm
        for place, (rows, synapses) in enumerate(settings.shapes):
            self.reference.append(np.arange(rows + 1, dtype=np.int64))
            self.offset.append(np.zeros(rows + 1))
            self.chips.append(
                chip(
                    population,
                    self.bitcell.resistances,
                    rows,
                    synapses,
                    settings.bits,
                    settings.seed,
                    self.replica,
                    place,
                    (row_ohm, 0.0 if settings.shared_column else column_ohm),
                )
            )
            all_of_it = rows * column_ohm if settings.shared_column else 0.0
            self.shared.append(shared_wire(self.bitcell.resistances, self.chips[place].unit, all_of_it))
        unit = self.chips[0].unit
        self.inverse = 1.0 / (settings.adc.step * unit)
        self.age = ages(population)
        with np.errstate(divide="ignore"):
            self.disturb_rate = np.minimum(-np.log1p(-population.rdr), 64.0)
        self.highest_rate = float(self.disturb_rate.max())
        reads = [rows * synapses * settings.bits * self.highest_rate for rows, synapses in settings.shapes]
        if max(reads) > 0.5 * DISTURB_LIMIT:
            raise UserError("the read disturb rate is so high that cells lose their state at once", key="rdr")
        self.candidates = [most_events(expected) for expected in reads]
        oldest = self.age.max(axis=1)
        # Padded synapses count as member 0 here, and rounding up a little: it only makes the bound wider.
        self.oldest = [(1.0 + 1e-9) * oldest[one.member].max(axis=1) for one in self.chips]
        self.failures = [float(oldest[one.member].sum(dtype=np.float64) / AGE_SCALE) for one in self.chips]

    def _sigmoid(self) -> SigmoidTable:
        """A table wide enough for every sum, whatever the converter or the cells do."""
        settings, top, middle = self.settings, self.coding.top, self.coding.middle
        rows = max(settings.layers[:-1])
        if settings.model == "neurosim":
            return sigmoid_table(
                top, -rows * middle - (settings.adc.ceiling + 1) * top, (rows + 1) * (top + 1)
            )
        span = math.ceil(settings.adc.ceiling * top * settings.adc.step)
        return sigmoid_table(top, -span - rows * middle, span)

    def _array(self, place: int, weights: Floats) -> ArrayState:
        settings = self.settings
        rows, synapses = weights.shape
        wide = padded(synapses)
        full = np.full((rows, wide), -1.0)
        full[:, :synapses] = weights
        digits = self.coding.encode(full)
        if self.mode == READ_BACK:
            full[:] = self.coding.decode(digits)
        touched = digits.copy()
        # The cells are first erased to the middle digit: its ones are SET then, whatever is written next.
        touched[:, :synapses] |= np.uint8(self.coding.middle)
        nothing = np.zeros((0, 0))
        stateful = settings.optimizer != "sgd"
        state = ArrayState(
            full,
            digits,
            touched,
            digits.copy(),
            np.zeros((0, 0), dtype=np.int16),
            np.zeros((2, rows, wide)) if stateful else nothing,
            np.zeros((rows, wide)) if settings.batch > 1 else nothing,
        )
        if settings.model == "physical":
            state.current = self.currents(place, digits)
        return state

    def currents(self, place: int, digits: Digits) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        """int16 (rows, bits * padded): what the cells of array `place` conduct when they hold `digits`."""
        one = self.chips[place]
        ones = (digits[:, None, :] >> np.arange(self.settings.bits, dtype=np.uint8)[None, :, None]) & 1
        flat = ones.reshape(digits.shape[0], -1)
        return np.where(flat == 1, one.on, one.off)

    def write_offline(self, weights: list[Floats]) -> None:
        """Make software weights (rows, synapses) the targets of the cells, which hold them without an error.

        `neuro.offline.program` adds what one pulse a cell gets wrong.
        """
        for place, given in enumerate(weights):
            if given.shape != self.settings.shapes[place]:
                raise UserError(f"weights of shape {given.shape} instead of {self.settings.shapes[place]}")
            self.arrays[place] = self._array(place, given)
