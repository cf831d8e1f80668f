"""New bitcells: a commented netlist and its TOML file that characterise at once.

Everything that a cell needs lies in these two files; nothing else in the project names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flow.errors import UserError
from flow.spec import load_device
from flow.spice.element import SUBCIRCUIT

Kind = Literal["smtj", "dmtj"]
Connection = Literal["rc", "sc"]

_FOLDER = Path("spice/bitcells")
_FILE_NAME = re.compile(r"[a-z0-9_][a-z0-9_]{0,63}\Z", re.ASCII)
_BARRIERS = {"smtj": "single-barrier", "dmtj": "double-barrier"}
_CONNECTIONS = {"rc": "reverse connection (RC)", "sc": "standard connection (SC)"}
# Fins (n, p) with which the nominal device of finfet28 meets both write targets with room for the population.
_FINS: dict[tuple[int, str, str], tuple[int, int]] = {
    (1, "rc", "smtj"): (4, 0),
    (1, "sc", "smtj"): (4, 0),
    (1, "rc", "dmtj"): (8, 0),
    (1, "sc", "dmtj"): (4, 0),
    (2, "rc", "smtj"): (3, 2),
    (2, "sc", "smtj"): (3, 2),
    (2, "rc", "dmtj"): (3, 3),
    (2, "sc", "dmtj"): (2, 2),
}
# Variants: top oxide (nm), write pulse (s) and where it comes from.
_PULSES = {
    "smtj": (
        ("0.85", "3.39e-9", "paper, Table II"),
        ("0.80", "2.133e-9", "paper, Table III: write latency over the number of writes"),
    ),
    "dmtj": (
        ("0.85", "1.16e-9", "paper, Table II"),
        ("0.80", "0.923e-9", "paper, Table III: write latency over the number of writes"),
    ),
}


@dataclass(frozen=True)
class Template:
    """What a new cell starts from.

    `kind` is that of the MTJ; `connection` says which of its terminals is on the bit line (RC: t, SC: b); one
    transistor is an n-FinFET, two are a transmission gate; `device` is the MTJ's name in spice/devices, by
    default that of its kind, and `oxide` the top oxide (nm) of one that brings its own.
    """

    kind: Kind = "smtj"
    connection: Connection = "rc"
    transistors: Literal[1, 2] = 2
    device: str = ""
    oxide: str = ""

    def netlist(self, name: str) -> str:
        """The `.cir` file of a cell called `name`."""
        fins_n, fins_p = _FINS[self.transistors, self.connection, self.kind]
        mtj, other = ("bl x", "t") if self.connection == "rc" else ("x bl", "b")
        inner = "b" if other == "t" else "t"
        forward, back = ("0 -> 1", "1 -> 0") if self.connection == "rc" else ("1 -> 0", "0 -> 1")
        lines = [
            f"* {self.transistors}T1MTJ bitcell, {_CONNECTIONS[self.connection]}, "
            f"{_BARRIERS[self.kind]} MTJ.",
            f"* The MTJ's terminal {other} is on the bit line; {self._switch()} lies between {inner} and the "
            "source line.",
            f"* Bit line high writes {forward}, source line high writes {back}.",
            "*",
            "* ports  bl   bit line            wl   word line, n-FinFET gate      nw  n-well (p-FinFET body)",
            "*        sl   source line         wlb  word line bar, p-FinFET gate  pw  p-well (n-FinFET body)",
        ]
        if self.transistors == 1:
            lines += [
                "* Without a p-FinFET, wlb and nw lead nowhere; they stay because the testbenches connect",
                "* these six ports of every cell, in this order.",
            ]
        lines += [
            "*",
            "* Edit the fins here: the area follows from them by the rule in the TOML file of the same name.",
            f".subckt {name} bl sl wl wlb nw pw",
            f"Nmtj {mtj} mtj",
            f"Nn   x wl  sl pw nfet nfin={fins_n}",
        ]
        if self.transistors == 2:
            lines.append(f"Np   x wlb sl nw pfet nfin={fins_p}")
        return "\n".join([*lines, f".ends {name}", ""])

    def settings(self, name: str) -> str:
        """The `.toml` file of a cell called `name`."""
        device = self.device or self.kind
        up, down = ("bl", "sl") if self.connection == "rc" else ("sl", "bl")
        title = f"{self.transistors}T1MTJ, {_CONNECTIONS[self.connection]}, {_BARRIERS[self.kind]} MTJ"
        parts = [
            f"# How the bitcell {name}.cir is biased, driven and drawn. Voltages in V, times in s.",
            "",
            f'title = "{title}"',
            f'device = "{device}"    # spice/devices/{device}.toml',
            'card = "finfet28"  # spice/models/finfet28.lib and .toml',
            'corner = "tt"      # section of the card: tt ff ss sf fs',
            'mtj = "nmtj"       # the MTJ element in the netlist',
            'ports = ["bl", "sl", "wl", "wlb", "nw", "pw"]',
            "",
            *(self._bias_of_two() if self.transistors == 2 else self._bias_of_one()),
            "",
            "[write]",
            f'line_0to1 = "{up}"    # the line that is high while 1 is written; the other one is at 0 V',
            f'line_1to0 = "{down}"',
            "max_voltage = 1.4   # what the drivers reach; the search for the write voltage ends here",
            "edge = 20e-12",
            "wer = 1e-7          # target, mean over the population",
            "",
            "[read]",
            f'line = "{up}"         # the line that writes 0 -> 1: a read can only disturb state 0',
            "max_voltage = 0.6",
            "rdr = 1e-9          # target, mean over the population",
            "",
            "# width  = (fins + n_to_p_spacing_fins + edge_spacing_fins) x fin pitch",
            "# height = gate_pitches x gate pitch",
            "[area]",
            f"n_to_p_spacing_fins = {3 if self.transistors == 2 else 0}",
            "edge_spacing_fins = 2",
            "gate_pitches = 2",
            'provenance = "one gate and one diffusion break per cell along the bit line; along the word line '
            f"the fins{', the n-to-p spacing' if self.transistors == 2 else ''} and half the spacing to each "
            'neighbour"',
        ]
        for oxide, pulse, source in self._variants():
            parameters = "" if self.oxide else f"t_ox_t = {oxide}e-9"
            parts += [
                "",
                f'[variants."{oxide}"]',
                f"parameters = {{{parameters}}}  # replaces the device file's, SI units",
                f"write_pulse = {pulse}",
                "read_pulse = 1.0e-9",
                f'provenance = "{source}"',
            ]
        return "\n".join([*parts, ""])

    def _variants(self) -> tuple[tuple[str, str, str], ...]:
        """Top oxide (nm), write pulse (s) and where it comes from."""
        if not self.oxide:
            return _PULSES[self.kind]
        pulse = _PULSES[self.kind][0][1]
        return ((self.oxide, pulse, "to start with: the paper's for this kind of junction"),)

    def _switch(self) -> str:
        return "the n-FinFET" if self.transistors == 1 else "the transmission gate"

    @staticmethod
    def _bias_of_two() -> list[str]:
        return [
            "# Gates are driven at the nominal supply. Write voltages may exceed it, so the n-well and the",
            "# p-FinFET gates of unselected cells sit on the write rail: no junction is forward biased and a",
            "# half-selected p-FinFET stays off (its leakage is measured: leakage_half_selected).",
            "[bias]",
            "wl_selected = 0.8",
            "wl_unselected = 0.0",
            "wlb_selected = 0.0",
            "wlb_unselected = 1.2",
            "n_well = 1.2",
            "p_well = 0.0",
        ]

    @staticmethod
    def _bias_of_one() -> list[str]:
        return [
            "# With the source line high the n-FinFET is a source follower: at 0.8 V on its gate no line",
            "# voltage reaches the write error rate. The word line is therefore boosted to the write rail.",
            "# There is no p-FinFET: wlb and the n-well are tied to 0 V.",
            "[bias]",
            "wl_selected = 1.2",
            "wl_unselected = 0.0",
            "wlb_selected = 0.0",
            "wlb_unselected = 0.0",
            "n_well = 0.0",
            "p_well = 0.0",
        ]


def template_for(root: Path, device: str, connection: Connection, transistors: Literal[1, 2]) -> Template:
    """The template of a cell with an MTJ of spice/devices.

    Raises:
        UserError: there is no such device, or its file has a mistake.
    """
    folder = root / "spice" / "devices"
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if device not in known:
        raise UserError(f"no device {device!r}; known: {', '.join(known)}", file=folder, key="--device")
    spec = load_device(folder / f"{device}.toml")
    own = spec.parameters.get("t_ox_t") if device not in _PULSES else None
    oxide = "" if own is None else f"{own.value * 1e9:.2f}"
    return Template(spec.kind, connection, transistors, device, oxide)


def new_cell(root: Path, name: str, template: Template) -> tuple[Path, Path]:
    """Write `NAME.cir` and `NAME.toml` into spice/bitcells; both or neither.

    Raises:
        UserError: a name that cannot be a subcircuit or a file, one of the files is there already, or the
            folder cannot be written.
    """
    if not _FILE_NAME.match(name) or not SUBCIRCUIT.match(name):
        raise UserError(
            f"{name[:70]!r} is not a cell name: lower-case letters, digits and _ with at least one letter",
            key="NAME",
        )
    netlist, settings = (root / _FOLDER / f"{name}{suffix}" for suffix in (".cir", ".toml"))
    for file in (netlist, settings):
        if file.exists() or file.is_symlink():
            raise UserError("there already; nothing was written", file=file, key=name)
    written: list[Path] = []
    try:
        for file, text in ((netlist, template.netlist(name)), (settings, template.settings(name))):
            # "x": a file that appears at this very moment is not overwritten either.
            with file.open("x", encoding="utf-8") as stream:
                written.append(file)
                stream.write(text)
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        message = "there already" if isinstance(error, FileExistsError) else "cannot be written"
        raise UserError(f"{message}: {(error.strerror or str(error)).lower()}", file=file, key=name) from None
    return netlist, settings
