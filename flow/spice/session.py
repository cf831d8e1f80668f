"""ngspice in this process: PySpice's shared library behind a thin interface of ours.

libngspice holds one circuit set per process, so there is one `Session` per process and
parallel work runs in several processes. The quirks that this file hides (stale plots after
a failed load, harmless notes that look like errors, options that leak between circuits,
parameters that are misspelt and silently ignored) are listed in docs/theory/simulator.md.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flow.errors import BrokenProcessError

Waveforms = dict[str, NDArray[np.float64]]
"""Vectors of one analysis by lower-case name: node voltages (V), `<source>#branch` currents (A),
`@<instance>[<variable>]` operating-point variables; all of one length."""

# Messages after which a result must not be used. ngspice writes errors to both streams and
# harmless notes to stderr, so the text decides and not the stream.
_FATAL = (
    "error",
    "fatal",
    "aborted",
    "no such",
    "timestep too small",
    "unrecognized parameter",
    "can't find",
    "unknown subckt",
    "singular matrix",
)
# After this ngspice refuses every further deck of the process, good ones too.
_LOST = "cannot recover"
_HARMLESS = ("can't find init file", "no error")


MOST_CURRENT = 1.0
"""A current (A) that no circuit of bitcells carries; beyond it a solution is false."""


class SimulatorError(Exception):
    """ngspice refused a deck or failed to converge; `messages` holds its own words."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(message.strip() for message in messages if message.strip())
        super().__init__("; ".join(self.messages) or "the simulator gave no reason")

    def __reduce__(self) -> tuple[object, ...]:
        return (SimulatorError, (self.messages,))


class Session:
    """One libngspice with its OSDI models loaded.

    Use `session(osdi_files)` rather than this class: a second instance in one process fails.
    """

    def __init__(self, osdi_files: Iterable[Path]) -> None:
        self._shared = _shared_library()
        self._loaded = False
        # The two settings that matter most for speed: the OSDI load loop is an OpenMP region,
        # and /proc/meminfo is read at every time point unless told otherwise.
        for command in ("set num_threads=1", "set no_mem_check"):
            self._command(command)
        for path in osdi_files:
            self._command(f"osdi {path}")

    def load(self, deck: str) -> None:
        """Parse a deck and make it the current circuit.

        Raises:
            SimulatorError: ngspice refused a line, a model or a parameter.
            BrokenProcessError: it will refuse everything from now on.
        """
        self.unload()
        self._shared.begin()
        # An earlier failed load returns success and leaves old plots readable: judge by the messages.
        try:
            self._shared.load_circuit(deck)
        except NameError as error:
            self._raise_if_failed()
            raise SimulatorError([*self._shared.messages, str(error)]) from error
        self._loaded = True
        self._raise_if_failed()

    def unload(self) -> None:
        """Free the current circuit and every result."""
        self._command("destroy all")
        if self._loaded:
            self._command("remcirc")
            self._loaded = False

    def run(self, analysis: str) -> Waveforms:
        """Run one analysis (`op`, `dc vbl 0 1 0.1`, `tran 10p 4n`) on the loaded circuit.

        Returns:
            The saved vectors, copied; the sweep or time axis is among them (`v-sweep`, `time`).

        Raises:
            SimulatorError: no convergence, a false solution, or no result.
        """
        self._command("destroy all")
        self._command(analysis)
        plots = [name for name in self._shared.plot_names if name != "const"]
        if not plots:
            raise SimulatorError([*self._shared.messages, f"analysis gave no result: {analysis}"])
        plot = self._shared.plot(None, plots[0])
        vectors = {name.lower(): np.asarray(vector._data, dtype=np.float64) for name, vector in plot.items()}
        empty = [name for name, values in vectors.items() if values.size == 0]
        if empty:
            raise SimulatorError([f"no such vector: {', '.join(empty)}"])
        for name, values in vectors.items():
            # Newton can end at a point that is none: a bitcell that carries megaamperes, taken for converged.
            if name.endswith("#branch") and not np.all(np.abs(values) <= MOST_CURRENT):
                source, worst = name.removesuffix("#branch"), float(np.max(np.abs(values)))
                raise SimulatorError([f"a false solution: {worst:.2g} A through {source}"])
        return vectors

    def _command(self, command: str) -> None:
        self._shared.begin()
        try:
            self._shared.exec_command(command)
        except NameError as error:
            self._raise_if_failed()
            raise SimulatorError([*self._shared.messages, str(error)]) from error
        self._raise_if_failed()

    def _raise_if_failed(self) -> None:
        for message in self._shared.messages:
            if _LOST in message:
                raise BrokenProcessError(f"the simulator gave up: {'; '.join(self._shared.messages[-3:])}")
        bad = [
            message
            for message in self._shared.messages
            if any(word in message.lower() for word in _FATAL)
            and not any(word in message.lower() for word in _HARMLESS)
        ]
        if bad:
            raise SimulatorError(bad)


@cache
def _shared_library() -> Any:
    """The one libngspice of this process, through PySpice, its messages judged by us."""
    os.environ.setdefault("NGSPICE_LIBRARY_PATH", "libngspice.so.0")
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    # PySpice logs every "Note:" of ngspice as an error; what matters is raised by us.
    logging.getLogger("PySpice").setLevel(logging.CRITICAL)
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared, ffi, ffi_string_utf8

    class Shared(NgSpiceShared):  # type: ignore[misc]
        messages: list[str]

        def begin(self) -> None:
            self.messages = []

        @staticmethod
        def _send_char(message_c: Any, ngspice_id: int, user_data: Any) -> int:
            self = ffi.from_handle(user_data)
            stream, _, content = ffi_string_utf8(message_c).partition(" ")
            (self._stderr if stream == "stderr" else self._stdout).append(content)
            if hasattr(self, "messages"):
                self.messages.append(content)
            return 0

    return Shared.new_instance()


_sessions: dict[tuple[Path, ...], Session] = {}


def session(osdi_files: Iterable[Path]) -> Session:
    """The session of this process for a set of OSDI files; made at the first call.

    Raises:
        SimulatorError: another set of OSDI files is already loaded in this process.
    """
    key = tuple(sorted(Path(path).resolve() for path in osdi_files))
    if key not in _sessions:
        if _sessions:
            raise SimulatorError(["this process already simulates with other OSDI files"])
        _sessions[key] = Session(key)
    return _sessions[key]
