"""Recorded inputs and tools against those of now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from flow.table import file_within
from neuro.dataset import data_directory


@dataclass(frozen=True)
class Input:
    """A file that a number depends on: its hash then; `state` now is same, changed or missing."""

    file: str
    sha256: str
    state: str


@dataclass(frozen=True)
class Tool:
    """A program or library: version then and now; `now` is None for a program that only the flow can ask."""

    name: str
    version: str
    now: str | None


@dataclass(frozen=True)
class Origin:
    """What a file of ours says of its making, and what of it is still so."""

    file: str
    command: str
    commit: str
    seeds: Mapping[str, int]
    inputs: tuple[Input, ...]
    tools: tuple[Tool, ...]

    @property
    def changed(self) -> list[str]:
        """Inputs and tools that are not what they were."""
        inputs = [f"{item.file} ({item.state})" for item in self.inputs if item.state != "same"]
        tools = [
            f"{tool.name} {tool.version} -> {tool.now or 'absent'}"
            for tool in self.tools
            if tool.now is not None and tool.now != tool.version
        ]
        return inputs + tools

    def as_json(self) -> dict[str, Any]:
        """The JSON object."""
        return asdict(self)


def origin(
    file: Path, provenance: Mapping[str, str], root: Path, wanted: Callable[[str], bool] = lambda _: True
) -> Origin:
    """The origin of `file` from the text by key that it holds; inputs only as far as `wanted` says yes.

    `root` is the project that inputs are relative to.
    """
    return Origin(
        file=str(file),
        command=provenance.get("command", ""),
        commit=provenance.get("commit", ""),
        seeds={name: int(text) for name, text in _part(provenance, "seed:") if text.lstrip("-").isdigit()},
        inputs=tuple(
            Input(name, sha256, state_of(root, name, sha256))
            for name, sha256 in _part(provenance, "sha256:")
            if wanted(name)
        ),
        tools=tuple(Tool(name, text, _version_now(name)) for name, text in _part(provenance, "tool:")),
    )


def of_cell(device: str, cell: str, card: str) -> Callable[[str], bool]:
    """Which inputs of a table concern one cell: not the netlists, devices and cards of others."""
    own = {"spice/bitcells": cell, "spice/devices": device, "spice/models": card}

    def wanted(name: str) -> bool:
        path = PurePosixPath(name)
        mine = own.get(str(path.parent))
        if str(path.parent) == "veriloga":
            return path.stem == device or path.stem not in ("smtj", "dmtj")
        return mine is None or not mine or path.stem == mine

    return wanted


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _part(provenance: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    for key in sorted(provenance):
        if key.startswith(prefix):
            yield key.removeprefix(prefix), provenance[key]


def state_of(root: Path, name: str, sha256: str) -> str:
    """Whether the input `name` of the project still has that hash: same, changed or missing."""
    path = PurePosixPath(name)
    # Files outside the project are recorded by name and hash alone; the data set is where it always is.
    outside = path.parts[:1] == ("external",)
    place = data_directory() / path.name if outside else file_within(root, name)
    found = "" if place is None else file_sha256(place)
    if not found:
        return "missing"
    return "same" if found == sha256 else "changed"


@cache
def _version_now(name: str) -> str | None:
    if name == "python":
        import platform

        return platform.python_version()
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        # ngspice and the compilers are no Python packages: `mtj-flow explain` asks them.
        return None
