"""Datasheet of a junction, without a circuit: critical currents, retention, error rates."""

from pathlib import Path

from flow.device.datasheet import datasheet
from flow.device.datasheet_figure import draw
from flow.device.mtj import device_from_mapping
from flow.spec import load_device
from flow.toolchain import project_root

spec = load_device(project_root() / "spice/devices/dmtj.toml")
temperature = {"temperature": spec.temperature.value}
junction = device_from_mapping(spec.kind, {**spec.values(), **temperature})
sheet = datasheet(junction)

print(f"thermal stability   {sheet.delta:.1f}")
print(f"critical current    {sheet.critical_current_0to1 * 1e6:.1f} uA (0 -> 1)")
print(f"                    {sheet.critical_current_1to0 * 1e6:.1f} uA (1 -> 0)")
print(f"retention           {sheet.retention_time / 3.156e7:.2g} years")

# Any parameter may be replaced: a top oxide of 0.80 nm.
thinner = datasheet(
    device_from_mapping(spec.kind, {**spec.values(), **temperature, "t_ox_t": 0.80e-9})
)
print(f"resistance at 0 V   {sheet.resistance_0.max():.0f} ohm in state 0")
print(f"                    {thinner.resistance_0.max():.0f} ohm with a top oxide of 0.80 nm")
draw(sheet, "DMTJ", Path("dmtj.png"))
