"""From populations to the quantities of a bitcell: each with its interval, the nominal figure beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.measure.samples import FAILED
from flow.spec import PopulationSpec
from flow.statistics import estimate
from flow.statistics.estimate import Estimate
from flow.statistics.family import SHARES, Family
from flow.statistics.population import RARE, WORST_OF, Population
from flow.statistics.typical import Typical
from flow.table import KINDS, Array, CellVariant, Quantity

_POINTS = {"0to1": "write_voltage_0to1", "1to0": "write_voltage_1to0", "read": "read_voltage"}
_RATES = {"0to1": "wer_0to1", "1to0": "wer_1to0", "read": "rdr"}


def population_variant(
    bench: Bench,
    nominal: CellVariant,
    starts: Sequence[float],
    populations: Sequence[Population],
    pulses: Sequence[Population],
    families: Sequence[Family],
    typical: Typical,
    settings: PopulationSpec,
) -> CellVariant:
    """The table of one variant.

    Args:
        nominal: the nominal device at the stored voltages.
        starts: voltages at which the nominal device meets the targets (0 -> 1, 1 -> 0, read).
        populations: of the same operations.
        pulses: of the writes at the variant's given voltages, solved for the pulse.
        families: error rates of the same operations along their pulse or voltage.
        typical: samples at the stored voltages, for energies and resistances.
    """
    quantities = dict(nominal.quantities)
    names = np.array(populations[0].variation.names)
    samples = {"variable": Array(("variable",), names, "1", "varied instance parameter, element.parameter")}
    for population, start in zip(populations, starts, strict=True):
        quantities |= _rates(population, start)
        samples |= _sample_arrays(population)
    quantities |= _lines(bench, quantities)
    quantities |= {
        f"write_pulse_at_given_voltage_{population.operation.name}": Quantity(
            population.point.value,
            "s",
            population.point.low,
            population.point.high,
            long_name="write pulse at which the population mean meets the target at the given voltage, "
            f"{population.operation.name}",
        )
        for population in pulses
    }
    samples |= typical.arrays(bench.card["vdd"], populations[2].point.value)
    quantities |= _spread(quantities, _measured(bench, populations, typical))
    quantities |= _limits(bench)
    solved = [*populations, *pulses]
    everything = [
        *(family.status for family in families),
        *typical.statuses(),
    ]
    failed = sum(population.failed for population in solved)
    failed += sum(int((status == FAILED).sum()) for status in everything)
    given = bench.variant.given_voltages
    return replace(
        nominal,
        quantities=quantities,
        samples=samples,
        curves={name: array for family in families for name, array in _curves(family).items()},
        attributes={
            **nominal.attributes,
            "method": "population of process samples: load lines from SPICE, error rates by Fokker-Planck, "
            "energies from transients",
            "criterion": settings.criterion,
            "estimator": settings.estimator,
            "sampling": settings.sampling,
            "seed": settings.seed,
            "samples_per_operation": settings.samples,
            "samples_simulated": sum(population.simulated for population in solved)
            + sum(status.size for status in everything),
            "samples_failed": failed,
            **(
                {}
                if given is None
                else {"given_voltage_0to1": given.write_0to1, "given_voltage_1to0": given.write_1to0}
            ),
        },
    )


def _rates(population: Population, start: float) -> dict[str, Quantity]:
    operation = population.operation
    rate, point = _RATES[operation.name], _POINTS[operation.name]
    text = KINDS[rate].long_name.removesuffix(", mean of the population")
    weak = (population.status == FAILED).any()

    def error_rate(value: Estimate, long_name: str) -> Quantity:
        status = "not_converged" if weak else "ok"
        return Quantity(value.value, "1", value.low, value.high, status=status, long_name=long_name)

    return {
        point: _with_interval(point, population.point),
        f"{point}_nominal": Quantity(
            start, "V", long_name=f"{KINDS[point].long_name}, at which the nominal cell meets the target"
        ),
        rate: error_rate(population.mean, ""),
        f"{rate}_rare_cell": error_rate(
            population.beyond_rare, f"{text}, of the {100 * (1 - RARE):.1f} % cell"
        ),
        f"{rate}_worst_cell": error_rate(
            population.worst, f"{text}, of the worst of {WORST_OF} cells (median over memories)"
        ),
        f"{rate}_above_target": error_rate(
            population.above_target, f"share of cells whose {text} is above {operation.target:g}"
        ),
        f"{rate}_check": error_rate(
            population.check, f"{text}, mean of the population by a second estimate with another shift"
        ),
        f"{rate}_effective_samples": Quantity(
            population.mean.effective_samples, "1", long_name=f"effective sample size of the mean of {text}"
        ),
        f"{rate}_log_slope": Quantity(
            population.slope, "1", long_name=f"d ln(mean of {text}) / d ln(voltage) at the stored voltage"
        ),
    }


def _lines(bench: Bench, quantities: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """LTD is the write with the bit line high, LTP the one with the source line high."""
    write = bench.spec.write
    by_line = {
        write.line_0to1: quantities["write_voltage_0to1"],
        write.line_1to0: quantities["write_voltage_1to0"],
    }
    return {
        "ltd_voltage": replace(by_line["bl"], long_name=""),
        "ltp_voltage": replace(by_line["sl"], long_name=""),
    }


def _limits(bench: Bench) -> dict[str, Quantity]:
    """What the cell's file demands, so that a table tells by itself whether its cells pass."""
    write, read = bench.spec.write, bench.spec.read
    return {
        "wer_limit": Quantity(write.wer, "1", long_name="highest write error rate that the cell file allows"),
        "rdr_limit": Quantity(read.rdr, "1", long_name="highest read disturb rate that the cell file allows"),
        "write_voltage_limit": Quantity(
            write.max_voltage, "V", long_name="highest write voltage that the cell file allows"
        ),
        "read_voltage_limit": Quantity(
            read.max_voltage, "V", long_name="highest read voltage that the cell file allows"
        ),
    }


def _curves(family: Family) -> dict[str, Array]:
    name = family.operation.name
    rate = _RATES[name]
    dim = f"{family.axis}_{name}"
    unit, varied, kept = (
        ("V", "voltage of the read", "with its pulse")
        if family.axis == "voltage"
        else ("s", f"pulse of the write {name}", "at its stored voltage")
    )
    mean = _with_ends(family.mean)
    quantile = np.array([_with_ends(row) for row in family.quantile])
    arrays = {
        dim: Array((dim,), family.grid, unit, varied),
        "share": Array(("share",), np.array(SHARES), "1", "share of the cells with a higher error rate"),
        f"{rate}_nominal": Array((dim,), family.nominal, "1", f"{rate} {kept}, nominal cell"),
    }
    for place, (ending, which) in enumerate(_ENDS.items()):
        arrays[f"{rate}_mean{ending}"] = Array(
            (dim,), mean[:, place], "1", f"{which}{rate} {kept}, mean of the population"
        )
        arrays[f"{rate}_quantile{ending}"] = Array(
            ("share", dim),
            quantile[..., place],
            "1",
            f"{which}{rate} {kept}, exceeded by this share of cells",
        )
    return arrays


_ENDS = {
    "": "",
    "_ci_low": "lower end of the 95 % confidence interval: ",
    "_ci_high": "upper end of the 95 % confidence interval: ",
}


def _with_ends(estimates: Sequence[Estimate]) -> NDArray[np.float64]:
    """(P, 3): value, lower and upper end; an interval may reach beyond certainty, an error rate cannot."""
    return np.array([[one.value, one.low, min(one.high, 1.0)] for one in estimates])


@dataclass(frozen=True)
class _Bulk:
    """Values of typical samples (R, M), and what the stored voltage's own error adds, relative."""

    values: NDArray[np.float64]
    voltage_error: float = 0.0


def _measured(bench: Bench, populations: Sequence[Population], typical: Typical) -> dict[str, _Bulk]:
    cell, device = typical.resistance(populations[2].point.value), typical.junction_resistance()
    # Energy goes with the square of the voltage; its error is that of the voltage twice.
    errors = [2 * population.point.log_error for population in populations]
    writes = [typical.pulses[f"write_{name}"]["energy"] for name in ("0to1", "1to0")]
    vdd = bench.card["vdd"]
    return {
        "r_on": _Bulk(cell[:, :, 0]),
        "r_off": _Bulk(cell[:, :, 1]),
        "r_mtj_p": _Bulk(device[:, :, 0]),
        "r_mtj_ap": _Bulk(device[:, :, 1]),
        "r_access": _Bulk(cell[:, :, 0] - device[:, :, 0]),
        "read_energy": _Bulk(
            0.5 * (typical.read_energy(vdd, 0) + typical.read_energy(vdd, 1)), errors[2] / 2
        ),
        "write_energy_0to1": _Bulk(writes[0], errors[0]),
        "write_energy_1to0": _Bulk(writes[1], errors[1]),
        "write_energy": _Bulk(0.5 * (writes[0] + writes[1]), _error_of_mean(writes, errors[:2])),
    }


def _error_of_mean(energies: Sequence[NDArray[np.float64]], errors: Sequence[float]) -> float:
    """Relative error of the mean of two energies whose own relative errors are independent."""
    good = np.isfinite(energies[0] + energies[1])
    if not good.any():
        return 0.0
    parts = np.array([energy[good].sum() for energy in energies])
    return float(np.hypot(*(parts * errors)) / parts.sum())


def _spread(nominal: Mapping[str, Quantity], bulk: Mapping[str, _Bulk]) -> dict[str, Quantity]:
    """Population mean with interval, population standard deviation, and the nominal figure."""
    quantities: dict[str, Quantity] = {}
    for name, part in bulk.items():
        kind = KINDS[name]
        good = np.isfinite(part.values)
        if not good.all(axis=None) and not good.any(axis=1).all():
            # A replicate without a single value: no interval can be given.
            quantities[name] = replace(nominal[name], status="not_converged")
            continue
        weights = good.astype(float)
        found = estimate.arithmetic_mean(np.where(good, part.values, 0.0), weights)
        reach = float(np.hypot(found.high - found.value, 1.96 * part.voltage_error * abs(found.value)))
        status = "ok" if good.all() else "not_converged"
        quantities[name] = Quantity(found.value, kind.unit, found.value - reach, found.value + reach, status)
        quantities[f"{name}_sd"] = Quantity(
            float(part.values[good].std(ddof=1)),
            kind.unit,
            long_name=f"standard deviation over the population: {kind.long_name}",
        )
        quantities[f"{name}_nominal"] = replace(nominal[name], long_name=f"nominal device: {kind.long_name}")
    return quantities


def _sample_arrays(population: Population) -> dict[str, Array]:
    name = population.operation.name
    rate = _RATES[name]
    dim = f"sample_{name}"
    return {
        f"y_{name}": Array((dim, "variable"), population.y, "1", "deviation in standard deviations"),
        f"weight_{name}": Array((dim,), population.weight, "1", "importance weight, of mean 1"),
        f"replicate_{name}": Array(
            (dim,), population.replicate, "1", "independent replicate of the sampling"
        ),
        f"ln_{rate}": Array(
            (dim,), population.ln_rate, "1", f"ln({rate}) of the sample at the stored voltage"
        ),
        f"ln_{rate}_status": Array((dim,), _flags(population), "1", f"status of ln_{rate}"),
        f"gradient_{name}": Array(
            ("variable",), population.gradient, "1", f"d ln({rate})/dy where the errors come from"
        ),
    }


def _flags(population: Population) -> NDArray[np.int64]:
    return np.where(population.status == FAILED, 2, 0)


def _with_interval(name: str, value: Estimate) -> Quantity:
    return Quantity(value.value, KINDS[name].unit, value.low, value.high)
