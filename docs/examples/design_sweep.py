"""A sweep over cells and organisations, its Pareto-optimal cores, and the plot."""

from neuro.sweep import run_sweep, sweep_from
from neuro.sweep_output import plot, table

sweep = sweep_from(
    {
        "technology": "28nm",
        "core": {"synapses": 100},
        "sweep": {
            "cell": [
                "smtj",
                "dmtj",
            ],  # the published cells; with tables=FILE the characterised ones
            "core.rows": [64, 128, 256, 400],
            "core.column_mux": [4, 8, 16, 32],
        },
        "pareto": {"minimise": ["area_per_bit", "read_latency", "energy_per_operation"]},
    }
)
result = run_sweep(sweep)
columns = table(result)

print(f"{int(result.pareto.sum())} of {result.pareto.size} cores are Pareto-optimal")
for row in range(result.pareto.size):
    if columns["pareto"][row]:
        name, rows, mux = (columns[axis.path][row] for axis in sweep.axes)
        energy = columns["energy_per_operation_J"][row]
        print(
            f"  {name} {rows:.0f} rows, multiplexer {mux:.0f}: {energy * 1e15:.2f} fJ an operation"
        )
plot(result, "pareto.png")
