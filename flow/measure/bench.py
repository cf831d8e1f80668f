"""A bench: one bitcell variant with everything that a measurement needs to simulate it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from flow.device.mtj import Junction, device_from_mapping
from flow.errors import UserError
from flow.spec import CardSpec, CellSpec, DeviceSpec, Variant
from flow.spice.deck import Cell, card_section, subcircuit
from flow.spice.netlist import parse
from flow.spice.session import Session, session


@dataclass(frozen=True)
class Bench:
    """One variant of a bitcell on the bench.

    `root` is the project; `osdi` the compiled models that the simulator loads; `stamp` identifies
    everything outside the designer's files that results depend on (compiled models, tools, our own code);
    `fins` replaces the fins of named transistors, as sizing does.
    """

    root: Path
    name: str
    variant_name: str
    spec: CellSpec
    variant: Variant
    device_spec: DeviceSpec
    card: CardSpec
    osdi: tuple[Path, ...]
    stamp: str = ""
    fins: Mapping[str, int] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, float]:
        """Device parameters with the variant's replacements, SI units."""
        return {**self.device_spec.values(), **self.variant.parameters}

    @cached_property
    def junction(self) -> Junction:
        """The NumPy twin of the nominal device."""
        return device_from_mapping(
            self.device_spec.kind, {**self.parameters, "temperature": self.device_spec.temperature.value}
        )

    @cached_property
    def cell(self) -> Cell:
        """The bitcell as decks need it."""
        return Cell(
            name=self.name,
            root=self.root,
            netlist=self.root / "spice" / "bitcells" / f"{self.name}.cir",
            card=self.root / "spice" / "models" / f"{self.spec.card}.lib",
            corner=self.spec.corner,
            module=f"{self.device_spec.kind}_va",
            mtj=self.spec.mtj,
            device=self.parameters,
            temperature=self.device_spec.temperature.value,
            fins=self.fins,
        )

    def testbench(self, name: str) -> Path:
        """Path of a testbench by name."""
        return self.root / "spice" / "testbenches" / f"{name}.cir"

    def testbenches(self) -> list[Path]:
        """Every testbench of the project."""
        return sorted((self.root / "spice" / "testbenches").glob("*.cir"))

    def simulator(self) -> Session:
        """The ngspice of this process."""
        return session(self.osdi)

    def static_bias(self, *, selected: bool) -> dict[str, float]:
        """`.param` values of gates and wells for the DC testbenches, V."""
        bias = self.spec.bias
        return {
            "v_wl": bias.wl_selected if selected else bias.wl_unselected,
            "v_wlb": bias.wlb_selected if selected else bias.wlb_unselected,
            "v_nw": bias.n_well,
            "v_pw": bias.p_well,
        }

    def pulsed_bias(self) -> dict[str, float]:
        """`.param` values of gates and wells for the transient testbenches, V."""
        bias = self.spec.bias
        return {
            "v_wl_on": bias.wl_selected,
            "v_wl_off": bias.wl_unselected,
            "v_wlb_on": bias.wlb_selected,
            "v_wlb_off": bias.wlb_unselected,
            "v_nw": bias.n_well,
            "v_pw": bias.p_well,
        }

    @cached_property
    def fingerprint(self) -> str:
        """Hash of what a simulation of this cell depends on, and of nothing else.

        Circuit lines rather than files: a comment, a title, a target or another cell's variant changes
        no simulation.
        """
        cell = self.cell
        _ = self.file_state  # taken before the files are read
        content = {
            "stamp": self.stamp,
            "cell": subcircuit(cell).lines,
            "card": card_section(cell.card, cell.corner, cell.root).lines,
            "testbenches": {path.name: parse(path, root=self.root).lines for path in self.testbenches()},
            "mtj": [cell.module, cell.mtj, dict(sorted(self.parameters.items())), cell.temperature],
            "bias": self.spec.bias.model_dump(),
            "lines": [self.spec.write.line_0to1, self.spec.write.line_1to0, self.spec.write.edge],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @cached_property
    def file_state(self) -> dict[Path, tuple[int, int]]:
        """Time of change and size of every input file when this bench was first asked."""
        return {path: _state(path) for path in self.input_files()}

    def refuse_changed_files(self) -> None:
        """Raise UserError if a file changed since the fingerprint: its result must not get the old key."""
        for path, state in self.file_state.items():
            if _state(path) != state:
                raise UserError("was changed during the run; start it again", file=path)

    def input_files(self) -> Sequence[Path]:
        """Every file that the numbers of this bench depend on, beside the compiled models."""
        spice = self.root / "spice"
        return (
            self.cell.netlist,
            self.cell.netlist.with_suffix(".toml"),
            self.cell.card,
            self.cell.card.with_suffix(".toml"),
            spice / "devices" / f"{self.spec.device}.toml",
            *self.testbenches(),
        )


def _state(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise UserError("no such file", file=path) from None
    return stat.st_mtime_ns, stat.st_size
