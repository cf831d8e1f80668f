"""Decks: a testbench with the designer's bitcell, card and device put in, as text that ngspice runs.

A testbench is real SPICE. What is filled in: values of its `.param` names, the card's section,
the MTJ's model card, and the subcircuit `cell`, of which one deck may hold many copies that
differ in the parameters of named elements (a frozen state, a process sample). Decks are made from
parsed netlists, so nothing reaches the simulator that the parser has not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flow.errors import UserError
from flow.spice.netlist import Netlist, Subcircuit, parse

_parsed: dict[tuple[Path, Path], tuple[list[tuple[int, int]], Netlist]] = {}
"""Netlists of this process with the state of their files: a worker renders thousands of decks of one card."""

Overrides = Mapping[str, Mapping[str, float]]
"""Instance parameters by element name of the bitcell: `{"nmtj": {"freeze": 1, "z_frozen": 0.5}}`."""

GENERAL = "reltol=1e-5"
"""Tolerances of transients."""

STATIC = "reltol=1e-7 vntol=1e-9"
"""Tolerances of DC sweeps: neither other copies nor the point before move a current by more than 1e-6."""

_NFIN = re.compile(r"nfin\s*=\s*(?:\{[^}]*\}|\S+)", re.IGNORECASE)
_PARAMETER = re.compile(r"(?P<name>[a-z_]\w*)\s*=\s*(?P<value>\{[^}]*\}|\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """A bitcell ready for a deck: its netlist, the models behind it and the device in it.

    `device` holds the instance parameters of the MTJ (SI units), `temperature` is in K, `fins` the number
    of fins of named transistors where it differs from the netlist's.
    """

    name: str
    root: Path
    netlist: Path
    card: Path
    corner: str
    module: str
    mtj: str
    device: Mapping[str, float]
    temperature: float
    fins: Mapping[str, int] = field(default_factory=dict)


def render(
    testbench: Path,
    cell: Cell | None,
    parameters: Mapping[str, float],
    *,
    copies: Sequence[Overrides] = ({},),
    save: Sequence[str] = (),
    root: Path | None = None,
    card: tuple[Path, str] | None = None,
    temperature: float = 300.0,
    accuracy: str = GENERAL,
    options: str = "",
    angle: str = "",
) -> str:
    """The deck of one measurement.

    Args:
        testbench: a file of `spice/testbenches/`.
        cell: the bitcell that replaces `cell`; None for a testbench of bare transistors (then `root`,
            `card` (file and section) and `temperature` (K) say what a cell says otherwise).
        parameters: values for `.param` names of the testbench, SI units.
        copies: one entry a copy of the cell; a single copy is the instance `xcell`, several are
            `xcell_0`, `xcell_1`, ...
        save: vectors to keep beside all node voltages and source currents; `{mtj}` in one stands for
            the instance path of each copy's MTJ.
        accuracy: the simulator's tolerances; its own default reltol of 1e-3 leaves up to 1e-3 in a current.
        options: further simulator options, such as iteration limits; they go before `accuracy`.
        angle: node to which the testbench drives the polar angle of every held MTJ, on its third terminal.

    Raises:
        UserError: a parameter that the testbench does not have, no `cell` in it, or `angle` is a node of
            the bitcell too.
    """
    if cell is not None:
        root, card, temperature = cell.root, (cell.card, cell.corner), cell.temperature
    if card is None or root is None:
        raise ValueError("a deck needs a card")
    body = _with_parameters(_netlist(testbench, root).lines, parameters, testbench)
    lines = [f"* {testbench.stem} {cell.name if cell else ''}".rstrip()]
    # Of an option that is given twice ngspice takes the first.
    lines.append(" ".join([f".options temp={temperature - 273.15:.10g}", *options.split(), accuracy]))
    lines += card_section(card[0], card[1], root).lines
    if cell is not None:
        values = " ".join(f"{name}={value:.16g}" for name, value in cell.device.items())
        lines.append(f".model mtj {cell.module} {values}")
        lines += _subcircuits(cell, copies, angle)
        body = _instances(body, len(copies), testbench)
    lines += body
    if save:
        paths = mtj_paths(cell, len(copies)) if cell is not None else ()
        wanted = [name.replace("{mtj}", path) for path in paths for name in save if "{mtj}" in name]
        wanted += [name for name in save if "{mtj}" not in name]
        lines += [f".save {name}" for name in wanted]
    return "\n".join([*lines, ".end", ""])


def with_parameters(overrides: Overrides, element: str, values: Mapping[str, float]) -> Overrides:
    """`overrides` with further parameters of one element."""
    name = element.lower()
    return {**overrides, name: {**overrides.get(name, {}), **values}}


def mtj_paths(cell: Cell, copies: int) -> tuple[str, ...]:
    """Instance path of the MTJ in every copy, as ngspice names it in `@path[variable]`."""
    names = ["xcell"] if copies == 1 else [f"xcell_{index}" for index in range(copies)]
    return tuple(f"n.{name}.{cell.mtj.lower()}" for name in names)


def _with_parameters(lines: list[str], parameters: Mapping[str, float], testbench: Path) -> list[str]:
    unused = {name.lower() for name in parameters}
    values = {name.lower(): value for name, value in parameters.items()}
    result = []
    for line in lines:
        if line.lower().startswith(".param"):
            pieces = []
            for match in _PARAMETER.finditer(line[len(".param") :]):
                name = match["name"].lower()
                unused.discard(name)
                pieces.append(f"{name}={values[name]:.16g}" if name in values else match[0])
            line = ".param " + " ".join(pieces)
        result.append(line)
    if unused:
        raise UserError(
            f"the testbench has no .param {', '.join(sorted(unused))}", file=testbench, key=".param"
        )
    return result


def _subcircuits(cell: Cell, copies: Sequence[Overrides], angle: str) -> list[str]:
    found = subcircuit(cell)
    start, *inside, _ = found.lines
    if angle:
        inside = [_with_angle(line, cell, found, angle) for line in inside]
    lines = []
    for index, overrides in enumerate(copies):
        name = "cell" if len(copies) == 1 else f"cell_{index}"
        missing = {element.lower() for element in overrides}
        lines.append(re.sub(rf"(?i)^(\.subckt\s+){re.escape(cell.name)}\b", rf"\g<1>{name}", start))
        for line in inside:
            element = line.split()[0].lower()
            extra = next((v for k, v in overrides.items() if k.lower() == element), {})
            missing.discard(element)
            lines.append(" ".join([line, *(f"{key}={value:.16g}" for key, value in extra.items())]))
        lines.append(f".ends {name}")
        if missing:
            raise UserError(f"no element {', '.join(sorted(missing))}", file=cell.netlist)
    return lines


def _with_angle(line: str, cell: Cell, inside: Subcircuit, angle: str) -> str:
    if any(angle in element.nodes for element in inside.elements.values()):
        raise UserError(f"the node {angle} belongs to the testbench", file=cell.netlist, key=angle)
    words = line.split()
    return " ".join([*words[:3], angle, *words[3:]]) if words[0].lower() == cell.mtj.lower() else line


def card_section(card: Path, section: str, root: Path) -> Netlist:
    """One `.lib` section of a card. Raises UserError for a section that the file does not have."""
    sections = _netlist(card, root).sections
    if section not in sections:
        raise UserError(f"no section {section!r}; the file has {', '.join(sections)}", file=card, key=section)
    return sections[section]


def subcircuit(cell: Cell) -> Subcircuit:
    """The bitcell's subcircuit, with the fins of `cell.fins`.

    Raises UserError if its netlist does not define it, or no transistor of that name with `nfin=`.
    """
    subcircuits = _netlist(cell.netlist, cell.root).subcircuits
    if cell.name.lower() not in subcircuits:
        raise UserError(f"the netlist defines no .subckt {cell.name}", file=cell.netlist, key=cell.name)
    found = subcircuits[cell.name.lower()]
    # A copy: the parsed file is kept, and its fins with it.
    found = replace(found, elements=dict(found.elements), lines=list(found.lines))
    for name, fins in cell.fins.items():
        element = found.elements.get(name.lower())
        if element is None or "nfin" not in element.parameters:
            raise UserError(f"no transistor {name} with nfin=", file=cell.netlist, key=cell.name)
        parameters = {**element.parameters, "nfin": replace(element.parameters["nfin"], text=str(fins))}
        found.elements[name.lower()] = replace(element, parameters=parameters)
        found.lines = [
            _NFIN.sub(f"nfin={fins}", line) if line.split()[0].lower() == name.lower() else line
            for line in found.lines
        ]
    return found


def _netlist(path: Path, root: Path) -> Netlist:
    """The parsed file, which nobody may change; parsed again once one of its files has changed."""

    def states(files: Sequence[Path]) -> list[tuple[int, int]]:
        return [(stat.st_mtime_ns, stat.st_size) for stat in (file.stat() for file in files)]

    kept = _parsed.get((path, root))
    try:
        if kept is not None and states(kept[1].files) == kept[0]:
            return kept[1]
    except FileNotFoundError:
        pass  # the parser says it better
    netlist = parse(path, root=root)
    _parsed[path, root] = (states(netlist.files), netlist)
    return netlist


def _instances(body: list[str], copies: int, testbench: Path) -> list[str]:
    lines = []
    found = False
    for line in body:
        words = line.split()
        if words[0].lower() == "xcell" and words[-1].lower() == "cell":
            found = True
            if copies > 1:
                ports = " ".join(words[1:-1])
                lines += [f"{words[0]}_{index} {ports} cell_{index}" for index in range(copies)]
                continue
        lines.append(line)
    if not found:
        raise UserError("the testbench has no element `Xcell ... cell`", file=testbench)
    return lines
