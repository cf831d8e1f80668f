"""`mtj-flow device DEVICE.toml`: the datasheet of a bare junction, as table, JSON and figure."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from flow.device.datasheet import Curve, Datasheet


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("device")(device)


def device(
    file: Annotated[Path, typer.Argument(metavar="DEVICE.toml", help="e.g. spice/devices/smtj.toml")],
    write: Annotated[
        list[float] | None,
        typer.Option(
            "--write", "-w", metavar="VOLT", help="Write voltage, signed, repeatable; + drives 0 to 1."
        ),
    ] = None,
    read: Annotated[
        list[float] | None,
        typer.Option("--read", "-r", metavar="VOLT", help="Read voltage, signed, repeatable."),
    ] = None,
    longest_write: Annotated[
        float | None, typer.Option(metavar="SECOND", help="End of the WER curves; default 20 tau_D.")
    ] = None,
    longest_read: Annotated[
        float | None, typer.Option(metavar="SECOND", help="End of the RDR curves; default 1 ms.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw it (.pdf, .svg, .png).")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """R(V), TMR(V), critical currents, stability, retention, WER(t) and RDR(t) of a junction by itself.

    The voltages are those across the junction, V(t) - V(b). A positive one acts on state 0, a negative one
    on state 1. Without --write and --read they are chosen so that the reduced drive at the start is
    2.5 and 0.5.
    """
    from flow.device.datasheet import datasheet
    from flow.device.mtj import device_from_mapping
    from flow.spec import load_device

    spec = load_device(file)
    parameters = {**spec.values(), "temperature": spec.temperature.value}
    sheet = datasheet(device_from_mapping(spec.kind, parameters), write, read, longest_write, longest_read)
    if figure is not None:
        from flow.device.datasheet_figure import draw

        draw(sheet, file.stem.upper(), figure)
    if json_output:
        sys.stdout.write(json.dumps({"file": str(file), **document(sheet)}) + "\n")
    else:
        show(sheet)


def document(sheet: Datasheet) -> dict[str, Any]:
    """The datasheet as a JSON document; single figures are quantities, curves are lists in SI units."""

    def quantity(value: float, unit: str) -> dict[str, Any]:
        return {"value": value, "unit": unit, "ci_low": None, "ci_high": None}

    def curve(one: Curve) -> dict[str, Any]:
        return {
            "voltage": one.voltage,
            "state": one.state,
            "time_s": one.time.tolist(),
            "probability": one.probability.tolist(),
            "numerical_error": one.error.tolist(),
        }

    return {
        "kind": sheet.kind,
        "delta": quantity(sheet.delta, "1"),
        "tau_d": quantity(sheet.tau_d * 1e9, "ns"),
        "mu0_hk": quantity(sheet.mu0_hk, "T"),
        "torque_prefactor": quantity(sheet.torque_prefactor, "1"),
        "critical_current_0to1": quantity(sheet.critical_current_0to1 * 1e6, "uA"),
        "critical_current_1to0": quantity(sheet.critical_current_1to0 * 1e6, "uA"),
        "critical_voltage_0to1": quantity(sheet.critical_voltage_0to1, "V"),
        "critical_voltage_1to0": quantity(sheet.critical_voltage_1to0, "V"),
        "retention_time": quantity(sheet.retention_time, "s"),
        "voltage_V": sheet.voltage.tolist(),
        "resistance_state0_ohm": sheet.resistance_0.tolist(),
        "resistance_state1_ohm": sheet.resistance_1.tolist(),
        "tmr": sheet.tmr.tolist(),
        "write_error_rate": [curve(one) for one in sheet.write],
        "read_disturb_rate": [curve(one) for one in sheet.read],
    }


def show(sheet: Datasheet) -> None:
    """Readable tables on stdout."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    console = Console()
    facts = Table("quantity", "value", title=f"{sheet.kind.upper()} by itself")
    years = sheet.retention_time / 3.15576e7
    for name, value in (
        ("thermal stability Delta", f"{sheet.delta:.2f}"),
        ("tau_D", f"{sheet.tau_d * 1e9:.4f} ns"),
        ("mu0 Hk", f"{sheet.mu0_hk:.3f} T"),
        ("critical current 0->1 / 1->0", _pair(sheet.critical_current_0to1, sheet.critical_current_1to0)),
        (
            "at voltage 0->1 / 1->0",
            f"{sheet.critical_voltage_0to1:+.4f} / {sheet.critical_voltage_1to0:+.4f} V",
        ),
        ("retention time", f"{sheet.retention_time:.3g} s ({years:.2g} years)"),
        ("torque prefactor s (1 is the textbook value)", f"{sheet.torque_prefactor:g}"),
    ):
        facts.add_row(name, value)
    console.print(facts)
    curve = Table("V (V)", "R state 0 (ohm)", "R state 1 (ohm)", "TMR (%)", title="Resistance")
    for k in np.linspace(0, len(sheet.voltage) - 1, 13).round().astype(int):
        curve.add_row(
            f"{sheet.voltage[k]:+.3f}",
            f"{sheet.resistance_0[k]:.0f}",
            f"{sheet.resistance_1[k]:.0f}",
            f"{100 * sheet.tmr[k]:.1f}",
        )
    console.print(curve)
    for title, curves in (("Write error rate", sheet.write), ("Read disturb rate", sheet.read)):
        table = Table("pulse (ns)", *[_heading(one) for one in curves], title=title)
        for k in np.linspace(0, len(curves[0].time) - 1, 12).round().astype(int):
            table.add_row(f"{curves[0].time[k] * 1e9:.4g}", *[f"{one.probability[k]:.3g}" for one in curves])
        console.print(table)


def _heading(curve: Curve) -> str:
    return f"{curve.state}->{1 - curve.state} at {curve.voltage:+.3f} V"


def _pair(first: float, second: float) -> str:
    return f"{first * 1e6:.2f} / {second * 1e6:.2f} uA"
