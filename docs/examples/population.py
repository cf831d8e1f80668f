"""The population of one cell at one operation: mean error rate and rare cells, with intervals."""

from flow.characterize import benches_of
from flow.measure.bitcell import search_nominal
from flow.measure.samples import operations_of
from flow.parallel import run_inline
from flow.spec import PopulationSpec
from flow.statistics.population import population_plan
from flow.toolchain import project_root

bench = benches_of(project_root(), ["2t1mtj_sc_dmtj"])[0]
write = operations_of(bench)[0]  # write 0 -> 1; [1] is 1 -> 0, [2] the read

# Where the nominal cell meets the target; from there the voltage of the population is looked for.
nominal = search_nominal(bench, nodes=7, voltage_step=0.05)
settings = PopulationSpec(samples=64, check_samples=64, seed=7)
found = run_inline(population_plan(bench, write, settings, start=nominal.writes[0].voltage))

print(f"nominal cell: {nominal.writes[0].voltage:.4f} V for a write error rate of {write.target:g}")
point, mean = found.point, found.mean
print(f"population:   {point.value:.4f} V (95 %: {point.low:.4f} to {point.high:.4f})")
print(f"mean {mean.value:.3g} ({mean.low:.3g} to {mean.high:.3g})")
print(f"second estimate {found.check.value:.3g}")
print(f"99.9 % cell {found.beyond_rare.value:.2g}, worst of a million {found.worst.value:.2g}")

# What the error rate depends on: share of each parameter in the variance of its logarithm.
share = found.gradient**2 / (found.gradient**2).sum()
for name, part in sorted(zip(found.variation.names, share, strict=True), key=lambda pair: -pair[1])[
    :4
]:
    print(f"  {name:<16} {part:.0%}")
