"""The parts of a checked netlist: plain data with the place each came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flow.spice.numbers import spice_number


@dataclass(frozen=True)
class Parameter:
    """A `name=value`; `text` is a number, or an expression without its brackets."""

    name: str
    text: str
    file: Path
    line: int

    @property
    def number(self) -> float | None:
        """The value where it is a plain number, else None."""
        try:
            return spice_number(self.text)
        except ValueError:
            return None


@dataclass(frozen=True)
class Element:
    """A device line. `kind` is its first letter; `model` is the model, subcircuit or controlling source.

    `value` holds what stands between the nodes and the first `name=value` (a resistance, a waveform), or the
    expression of a controlled source; `text` is the whole line.
    """

    name: str
    kind: str
    nodes: tuple[str, ...]
    model: str | None
    parameters: dict[str, Parameter]
    file: Path
    line: int
    value: str = ""
    text: str = ""
    # Parameter names that its expressions use, with the line of the first use.
    uses: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A .model card; `module` is its type: a Verilog-A module or a built-in type such as "nmos"."""

    name: str
    module: str
    parameters: dict[str, Parameter]
    section: str | None
    file: Path
    line: int
    text: str = ""


@dataclass
class Subcircuit:
    """A .subckt; `parameters` are those of its first line, which an X line may set."""

    name: str
    ports: tuple[str, ...]
    parameters: dict[str, Parameter]
    file: Path
    line: int
    elements: dict[str, Element] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    # .param lines inside.
    local_parameters: dict[str, Parameter] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


@dataclass
class Netlist:
    """A parsed file with its includes. Every name is in lower case.

    `sections` holds the .lib sections of the file itself, each a Netlist of its own; what a
    `.lib file section` line fetched is among the other fields.
    """

    file: Path
    subcircuits: dict[str, Subcircuit] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    sections: dict[str, Netlist] = field(default_factory=dict)
    global_nodes: dict[str, int] = field(default_factory=dict)
    initial_voltages: dict[str, Parameter] = field(default_factory=dict)
    # Every file that was read, for provenance.
    files: list[Path] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The circuit lines as they were checked: no comments, includes and fetched sections in place.

        A deck made from this text, rather than from the file, holds nothing that the parser has not seen.
        """
        return "".join(line + "\n" for line in self.lines)
