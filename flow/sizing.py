"""Sizing: fins, voltages and pulse of a bitcell that meet its error rates at the least energy.

The search has integer fins of every transistor and a continuous pulse; the voltages follow, because each
write just meets its target at the lowest voltage. For each fin count the energy is simulated at several
pulses (voltages from the pilot of the population, energy from a transient of the typical cell); along the
smooth curve through them scipy's bounded minimiser finds the best pulse. The Pareto front over write
energy, pulse and area is then characterised in full: populations, intervals, self-checks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from flow.characterize import CACHE, benches_of
from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.bitcell import cell_area, search_nominal
from flow.measure.pieces import Piece
from flow.measure.samples import operations_of
from flow.measure.transient import measure_pulse
from flow.own_code import own_code
from flow.parallel import (
    Arrays,
    Cache,
    Count,
    DaskPool,
    LocalPool,
    Plan,
    Progress,
    digest,
    run_inline,
    run_plans,
)
from flow.spec import Study, load_study
from flow.spice.deck import subcircuit
from flow.spice.session import SimulatorError
from flow.statistics.cell_plan import expected_tasks, variant_plan
from flow.statistics.population import predicted_plan
from flow.table import CellVariant

_NODES = 7
_STEP = 0.05


@dataclass(frozen=True)
class Bounds:
    """What the search may use: fins of each transistor, pulses (s), line voltage (V) and cell area (m^2)."""

    most_fins: int = 4
    shortest_pulse: float = 0.5e-9
    longest_pulse: float = 10e-9
    pulses: int = 7
    highest_voltage: float | None = None
    largest_area: float | None = None


@dataclass(frozen=True)
class SizePoint(Piece):
    """One candidate: voltages that meet the population targets (predicted), and the typical write energy."""

    study: Study

    @property
    def label(self) -> str:
        """What a progress bar shows."""
        fins = " ".join(f"{name}={count}" for name, count in self.bench.fins.items())
        return f"{fins} {self.bench.variant.write_pulse * 1e9:.3g} ns"

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""
        bench = self.bench
        return digest(
            "size",
            own_code("sizing.py", "statistics"),
            bench.fingerprint,
            bench.spec.write.model_dump(),
            bench.spec.read.model_dump(),
            [bench.variant.write_pulse, bench.variant.read_pulse],
            {name: spread.sigma for name, spread in bench.device_spec.variation.items()},
            {name: value.value for name, value in bench.card.mismatch.items()},
            bench.card["fin_height"],
        )

    def run(self) -> Arrays:
        """`point` (4,): voltages 0 -> 1, 1 -> 0 and read (V), mean write energy (J); NaN if infeasible."""
        bench, settings = self.bench, self.study.population
        try:
            nominal = search_nominal(bench, _NODES, _STEP)
            starts = [nominal.writes[0].voltage, nominal.writes[1].voltage, nominal.read.voltage]
            voltages = [
                run_inline(predicted_plan(bench, operation, settings, start))
                for operation, start in zip(operations_of(bench), starts, strict=True)
            ]
            pulses = [
                measure_pulse(
                    bench, "write", operation.line, voltage, operation.pulse, stored=operation.stored
                )
                for operation, voltage in list(zip(operations_of(bench), voltages, strict=True))[:2]
            ]
        except (UserError, SimulatorError):
            bench.refuse_changed_files()
            return {"point": np.full(4, np.nan)}
        energy = 0.5 * sum(pulse.total_energy for pulse in pulses)
        return {"point": np.array([*voltages, energy])}


@dataclass(frozen=True)
class Candidate:
    """A design: fins by transistor, pulse (s), voltages (V), write energy (J), area (m^2)."""

    fins: dict[str, int]
    pulse: float
    voltage_0to1: float
    voltage_1to0: float
    read_voltage: float
    energy: float
    area: float


@dataclass
class Sizing:
    """The front: candidates by falling pulse, each with its full characterisation; best: the least energy."""

    variant: str
    searched: list[Candidate]
    front: list[tuple[Candidate, CellVariant]] = field(default_factory=list)
    count: Count = field(default_factory=Count)


def size(
    root: Path,
    study_file: Path,
    cell: str,
    variant: str | None,
    bounds: Bounds,
    *,
    points: int = 6,
    jobs: int = 2,
    scheduler: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> Sizing:
    """Size one variant of a bitcell (default: its first).

    Args:
        points: how many points of the front are verified at most.

    Raises:
        UserError: no design within the bounds meets the targets, or a mistake in a designer's file.
    """
    study = load_study(study_file)
    benches = {bench.variant_name: bench for bench in benches_of(root, [cell], tell)}
    if variant is not None and variant not in benches:
        raise UserError(f"no variant {variant!r}; known: {', '.join(benches)}", key="variants")
    bench = benches[variant] if variant is not None else next(iter(benches.values()))
    if bounds.highest_voltage is not None:
        write = bench.spec.write.model_copy(update={"max_voltage": bounds.highest_voltage})
        bench = replace(bench, spec=bench.spec.model_copy(update={"write": write}))
    designs = [
        replace(bench, fins=fins)
        for fins in _fin_counts(bench, bounds.most_fins)
        if bounds.largest_area is None
        or cell_area(replace(bench, fins=fins)) <= bounds.largest_area * (1 + 1e-9)
    ]
    if not designs:
        raise UserError("no cell fits into the area bound", key="area")
    pool = DaskPool(scheduler) if scheduler else LocalPool(jobs)
    try:
        cache = Cache(root / CACHE)
        plans = {index: _search_plan(design, study, bounds) for index, design in enumerate(designs)}
        expected = len(designs) * (bounds.pulses + 1) + points * expected_tasks(bench, study)
        steps = Progress(expected, tell=progress)
        found, count = run_plans(plans, cache, pool, progress=steps)
        searched = [candidate for candidates in found.values() for candidate in candidates]
        if not searched:
            raise UserError(
                "no design within the bounds meets the targets; allow more fins, longer pulses or a higher "
                "voltage",
                file=bench.cell.netlist.with_suffix(".toml"),
                key="write",
            )
        chosen = thinned(pareto(searched), points)
        steps.expected = steps.done + len(chosen) * expected_tasks(bench, study)
        verify = {
            index: variant_plan(at_pulse(bench, candidate.fins, candidate.pulse), study)
            for index, candidate in enumerate(chosen)
        }
        verified, more = run_plans(verify, cache, pool, progress=steps)
    finally:
        pool.close()
    total = Count(*(a + b for a, b in zip(vars(count).values(), vars(more).values(), strict=True)))
    front = [(chosen[index], result) for index, result in verified.items()]
    return Sizing(bench.variant_name, searched, front, total)


def pareto(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other beats or equals in energy, pulse and area alike; shortest pulse first."""
    figures = np.array([[c.energy, c.pulse, c.area] for c in candidates])
    keep = []
    for index, mine in enumerate(figures):
        no_worse = (figures <= mine * (1 + 1e-12)).all(axis=1)
        better = (figures < mine * (1 - 1e-12)).any(axis=1)
        if not (no_worse & better).any():
            keep.append(candidates[index])
    return sorted(keep, key=lambda c: (c.pulse, c.energy))


def thinned(front: Sequence[Candidate], points: int) -> list[Candidate]:
    """At most `points` of a front: always the least energy and the least area, the others spread by pulse."""
    if len(front) <= points:
        return list(front)
    fixed = {
        min(range(len(front)), key=lambda k: front[k].energy),
        min(range(len(front)), key=lambda k: (front[k].area, front[k].energy)),
    }
    spread = [int(k) for k in np.unique(np.linspace(0, len(front) - 1, points).round())]
    for index in spread:
        if len(fixed) >= points:
            break
        fixed.add(index)
    return [front[index] for index in sorted(fixed)]


def _search_plan(bench: Bench, study: Study, bounds: Bounds) -> Plan:
    """Plan that returns the feasible candidates of one fin count, the best pulse among them."""
    pulses = np.geomspace(bounds.shortest_pulse, bounds.longest_pulse, bounds.pulses)
    results = yield [SizePoint(at_pulse(bench, bench.fins, float(pulse)), study) for pulse in pulses]
    table = np.array([result["point"] for result in results])
    feasible = np.isfinite(table).all(axis=1)
    candidates = [
        _candidate(bench, float(p), row) for p, row in zip(pulses[feasible], table[feasible], strict=True)
    ]
    best = best_pulse(pulses[feasible], table[feasible, 3])
    if best is not None:
        (result,) = yield [SizePoint(at_pulse(bench, bench.fins, best), study)]
        if np.isfinite(result["point"]).all():
            candidates.append(_candidate(bench, best, result["point"]))
    return candidates


def best_pulse(pulses: NDArray[np.float64], energies: NDArray[np.float64]) -> float | None:
    """Pulse of least energy on the spline through the points (in logs); None if it is one of the ends."""
    if pulses.size < 3:
        return None
    lowest = int(np.argmin(energies))
    if lowest in (0, pulses.size - 1):
        return None
    spline = CubicSpline(np.log(pulses), np.log(energies))

    def curve(ln_pulse: float) -> float:
        return float(spline(ln_pulse))

    ends = (float(np.log(pulses[lowest - 1])), float(np.log(pulses[lowest + 1])))
    found = minimize_scalar(curve, bounds=ends, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def _candidate(bench: Bench, pulse: float, row: NDArray[np.float64]) -> Candidate:
    v01, v10, read, energy = (float(value) for value in row)
    return Candidate(dict(bench.fins), pulse, v01, v10, read, energy, cell_area(bench))


def at_pulse(bench: Bench, fins: Mapping[str, int], pulse: float) -> Bench:
    """The bench with these fins and this write pulse (s)."""
    variant = bench.variant.model_copy(
        update={"write_pulse": pulse, "provenance": "sizing", "given_voltages": None}
    )
    return replace(bench, fins=dict(fins), variant=variant)


def _fin_counts(bench: Bench, most: int) -> list[dict[str, int]]:
    names = [
        element.name
        for element in subcircuit(bench.cell).elements.values()
        if element.kind == "n" and element.name != bench.spec.mtj.lower()
    ]
    return [
        dict(zip(names, counts, strict=True))
        for counts in itertools.product(range(1, most + 1), repeat=len(names))
    ]
