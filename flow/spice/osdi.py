"""What a compiled Verilog-A module (.osdi) calls itself, its terminals and its parameters.

The names come from the compiled file, so they are those that the simulator will accept. An .osdi file is
a shared library: only files that this project compiled itself may be opened. Layout: OSDI 0.3 to 0.5,
https://github.com/OpenVAF/OpenVAF-Reloaded; the part read here is the same in all of them.
"""

from __future__ import annotations

import _ctypes
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from flow.errors import UserError

_VERSIONS = {(0, 3), (0, 4), (0, 5)}
_KIND_MASK = 3 << 30
_KIND_INSTANCE = 1 << 30
# Far above any compact model; a larger count means that the layout is not the one below.
_MOST_NAMES = 100_000


@dataclass(frozen=True)
class Module:
    """A Verilog-A module as a netlist sees it; all names in lower case, aliases included.

    `instance_parameters` may stand on N lines and on .model lines, `model_parameters` on .model lines only.
    The last `optional_ports` ports may be left off: they are not electrical (a thermal node).
    """

    name: str
    ports: tuple[str, ...]
    instance_parameters: frozenset[str]
    model_parameters: frozenset[str]
    optional_ports: int = 0


class _Node(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("units", ctypes.c_char_p),
        ("residual_units", ctypes.c_char_p),
        ("resist_residual_offset", ctypes.c_uint32),
        ("react_residual_offset", ctypes.c_uint32),
        ("resist_limit_offset", ctypes.c_uint32),
        ("react_limit_offset", ctypes.c_uint32),
        ("is_flow", ctypes.c_bool),
    ]


class _Parameter(ctypes.Structure):
    _fields_ = [
        ("names", ctypes.POINTER(ctypes.c_char_p)),
        ("num_alias", ctypes.c_uint32),
        ("description", ctypes.c_char_p),
        ("units", ctypes.c_char_p),
        ("flags", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    ]


class _Descriptor(ctypes.Structure):
    # The head only; the offsets and functions that follow are the simulator's business.
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("num_nodes", ctypes.c_uint32),
        ("num_terminals", ctypes.c_uint32),
        ("nodes", ctypes.POINTER(_Node)),
        ("num_jacobian_entries", ctypes.c_uint32),
        ("jacobian_entries", ctypes.c_void_p),
        ("num_collapsible", ctypes.c_uint32),
        ("collapsible", ctypes.c_void_p),
        ("collapsed_offset", ctypes.c_uint32),
        ("noise_sources", ctypes.c_void_p),
        ("num_noise_sources", ctypes.c_uint32),
        ("num_parameters", ctypes.c_uint32),
        ("num_instance_parameters", ctypes.c_uint32),
        ("num_operating_point_variables", ctypes.c_uint32),
        ("parameters", ctypes.POINTER(_Parameter)),
    ]


def read_modules(path: str | Path) -> dict[str, Module]:
    """The modules of a compiled .osdi file, by name. Raises UserError if it is missing or no OSDI file."""
    place = Path(path).resolve()
    if not place.is_file():
        raise UserError("no such compiled model (made by `mtj-flow build`)", file=path)
    try:
        library = ctypes.CDLL(str(place), mode=os.RTLD_LOCAL | os.RTLD_LAZY)
    except OSError as error:
        raise UserError(f"not a compiled Verilog-A model: {error}", file=path) from error
    try:
        return _read(library, path)
    finally:
        # Else a model compiled anew under the same name would not be seen.
        _ctypes.dlclose(library._handle)


def _read(library: ctypes.CDLL, path: str | Path) -> dict[str, Module]:
    try:
        major, minor, count = (
            ctypes.c_uint32.in_dll(library, f"OSDI_{name}").value
            for name in ("VERSION_MAJOR", "VERSION_MINOR", "NUM_DESCRIPTORS")
        )
        if (major, minor) not in _VERSIONS:
            raise UserError(f"OSDI version {major}.{minor} is not known; compile with openvaf-r", file=path)
        # From 0.4 on the distance between two descriptors is in the file, as later versions append fields.
        if minor >= 4:
            stride = ctypes.c_uint32.in_dll(library, "OSDI_DESCRIPTOR_SIZE").value
        elif count == 1:
            stride = ctypes.sizeof(_Descriptor)
        else:
            raise UserError("several modules in an OSDI 0.3 file; compile with openvaf-r", file=path)
        start = ctypes.addressof(_Descriptor.in_dll(library, "OSDI_DESCRIPTORS"))
    except ValueError as error:
        raise UserError(f"not a compiled Verilog-A model: {error}", file=path) from error
    modules = [_module(_Descriptor.from_address(start + index * stride), path) for index in range(count)]
    return {module.name: module for module in modules}


def _module(descriptor: _Descriptor, path: str | Path) -> Module:
    counts = (descriptor.num_nodes, descriptor.num_parameters, descriptor.num_terminals)
    if max(counts) > _MOST_NAMES or descriptor.num_terminals > descriptor.num_nodes:
        raise UserError("the OSDI file has an unknown layout; compile with openvaf-r", file=path)
    instance: set[str] = set()
    model: set[str] = set()
    for index in range(descriptor.num_parameters):
        parameter = descriptor.parameters[index]
        names = {_text(parameter.names[alias]) for alias in range(parameter.num_alias + 1)}
        (instance if parameter.flags & _KIND_MASK == _KIND_INSTANCE else model).update(names)
    # The compiler calls the multiplier "$mfactor"; on a line it is written "m".
    instance = {"m" if name == "$mfactor" else name for name in instance}
    terminals = [descriptor.nodes[index] for index in range(descriptor.num_terminals)]
    electrical = max(
        (place for place, node in enumerate(terminals, 1) if _text(node.units) == "v"), default=0
    )
    return Module(
        name=_text(descriptor.name),
        ports=tuple(_text(node.name) for node in terminals),
        instance_parameters=frozenset(instance),
        model_parameters=frozenset(model),
        optional_ports=len(terminals) - electrical,
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace").lower()
