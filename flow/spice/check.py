"""Whether a parsed netlist fits the models it will run with, before the simulator sees it.

ngspice passes over a wrong node count on an N line in silence and takes a misspelt model parameter for a
warning; here both are errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from flow.errors import UserError
from flow.spice import expression
from flow.spice.circuit import Element, Model, Netlist, Parameter, Subcircuit
from flow.spice.element import suggestion
from flow.spice.osdi import Module

BUILT_IN_TYPES = frozenset({"r", "res", "c", "l", "d", "nmos", "pmos"})
# A few nested subcircuits of a few lines can stand for more devices than any memory holds.
MOST_DEVICES = 1_000_000
DEEPEST_CALL = 64
_TYPES_OF_KIND = {"d": {"d"}, "m": {"nmos", "pmos"}, "r": {"r", "res"}, "c": {"c"}, "l": {"l"}}


def check(
    netlist: Netlist,
    *,
    modules: Mapping[str, Module],
    models_from: Sequence[Netlist] = (),
    parameters: Collection[str] = (),
) -> list[str]:
    """Check `netlist` against the Verilog-A `modules` and the cards `models_from`.

    `modules` maps module name to Module (`flow.spice.osdi.read_modules`); `models_from` are netlists, such
    as one section of a card, whose models, subcircuits and parameters may be used; `parameters` are names
    that the deck will define. Raises UserError for an undefined model, subcircuit or parameter, a wrong
    number of nodes and an unknown instance or model parameter. Returns warnings, one line each: nodes
    and ports that lead nowhere.
    """
    return _Checker(netlist, modules, models_from, parameters).run()


class _Checker:
    def __init__(
        self,
        netlist: Netlist,
        modules: Mapping[str, Module],
        models_from: Sequence[Netlist],
        parameters: Collection[str],
    ) -> None:
        self.netlist = netlist
        self.modules = {name.lower(): module for name, module in modules.items()}
        self.models: dict[str, Model] = {}
        self.subcircuits: dict[str, Subcircuit] = {}
        self.parameters = {name.lower() for name in parameters}
        self.global_nodes = {"0", "gnd"}
        for source in (*models_from, netlist):
            self.models |= source.models
            self.subcircuits |= source.subcircuits
            self.parameters |= set(source.parameters)
            self.global_nodes |= set(source.global_nodes)
        self.cards = models_from
        self.warnings: list[str] = []
        # Devices in each subcircuit when expanded; None while being counted.
        self.sizes: dict[str, int | None] = {}

    def run(self) -> list[str]:
        for source in (*self.cards, self.netlist):
            self._check_models(source.models, self.parameters)
            for section in source.sections.values():
                self._check_models(section.models, self.parameters | set(section.parameters))
            for subcircuit in source.subcircuits.values():
                self._subcircuit(subcircuit)
        self._values(self.netlist.parameters, self.parameters)
        self._values(self.netlist.initial_voltages, self.parameters)
        self._scope(list(self.netlist.elements.values()), self.models, self.parameters)
        self._devices(self.netlist.elements)
        for subcircuit in self.netlist.subcircuits.values():
            self._devices(subcircuit.elements)
        self._warn_of_loose_nodes(list(self.netlist.elements.values()), ())
        for subcircuit in self.netlist.subcircuits.values():
            self._warn_of_loose_ports(subcircuit)
        return self.warnings

    def _subcircuit(self, subcircuit: Subcircuit) -> None:
        names = self.parameters | set(subcircuit.parameters) | set(subcircuit.local_parameters)
        self._check_models(subcircuit.models, names)
        self._values(subcircuit.parameters, names)
        self._values(subcircuit.local_parameters, names)
        self._scope(list(subcircuit.elements.values()), self.models | subcircuit.models, names)

    def _warn_of_loose_ports(self, subcircuit: Subcircuit) -> None:
        elements = list(subcircuit.elements.values())
        self._warn_of_loose_nodes(elements, subcircuit.ports)
        used = {node for element in elements for node in element.nodes}
        for port in subcircuit.ports:
            if port not in used:
                self._warn(subcircuit.file, subcircuit.line, port, f"port of {subcircuit.name} leads nowhere")

    def _check_models(self, models: Mapping[str, Model], names: set[str]) -> None:
        for model in models.values():
            self._values(model.parameters, names)
            module = self.modules.get(model.module)
            if module is None:
                if model.module not in BUILT_IN_TYPES:
                    message = f"undefined model type {model.module!r} of model {model.name}"
                    message += suggestion(model.module, [*self.modules, *BUILT_IN_TYPES])
                    raise UserError(message, file=model.file, line=model.line, key=model.module)
                continue
            known = module.model_parameters | module.instance_parameters
            for parameter in model.parameters.values():
                if parameter.name not in known:
                    message = f"{module.name} has no such parameter" + suggestion(parameter.name, known)
                    raise _at(parameter, message)

    def _scope(self, elements: Sequence[Element], models: Mapping[str, Model], names: set[str]) -> None:
        for element in elements:
            for name, line in element.uses.items():
                if name not in names:
                    message = f"undefined parameter, used by {element.name}" + suggestion(name, names)
                    raise UserError(message, file=element.file, line=line, key=name)
            self._values(element.parameters, names)
            if element.kind == "x":
                self._check_call(element)
            elif element.kind == "n":
                self._check_device(element, models)
            elif element.model is not None and element.kind in _TYPES_OF_KIND:
                model = self._model_of(element, models)
                if model.module not in _TYPES_OF_KIND[element.kind]:
                    message = f"model {model.name} is of type {model.module!r}"
                    raise UserError(message, file=element.file, line=element.line, key=element.name)
            elif element.kind in "fh" and not any(
                other.name == element.model and other.kind == "v" for other in elements
            ):
                message = f"no voltage source {element.model!r}"
                raise UserError(message, file=element.file, line=element.line, key=element.name)

    def _model_of(self, element: Element, models: Mapping[str, Model]) -> Model:
        name = element.model or ""
        model = models.get(name)
        if model is None:
            message = f"undefined model {name!r} of {element.name}" + suggestion(name, models)
            raise UserError(message, file=element.file, line=element.line, key=name)
        return model

    def _check_device(self, element: Element, models: Mapping[str, Model]) -> None:
        model = self._model_of(element, models)
        module = self.modules.get(model.module)
        if module is None:
            message = f"model {model.name} is of type {model.module!r}, no compiled Verilog-A module"
            raise UserError(message, file=element.file, line=element.line, key=element.name)
        most = len(module.ports)
        least = most - module.optional_ports
        if not least <= len(element.nodes) <= most:
            wanted = str(most) if least == most else f"{least} to {most}"
            message = (
                f"has {len(element.nodes)} nodes, but {module.name} has {wanted}: {' '.join(module.ports)}"
            )
            raise UserError(message, file=element.file, line=element.line, key=element.name)
        for parameter in element.parameters.values():
            if parameter.name in module.instance_parameters:
                continue
            if parameter.name in module.model_parameters:
                message = f"is a parameter of the .model card of {module.name}, not of a device line"
            else:
                message = f"{module.name} has no such instance parameter"
                message += suggestion(parameter.name, module.instance_parameters)
            raise _at(parameter, message)

    def _check_call(self, element: Element) -> None:
        name = element.model or ""
        subcircuit = self.subcircuits.get(name)
        if subcircuit is None:
            message = f"undefined subcircuit {name!r} of {element.name}" + suggestion(name, self.subcircuits)
            raise UserError(message, file=element.file, line=element.line, key=name)
        if len(element.nodes) != len(subcircuit.ports):
            message = f"has {len(element.nodes)} nodes, but {name} has {len(subcircuit.ports)} ports"
            message += f": {' '.join(subcircuit.ports)}"
            raise UserError(message, file=element.file, line=element.line, key=element.name)
        for parameter in element.parameters.values():
            # ngspice knows the multiplier m of every subcircuit.
            if parameter.name not in subcircuit.parameters and parameter.name != "m":
                message = f"subcircuit {name} has no such parameter"
                raise _at(parameter, message + suggestion(parameter.name, subcircuit.parameters))

    def _devices(self, elements: Mapping[str, Element], depth: int = 0) -> int:
        """Number of devices after expansion; refuses subcircuits that hold themselves and huge ones."""
        total = 0
        for element in elements.values():
            size = 1
            if element.kind == "x" and element.model is not None:
                name = element.model
                if depth > DEEPEST_CALL:
                    message = f"subcircuits nested deeper than {DEEPEST_CALL}"
                    raise UserError(message, file=element.file, line=element.line, key=element.name)
                if name not in self.sizes:
                    self.sizes[name] = None
                    self.sizes[name] = self._devices(self.subcircuits[name].elements, depth + 1)
                found = self.sizes[name]
                if found is None:
                    message = f"subcircuit {name} holds itself"
                    raise UserError(message, file=element.file, line=element.line, key=element.name)
                size = found
            total += size
            if total > MOST_DEVICES:
                message = f"stands for more than {MOST_DEVICES} devices"
                raise UserError(message, file=element.file, line=element.line, key=element.name)
        return total

    def _values(self, parameters: Mapping[str, Parameter], names: set[str]) -> None:
        for parameter in parameters.values():
            if parameter.number is not None:
                continue
            for used in sorted(expression.names(parameter.text)):
                if used not in names:
                    message = f"undefined parameter in the value of {parameter.name}" + suggestion(
                        used, names
                    )
                    raise UserError(message, file=parameter.file, line=parameter.line, key=used)

    def _warn_of_loose_nodes(self, elements: Sequence[Element], ports: Sequence[str]) -> None:
        ends = Counter(node for element in elements for node in element.nodes)
        outside = self.global_nodes | set(ports)
        for element in elements:
            for node in element.nodes:
                if ends[node] == 1 and node not in outside:
                    self._warn(
                        element.file, element.line, node, f"only {element.name} is connected to this node"
                    )

    def _warn(self, file: Path, line: int, key: str, message: str) -> None:
        self.warnings.append(str(UserError(message, file=file, line=line, key=key)))


def _at(parameter: Parameter, message: str) -> UserError:
    return UserError(message, file=parameter.file, line=parameter.line, key=parameter.name)
