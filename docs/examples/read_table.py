"""Read a table: units, intervals, and numbers that are bounds."""

import xarray

from flow.table import open_table, quantity_json

table = open_table("build/tables/bitcells.h5")

for cell, variants in table.cells.items():
    for variant, found in variants.items():
        print(f"{cell} {variant} nm")
        for name in ("r_on", "write_voltage_0to1", "write_energy", "wer_0to1"):
            quantity = found.quantities[name]  # value, ci_low, ci_high in SI units; unit; status
            shown = quantity_json(name, quantity)  # the same in fJ, ns, ...
            text = f"{name} [{shown['unit']}] {shown['value']:.4g}"
            if quantity.ci_low is not None:
                text += f" (95 %: {shown['ci_low']:.4g} to {shown['ci_high']:.4g})"
            if not quantity.ok:
                text += f" {quantity.status}"  # a bound, or why there is no value
            print(" ", text)

# The same file as labelled arrays, without mtjflow.
with xarray.open_datatree("build/tables/bitcells.h5", engine="h5netcdf") as tree:
    current = tree["cells/2t1mtj_rc_smtj/0.85/load_lines/current_0to1"]
    print(f"load line: {dict(current.sizes)} in {current.units}")
