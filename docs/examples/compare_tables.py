"""What moved between two tables, and whether beyond its interval."""

from flow.compare import compare
from flow.table import open_table

before = open_table("build/tables/bitcells.previous.h5")
after = open_table("build/tables/bitcells.h5")
comparison = compare(before, after)

print(f"{len(comparison.changes)} quantities moved, {len(comparison.beyond)} beyond their interval")
for change in comparison.beyond:
    if change.relative is not None and change.name in ("r_on", "write_voltage_0to1", "cell_area"):
        print(f"  {change.where} {change.name}: {change.relative:+.1%}")
print("changed inputs:", ", ".join(comparison.inputs) or "none")
