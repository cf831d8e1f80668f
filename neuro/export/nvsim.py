"""NVSim's `.cell` file of an MRAM cell (https://github.com/SEAL-UCSB/NVSim).

NVSim adds the access transistor itself, so ON and OFF are the resistances of the junction alone. Its SET
lowers the resistance, which is our write 1 -> 0, its RESET raises it. The aspect ratio is height over width,
the height lying along the bit line. Lines that begin with `//` are comments.
"""

from __future__ import annotations

import math
import re

from flow.table import CellVariant, UserError
from neuro.export.selection import Selection, interval, number, quantity

SENSE_VOLTAGE = 25e-3
"""V that a sense amplifier needs, unless said otherwise: the value of NVSim's own examples."""

# Line of the file: our quantity, factor from SI to its unit.
_LINES: dict[str, tuple[str, float]] = {
    "ResistanceOn (ohm)": ("r_mtj_p", 1.0),
    "ResistanceOff (ohm)": ("r_mtj_ap", 1.0),
    "ReadVoltage (V)": ("read_voltage", 1.0),
    "ReadEnergy (pJ)": ("read_energy", 1e12),
    "ResetVoltage (V)": ("write_voltage_0to1", 1.0),
    "ResetPulse (ns)": ("write_pulse", 1e9),
    "ResetEnergy (pJ)": ("write_energy_0to1", 1e12),
    "SetVoltage (V)": ("write_voltage_1to0", 1.0),
    "SetPulse (ns)": ("write_pulse", 1e9),
    "SetEnergy (pJ)": ("write_energy_1to0", 1e12),
}
# The other numbers, with what makes SI of them (areas and lengths in F stay: the file names no F).
_OTHERS = {
    "CellArea (F^2)": 1.0,
    "CellAspectRatio": 1.0,
    "MinSenseVoltage (mV)": 1e3,
    "ReadPower (uW)": 1e6,
    "AccessCMOSWidth (F)": 1.0,
    "VoltageDropAccessDevice (V)": 1.0,
}
_UNIT = re.compile(r"\((.*)\)")
_READ = re.compile(r"-([A-Za-z]+(?: \([^)]*\))?): *(\S+)\Z")

LEFT_OUT = (
    "error rates (write error, read disturb), retention and their targets",
    "the spread over the population: these are its means",
    "the dependence of the junction's resistance on its voltage: ON and OFF are those at the read voltage",
    "the dependence of the read energy on the stored state: this is the mean of both",
    "intervals and status, other than in these comments",
    "standby and half-select leakage of the cell",
)


def write(selection: Selection, sense_voltage: float = SENSE_VOLTAGE) -> str:
    """The `.cell` file of the one selected variant. Raises UserError for several, or a missing quantity."""
    cell, variant, content = selection.only
    place = f"{cell}/{variant}"

    def value(name: str) -> float:
        return quantity(content, name, place).value

    def line(name: str) -> str:
        ours, factor = _LINES[name]
        return f"-{name}: {number(factor * value(ours))}"

    feature = value("feature_size")
    ratio = value("cell_height") / value("cell_width") if "cell_width" in content.quantities else 1.0
    drop = value("read_voltage") * value("r_access") / value("r_on")
    lines = [
        f"//{place}: an NVSim memory cell written by mtjflow",
        *(f"//{text}" for text in selection.origin()),
        *(f"//{text}" for text in _remarks(content, feature)),
        "//What this format cannot hold, and is left out:",
        *(f"//  {text}" for text in LEFT_OUT),
        "",
        "-MemCellType: MRAM",
        f"-CellArea (F^2): {number(value('cell_area') / feature**2)}",
        f"-CellAspectRatio: {number(ratio)}",
        line("ResistanceOn (ohm)"),
        line("ResistanceOff (ohm)"),
        "",
        "-ReadMode: current",
        line("ReadVoltage (V)"),
        f"-MinSenseVoltage (mV): {number(1e3 * sense_voltage)}",
        f"-ReadPower (uW): {number(1e6 * value('read_energy') / value('read_pulse'))}",
        line("ReadEnergy (pJ)"),
        "",
        "-ResetMode: voltage",
        *(line(f"Reset{name}") for name in ("Voltage (V)", "Pulse (ns)", "Energy (pJ)")),
        "",
        "-SetMode: voltage",
        *(line(f"Set{name}") for name in ("Voltage (V)", "Pulse (ns)", "Energy (pJ)")),
        "",
        "-AccessType: CMOS",
        f"-AccessCMOSWidth (F): {number(value('access_width_n') / feature)}",
        f"-VoltageDropAccessDevice (V): {number(drop)}",
    ]
    return "\n".join(lines) + "\n"


def _remarks(content: CellVariant, feature: float) -> list[str]:
    """What a reader of the numbers should know."""
    texts = [
        f"F = {number(feature * 1e9)} nm; SET is the write 1 -> 0, RESET 0 -> 1; energies are the supply's",
        "ON and OFF are the junction alone, which NVSim puts in series with its access transistor",
        "MinSenseVoltage belongs to the sense amplifier and was not measured: set it",
        "ReadPower is ReadEnergy over the read pulse; ReadEnergy is read by some versions of NVSim only",
        "VoltageDropAccessDevice is that of the access switch in state 0 at the read voltage",
    ]
    width_p = content.quantities.get("access_width_p")
    if width_p is not None and width_p.ok and width_p.value > 0.0:
        texts.append(
            f"AccessCMOSWidth is that of the n-FinFETs; p-FinFETs of {number(width_p.value / feature)} F "
            "in parallel with them have no place in NVSim"
        )
    if content.attributes.get("device") == "dmtj":
        texts.append("the junction has two barriers in series; NVSim knows one resistance, that of both")
    if "connection" in content.attributes:
        texts.append(f"lines of the writes, which NVSim does not know: {content.attributes['connection']}")
    for name, (ours, factor) in _LINES.items():
        found = content.quantities.get(ours)
        unit = _UNIT.search(name)
        text = "" if found is None else interval(name.split()[0], found, factor, unit[1] if unit else "")
        texts += [text] if text else []
    return texts


def read(text: str) -> dict[str, float]:
    """The numbers of a `.cell` file by name without unit, in SI units (areas and widths in F^2 and F).

    Raises UserError at a line that is none of the format's.
    """
    found: dict[str, float] = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("//"):
            continue
        match = _READ.match(line)
        if match is None:
            raise UserError("is no line of a cell file", line=place)
        name, word = match[1], match[2]
        factor = _LINES[name][1] if name in _LINES else _OTHERS.get(name)
        if factor is None:
            continue
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UserError(f"{word!r} is no number", line=place, key=name)
        found[name.split()[0]] = value / factor
    return found
