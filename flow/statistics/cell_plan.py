"""The plan of one bitcell variant: nominal device, populations of its operations, energies; its table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from flow.measure import pulses as pulses_file
from flow.measure.bench import Bench
from flow.measure.pieces import NominalSearch, VariantAt
from flow.measure.pulses import SamplePulses
from flow.measure.samples import BATCH, Operation, SampleRates, operations_of
from flow.parallel import Arrays, Plan, Task
from flow.spec import Line, PopulationSpec, Study
from flow.statistics.family import Family, batches, family_plan
from flow.statistics.importance import Proposal
from flow.statistics.population import Population, population_plan
from flow.statistics.quantities import population_variant
from flow.statistics.sampling import layout, uniforms
from flow.statistics.typical import PULSES, Typical
from flow.statistics.variation import variation_of
from flow.table import BitcellTable

Array = NDArray[np.float64]


def variant_plan(bench: Bench, study: Study) -> Plan:
    """Plan that returns the `CellVariant` of one bitcell variant.

    The stored voltages are those at which the population mean meets the targets, or the nominal device
    (`criterion`); every stored figure is then simulated at exactly these voltages.
    """
    settings, nodes = study.population, study.characterize.state_nodes
    (search,) = cast(list[Arrays], (yield [NominalSearch(bench, nodes, study.characterize.voltage_step)]))
    starts = [float(row[0]) for row in search["points"]]
    solve = settings.criterion == "population"
    operations = operations_of(bench)
    populations = cast(
        list[Population],
        (
            yield [
                population_plan(bench, operation, settings, start, solve=solve)
                for operation, start in zip(operations, starts, strict=True)
            ]
        ),
    )
    further = _given_voltages(bench, settings, operations)
    found = yield [*further, *(family_plan(bench, settings, population) for population in populations)]
    pulses = cast(list[Population], found[: len(further)])
    families = cast(list[Family], found[len(further) :])
    voltages = [population.point.value for population in populations]
    typical = _typical(bench, settings, settings.pulses)
    many = _typical(bench, settings, max(settings.check_samples, settings.pulses))
    read = operations[2]
    tasks = [
        [VariantAt(bench, search, (voltages[0], voltages[1], voltages[2]), nodes)],
        _pulse_tasks(bench, "write", operations[0].line, voltages[0], operations[0], typical, 0),
        _pulse_tasks(bench, "write", operations[1].line, voltages[1], operations[1], typical, 1),
        _pulse_tasks(bench, "read", read.line, voltages[2], read, typical, 0),
        _pulse_tasks(bench, "read", read.line, voltages[2], read, typical, 1),
        _rate_tasks(bench, read, many, voltages[2], settings),
    ]
    found = yield [cast(Task, task) for group in tasks for task in group]
    groups = []
    for group in tasks:
        groups.append(found[: len(group)])
        found = found[len(group) :]
    table = cast(BitcellTable, groups[0][0])
    measured = Typical(
        pulse_y=typical,
        pulses={name: _joined(group, typical) for name, group in zip(PULSES, groups[1:5], strict=True)},
        static_y=many,
        static=_joined(groups[5], many),
    )
    nominal = table.cells[bench.name][bench.variant_name]
    return population_variant(bench, nominal, starts, populations, pulses, families, measured, settings)


def expected_tasks(bench: Bench, study: Study) -> int:
    """How many tasks `variant_plan` usually asks for, for progress and ETA."""
    settings = study.population
    pilots = 0 if settings.estimator == "plain" else 2
    one = pilots + -(-settings.samples // BATCH) + -(-settings.check_samples // BATCH)
    given = bench.variant.given_voltages is not None and settings.estimator != "plain"
    operations = 5 if given else 3
    many = -(-max(settings.check_samples, settings.pulses) // BATCH)
    return (
        1 + operations * one + 1 + 3 * batches(settings) + 4 * -(-settings.pulses // pulses_file.BATCH) + many
    )


def _given_voltages(
    bench: Bench, settings: PopulationSpec, operations: Sequence[Operation]
) -> list[Plan | Task]:
    """Plans of the pulses that the variant's given voltages need, if it gives any."""
    given = bench.variant.given_voltages
    if given is None or settings.estimator == "plain":
        # Plain sampling validates what the table's main figures are.
        return []
    return [
        population_plan(bench, operation, settings, operation.pulse, axis="pulse", voltage=voltage)
        for operation, voltage in zip(operations[:2], (given.write_0to1, given.write_1to0), strict=True)
    ]


def _typical(bench: Bench, settings: PopulationSpec, samples: int) -> Array:
    """Unweighted samples of the population itself, (R, M, D)."""
    replicates, points = layout(samples)
    dimension = variation_of(bench).dimension
    uniform = uniforms(
        settings.sampling, dimension, replicates, points, seed=settings.seed, stream=f"{bench.name}/typical"
    )
    return Proposal.plain(dimension).draw(uniform)[0]


def _pulse_tasks(
    bench: Bench,
    testbench: str,
    line: Line,
    voltage: float,
    operation: Operation,
    y: Array,
    stored: int,
) -> Sequence[SamplePulses]:
    flat, size = y.reshape(-1, y.shape[-1]), pulses_file.BATCH
    return [
        SamplePulses(bench, testbench, line, voltage, operation.pulse, stored, flat[first : first + size])
        for first in range(0, flat.shape[0], size)
    ]


def _rate_tasks(
    bench: Bench, operation: Operation, y: Array, voltage: float, settings: PopulationSpec
) -> Sequence[SampleRates]:
    flat = y.reshape(-1, y.shape[-1])
    return [
        SampleRates(
            bench,
            operation,
            flat[first : first + BATCH],
            np.array([voltage]),
            np.array([operation.pulse]),
            settings.state_nodes,
        )
        for first in range(0, flat.shape[0], BATCH)
    ]


def _joined(parts: Sequence[Arrays], y: Array) -> Arrays:
    """Batches put together again and shaped like their samples, (R, M, ...)."""
    return {
        name: np.concatenate([part[name] for part in parts]).reshape(*y.shape[:2], *parts[0][name].shape[1:])
        for name in parts[0]
    }
