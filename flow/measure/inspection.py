"""Before anything runs: the designer's files checked against each other and the compiled models.

ngspice only warns of a misspelt model parameter and says nothing of a wrong number of nodes, so
both are found here; what it still refuses at run time is traced back to a line where possible.
"""

from __future__ import annotations

import re

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.bitcell import cell_fins
from flow.spice.deck import card_section, subcircuit
from flow.spice.netlist import Model, Netlist, check, parse
from flow.spice.osdi import Module, read_modules
from flow.spice.session import SimulatorError

_MTJ_MODEL = "mtj"


def check_cell(bench: Bench) -> list[str]:
    """Check netlist, card, testbenches and TOML of a bitcell.

    Returns:
        Warnings, one line each (nodes and ports that lead nowhere).

    Raises:
        UserError: the first mistake, with file, line and key.
    """
    cell, spec = bench.cell, bench.spec
    toml = cell.netlist.with_suffix(".toml")
    modules = _modules(bench)
    card = card_section(cell.card, cell.corner, cell.root)
    device_file = bench.root / "spice" / "devices" / f"{spec.device}.toml"
    device = Netlist(
        file=device_file,
        models={_MTJ_MODEL: Model(_MTJ_MODEL, cell.module, {}, None, device_file, 1)},
    )
    for name in (*bench.device_spec.parameters, *bench.device_spec.variation, *bench.variant.parameters):
        if name not in modules[cell.module].instance_parameters:
            raise UserError(
                f"{cell.module} has no such parameter", file=device_file, key=f"parameters.{name}"
            )
    netlist = parse(cell.netlist, root=cell.root)
    warnings = check(netlist, modules=modules, models_from=[card, device])
    circuit = subcircuit(cell)
    if circuit.ports != tuple(port.lower() for port in spec.ports):
        raise UserError(
            f"ports {' '.join(circuit.ports)} differ from {' '.join(spec.ports)} in {toml.name}",
            file=circuit.file,
            line=circuit.line,
            key=circuit.name,
        )
    mtj = circuit.elements.get(cell.mtj.lower())
    if mtj is None or mtj.model != _MTJ_MODEL:
        raise UserError(f"the netlist has no element {cell.mtj} of model {_MTJ_MODEL}", file=toml, key="mtj")
    if len(mtj.nodes) > 2:
        raise UserError(
            "the third terminal of an MTJ is for testbenches; connect t and b only",
            file=mtj.file,
            line=mtj.line,
            key=mtj.name,
        )
    cell_fins(bench)
    for name in ("load_line", "load_surface", "write", "read", "leakage"):
        bench_netlist = parse(bench.testbench(name), root=cell.root)
        placeholder = Netlist(file=cell.netlist, subcircuits={"cell": circuit})
        check(bench_netlist, modules=modules, models_from=[card, device, placeholder])
    return warnings


def explain(error: SimulatorError, bench: Bench) -> UserError:
    """What ngspice said, as one line that names the designer's file and, if it can be found, the line."""
    text = str(error)
    for path in (bench.cell.netlist, bench.cell.card):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for word in re.findall(r"[A-Za-z_]\w{2,}", text):
            for number, line in enumerate(lines, start=1):
                if line.lower().startswith((word.lower() + " ", word.lower() + "\t")):
                    return UserError(f"the simulator stopped: {text}", file=path, line=number, key=word)
    return UserError(f"the simulator stopped: {text}", file=bench.cell.netlist, key=bench.variant_name)


def _modules(bench: Bench) -> dict[str, Module]:
    modules: dict[str, Module] = {}
    for path in bench.osdi:
        modules.update(read_modules(path))
    return modules
