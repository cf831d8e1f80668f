"""Offline classification: weights trained in software, written once into the array, tested there.

The software network knows the number of bits and the range of a synapse (it trains with digits that cut and
truncate as the cells will), but no cell: no spread, no errors, a converter that never clips.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from neuro.cells import Bitcell
from neuro.dataset import Dataset
from neuro.network import Settings
from neuro.population import Spread
from neuro.synapse import Adc
from neuro.training import Run, engine_for, train_all


def software_run(bitcell: Bitcell, settings: Settings, replica: int, data: Dataset, epochs: int) -> Run:
    """A run of the same network on ideal cells, trained to `epochs`; raises UserError as `train_all` does."""
    cell = dataclasses.replace(bitcell.cell, wer_0to1=math.nan, wer_1to0=math.nan, rdr=math.nan)
    ideal = dataclasses.replace(bitcell, cell=cell, spread=Spread(), members=None)
    chosen = dataclasses.replace(
        settings,
        model="physical",
        adc=Adc(16, 1.0, "analog"),
        software_weights="clipped",
        wire_ohm=(0.0, 0.0),
    )
    run = Run(ideal, chosen, replica)
    train_all([run], data, epochs)
    return run


def classify(
    trained: Run, bitcells: Sequence[Bitcell], settings: Settings, data: Dataset
) -> list[tuple[float, float]]:
    """(accuracy, accuracy without the ADC's clamp) in per cent, of the weights in arrays of each bitcell.

    Each array is the chip of the trained run's replica. The second figure is NaN in the physical model.
    """
    weights = [
        array.weights[:, :synapses]
        for array, (_, synapses) in zip(trained.network.arrays, trained.settings.shapes, strict=True)
    ]
    results = []
    for bitcell in bitcells:
        run = Run(bitcell, settings, trained.replica)
        run.network.write_offline(weights)
        right, free = engine_for(settings, data, "cpu").examine([run])[0]
        tested = len(data.test)
        results.append((100.0 * right / tested, math.nan if free < 0 else 100.0 * free / tested))
    return results
