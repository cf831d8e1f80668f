"""Designers' SPICE files: bitcells, cards, testbenches. Circuit lines only; the rest is refused.

The simulator can run shell commands and read and write files. A file from someone else may therefore hold
nothing but what this parser knows: the devices of `element.py` and the cards of `_CARDS`. Every error names
file, line and key.

    card = parse("spice/models/finfet28.lib", root=".").sections["tt"]
    cell = parse("spice/bitcells/2t1mtj_rc_smtj.cir", root=".")
    warnings = check(cell, modules=modules, models_from=[card])
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from flow.errors import UserError
from flow.spice.check import check
from flow.spice.circuit import Element, Model, Netlist, Parameter, Subcircuit
from flow.spice.element import NAME, NODE, SUBCIRCUIT, assignments, check_value, parse_element, suggestion
from flow.spice.lexer import Statement, Token, statements
from flow.spice.numbers import spice_number
from flow.spice.osdi import Module

__all__ = [
    "Element",
    "Model",
    "Module",
    "Netlist",
    "Parameter",
    "Subcircuit",
    "check",
    "parse",
    "spice_number",
]

DEEPEST_INCLUDE = 16
MOST_FILES = 200
MOST_STATEMENTS = 200_000

# XSPICE model types that start processes or touch files; useless without an A device, and refused anyway.
_CODE_MODELS = frozenset({"d_process", "d_cosim", "d_source", "d_state", "filesource", "table2d", "table3d"})


def parse(path: str | Path, *, root: str | Path, allowed: Iterable[str | Path] = ()) -> Netlist:
    """Parse the file and everything it includes.

    `path` and all includes must lie inside the folder `root` or inside one of `allowed` (files or folders),
    symbolic links resolved. Raises UserError with file, line and key for anything that is not a circuit line.
    """
    reader = _Reader(Path(root), [Path(place) for place in allowed])
    place = Path(path)
    if not place.exists():
        raise UserError("no such file", file=place)
    if not reader.permitted(place):
        raise UserError(f"lies outside the project {reader.root}", file=place)
    netlist = Netlist(file=place)
    reader.read(place, netlist, None)
    netlist.files = list(reader.read_files)
    return netlist


@dataclass
class _Scope:
    """Where the parser is: the netlist it fills, and the open .subckt and .lib section, if any."""

    netlist: Netlist
    section: str | None = None
    subcircuit: Subcircuit | None = None
    # Of an open section: its first line, for the error of a missing end, and what is around it.
    opened: Statement | None = None
    outer: _Scope | None = None


@dataclass
class _Reader:
    root: Path
    allowed: list[Path]
    read_files: list[Path] = field(default_factory=list)
    count: int = 0
    # Files being read and what they fill, innermost last, to find include loops.
    open_files: dict[Path, Netlist] = field(default_factory=dict)
    libraries: dict[Path, Netlist] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        self.allowed = [place.resolve() for place in self.allowed]

    def permitted(self, place: Path) -> bool:
        resolved = place.resolve()
        return any(resolved.is_relative_to(folder) for folder in (self.root, *self.allowed))

    def read(self, place: Path, netlist: Netlist, origin: Statement | None) -> None:
        """Read the file `place` into `netlist`; `origin` is the line that asked for it."""
        resolved = place.resolve()
        self._check_depth(place, resolved, origin)
        self.open_files[resolved] = netlist
        if resolved not in self.read_files:
            self.read_files.append(resolved)
        scope = _Scope(netlist)
        for statement in statements(place):
            self.count += 1
            if self.count > MOST_STATEMENTS:
                raise statement.fail(f"more than {MOST_STATEMENTS} lines")
            if statement.text.startswith("."):
                scope = self._card(statement, scope)
            else:
                self._element(statement, scope)
        if scope.subcircuit is not None:
            raise UserError(
                ".subckt without .ends", file=place, line=scope.subcircuit.line, key=scope.subcircuit.name
            )
        if scope.opened is not None:
            raise scope.opened.fail(".lib section without .endl", key=scope.section)
        del self.open_files[resolved]

    def _check_depth(self, place: Path, resolved: Path, origin: Statement | None) -> None:
        def fail(message: str) -> UserError:
            if origin is None:
                return UserError(message, file=place)
            return origin.fail(message, key=str(place))

        if resolved in self.open_files:
            raise fail("includes itself")
        if len(self.open_files) >= DEEPEST_INCLUDE:
            raise fail(f"includes nested deeper than {DEEPEST_INCLUDE}")
        if len(self.read_files) >= MOST_FILES:
            raise fail(f"more than {MOST_FILES} files")
        try:
            mode = resolved.stat().st_mode
        except OSError as error:
            raise fail(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
        # A pipe or a device could block for ever or never end.
        if not stat.S_ISREG(mode):
            raise fail("is not a regular file")

    # ---- device lines -------------------------------------------------------------------------------

    def _element(self, statement: Statement, scope: _Scope) -> None:
        element = parse_element(statement)
        elements = scope.netlist.elements if scope.subcircuit is None else scope.subcircuit.elements
        if element.name in elements:
            raise statement.fail(f"there already on line {elements[element.name].line}", key=element.name)
        elements[element.name] = element
        self._keep(scope, statement.text)

    @staticmethod
    def _keep(scope: _Scope, line: str) -> None:
        scope.netlist.lines.append(line)
        if scope.subcircuit is not None:
            scope.subcircuit.lines.append(line)

    # ---- cards --------------------------------------------------------------------------------------

    def _card(self, statement: Statement, scope: _Scope) -> _Scope:
        card = statement.text.split(maxsplit=1)[0].lower()
        # Each card takes the tokens after its own word.
        known = (
            ".subckt",
            ".ends",
            ".model",
            ".param",
            ".include",
            ".inc",
            ".lib",
            ".endl",
            ".global",
            ".ic",
        )
        if card not in known:
            if card in (".control", ".endc", ".exec", ".csparam"):
                raise statement.fail("commands to the simulator are not allowed in circuit files", key=card)
            message = "this card is not allowed in circuit files" + suggestion(card, known)
            raise statement.fail(message, key=card[:40])
        tokens = statement.tokens()[1:]
        if card in (".include", ".inc"):
            self._include(statement, tokens, scope)
        elif card == ".lib":
            return self._lib(statement, tokens, scope)
        elif card == ".endl":
            return self._endl(statement, tokens, scope)
        elif card == ".subckt":
            self._subckt(statement, tokens, scope)
        elif card == ".ends":
            self._ends(statement, tokens, scope)
        elif card == ".model":
            self._model(statement, tokens, scope)
        elif card == ".param":
            self._param(statement, tokens, scope)
        elif card == ".global":
            self._global(statement, tokens, scope)
        else:
            self._ic(statement, tokens, scope)
        return scope

    def _place(self, statement: Statement, token: Token) -> Path:
        """The file that a path in a netlist means: relative to the file that names it."""
        if not token.text or any(char in token.text for char in "~$`|\\\0"):
            raise statement.fail("not a plain path", line=token.line, key=token.raw)
        place = statement.file.parent / token.raw
        if not self.permitted(place):
            message = f"leads outside the project {self.root}; allow the path explicitly if it is meant"
            raise statement.fail(message, line=token.line, key=token.raw)
        if not place.exists():
            raise statement.fail("no such file", line=token.line, key=token.raw)
        return place

    @staticmethod
    def _outside_subcircuit(statement: Statement, scope: _Scope) -> None:
        if scope.subcircuit is not None:
            raise statement.fail("is not allowed inside .subckt", key=statement.text.split(maxsplit=1)[0])

    def _include(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        self._outside_subcircuit(statement, scope)
        if len(tokens) != 1 or tokens[0].kind not in ("string", "word", "expression"):
            raise statement.fail("takes one path in quotes", key=".include")
        place = self._place(statement, tokens[0])
        content = Netlist(file=place)
        self.read(place, content, statement)
        self._merge(statement, content, scope.netlist)
        for name, section in content.sections.items():
            if name in scope.netlist.sections:
                raise statement.fail("a section of this name is there already", key=name)
            scope.netlist.sections[name] = section

    def _lib(self, statement: Statement, tokens: list[Token], scope: _Scope) -> _Scope:
        self._outside_subcircuit(statement, scope)
        if len(tokens) == 2 and tokens[1].kind == "word":
            self._fetch(statement, tokens, scope)
            return scope
        if len(tokens) != 1 or tokens[0].kind != "word" or not NAME.match(tokens[0].text):
            raise statement.fail("takes a section name, or a path in quotes and a section name", key=".lib")
        name = tokens[0].text
        if scope.section is not None:
            raise statement.fail(f"section {scope.section} is still open", key=name)
        if name in scope.netlist.sections:
            raise statement.fail("a section of this name is there already", key=name)
        section = Netlist(file=statement.file)
        scope.netlist.sections[name] = section
        return _Scope(section, section=name, opened=statement, outer=scope)

    def _endl(self, statement: Statement, tokens: list[Token], scope: _Scope) -> _Scope:
        if scope.outer is None:
            raise statement.fail(".endl without .lib", key=".endl")
        if scope.subcircuit is not None:
            raise statement.fail(".subckt without .ends", key=scope.subcircuit.name)
        if tokens and tokens[0].text != scope.section:
            raise statement.fail(
                f"ends section {tokens[0].text!r}, but {scope.section!r} is open", key=".endl"
            )
        return scope.outer

    def _fetch(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        """`.lib file section`: the whole file is checked, the section is taken.

        A section may fetch an earlier section of its own file, as cards do for what their corners share.
        """
        place = self._place(statement, tokens[0])
        resolved = place.resolve()
        if resolved not in self.libraries and resolved not in self.open_files:
            library = Netlist(file=place)
            self.read(place, library, statement)
            self.libraries[resolved] = library
        sections = (self.libraries.get(resolved) or self.open_files[resolved]).sections
        name = tokens[1].text
        if resolved in self.open_files and sections.get(name) is scope.netlist:
            raise statement.fail("includes itself", line=tokens[1].line, key=name)
        if name not in sections:
            message = f"no section {name!r} in {tokens[0].raw}" + suggestion(name, sections)
            raise statement.fail(message, line=tokens[1].line, key=name)
        self._merge(statement, sections[name], scope.netlist)

    @staticmethod
    def _merge(statement: Statement, content: Netlist, into: Netlist) -> None:
        for kind in ("subcircuits", "models", "elements", "parameters", "global_nodes", "initial_voltages"):
            source, target = getattr(content, kind), getattr(into, kind)
            for name in source:
                if name in target and kind != "global_nodes":
                    raise statement.fail("brings in a name that is there already", key=name)
            target.update(source)
        into.lines.extend(content.lines)

    def _subckt(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        self._outside_subcircuit(statement, scope)
        words, parameters, _ = assignments(statement, [token for token in tokens if token.text != "params:"])
        if not words or not SUBCIRCUIT.match(words[0].text):
            raise statement.fail("takes a name, ports and parameters", key=".subckt")
        name = words[0].text
        if name in scope.netlist.subcircuits:
            twin = scope.netlist.subcircuits[name]
            raise statement.fail(f"there already on line {twin.line}", key=name)
        ports = [word.text for word in words[1:]]
        for word in words[1:]:
            if word.kind != "word" or not NODE.match(word.text):
                raise statement.fail(f"{word.text!r} is not a port name", line=word.line, key=name)
            if ports.count(word.text) > 1:
                raise statement.fail(f"port {word.text!r} is named twice", line=word.line, key=name)
        scope.subcircuit = Subcircuit(name, tuple(ports), parameters, statement.file, statement.line)
        scope.netlist.subcircuits[name] = scope.subcircuit
        self._keep(scope, statement.text)

    def _ends(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        if scope.subcircuit is None:
            raise statement.fail(".ends without .subckt", key=".ends")
        if tokens and tokens[0].text != scope.subcircuit.name:
            message = f"ends {tokens[0].text!r}, but {scope.subcircuit.name!r} is open"
            raise statement.fail(message, key=".ends")
        self._keep(scope, statement.text)
        scope.subcircuit = None

    def _model(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        bare = [token for token in tokens if token.kind != "sign" or token.text == "="]
        opening = [token.text for token in tokens if token.kind == "sign" and token.text != "="]
        if opening not in ([], ["(", ")"]):
            raise statement.fail("brackets do not match", key=".model")
        words, parameters, _ = assignments(statement, bare)
        if len(words) != 2 or not all(word.kind == "word" and NAME.match(word.text) for word in words):
            raise statement.fail("takes a name, a type and name=value pairs", key=".model")
        name, module = words[0].text, words[1].text
        if module in _CODE_MODELS:
            raise statement.fail(f"model type {module!r} is not allowed", key=name)
        models = scope.netlist.models if scope.subcircuit is None else scope.subcircuit.models
        if name in models:
            raise statement.fail(f"there already on line {models[name].line}", key=name)
        models[name] = Model(
            name, module, parameters, scope.section, statement.file, statement.line, statement.text
        )
        self._keep(scope, statement.text)

    def _param(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        words, parameters, _ = assignments(statement, tokens)
        if words or not parameters:
            raise statement.fail("takes name=value pairs", key=".param")
        into = scope.netlist.parameters if scope.subcircuit is None else scope.subcircuit.local_parameters
        for parameter in parameters.values():
            if parameter.name in into:
                message = f"there already on line {into[parameter.name].line}"
                raise statement.fail(message, line=parameter.line, key=parameter.name)
            into[parameter.name] = parameter
        self._keep(scope, statement.text)

    def _global(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        self._outside_subcircuit(statement, scope)
        for token in tokens:
            if token.kind != "word" or not NODE.match(token.text):
                raise statement.fail(f"{token.text!r} is not a node name", line=token.line, key=".global")
            scope.netlist.global_nodes[token.text] = token.line
        self._keep(scope, statement.text)

    def _ic(self, statement: Statement, tokens: list[Token], scope: _Scope) -> None:
        self._outside_subcircuit(statement, scope)
        for index in range(0, len(tokens), 6):
            part = tokens[index : index + 6]
            shape = [token.text if token.kind == "sign" else token.kind for token in part]
            if len(part) != 6 or part[0].text != "v" or shape[1:5] != ["(", "word", ")", "="]:
                raise statement.fail("takes v(node)=value", line=part[0].line, key=".ic")
            check_value(statement, part[5], key=".ic")
            node = part[2].text
            scope.netlist.initial_voltages[node] = Parameter(node, part[5].text, statement.file, part[2].line)
        self._keep(scope, statement.text)
