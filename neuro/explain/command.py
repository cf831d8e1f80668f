"""The command that trains one cell of a trace again, with every setting spelt out."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flow.table import UserError
from neuro.explain.trace_file import TraceFile

# Option by path in the settings of a trace.
_OPTIONS: dict[str, str] = {
    "model": "--model",
    "layers": "--layers",
    "rates": "--rates",
    "bits": "--bits",
    "images_per_epoch": "--images",
    "adc.bits": "--adc-bits",
    "adc.step": "--adc-step",
    "adc.reference": "--adc-reference",
    "software_weights": "--software-weights",
    "optimizer": "--optimizer",
    "batch": "--batch",
    "rng": "--rng",
    "seed": "--seed",
}
_FLAGS = {"shared_column": "--shared-column"}
# Follows from the cell; the trace holds it without.
_DERIVED = ("wire_ohm",)
# Options of the recorded command that say where to and how fast, not what; they are replaced or dropped.
_ELSEWHERE = {"--output": 1, "--checkpoints": 1, "--checkpoint-seconds": 1, "--cell": 1, "--tables": 1}
_ELSEWHERE |= {"--jobs": 1, "--json": 0, "--fresh": 0, "--study": 1}


def training_command(
    trace: TraceFile, cells: Iterable[str], output: Path, tables: Path, *, checkpoints: Path | None = None
) -> list[str]:
    """Arguments of `mtj-neuro` that train these CELL/VARIANT of the trace again into `output`.

    The recorded settings are pinned, so that neither a changed study nor changed defaults matter. What only
    the recorded command line says (which cells, which data, with or without wires) is taken from there; a
    trace without one is taken to have the defaults. Raises UserError for settings without an option.
    """
    recorded = _recorded(trace.provenance.get("command", ""))
    published = not trace.table_content_sha256
    words = ["train", *recorded]
    if published and "--cells" not in recorded:
        words += ["--cells", "paper"]
    if not published:
        words += ["--tables", str(tables)]
    for name in cells:
        words += ["--cell", name]
    for path, value in _flat(trace.settings):
        if path in _OPTIONS:
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            words += [_OPTIONS[path], text]
        elif path in _FLAGS:
            words += [_FLAGS[path] if value else f"--no-{_FLAGS[path].removeprefix('--')}"]
        elif path not in _DERIVED and not recorded:
            raise UserError(
                "the trace does not say with which option this was set", file=trace.path, key=path
            )
    words += ["--epochs", str(trace.epochs), "--replicas", str(trace.replicas)]
    if trace.table_replicas:
        words += ["--table-replicas", str(trace.table_replicas)]
    words += ["--output", str(output)]
    return words + ([] if checkpoints is None else ["--fresh", "--checkpoints", str(checkpoints)])


def shown(words: Iterable[str]) -> str:
    """The command as one types it."""
    return shlex.join(["mtj-neuro", *words])


def _recorded(command: str) -> list[str]:
    """The options of a recorded `mtj-neuro train` without those that are set anew."""
    words = shlex.split(command)
    if words[1:2] != ["train"]:
        return []
    kept: list[str] = []
    rest = iter(words[2:])
    for word in rest:
        name, equals, _ = word.partition("=")
        if name in _ELSEWHERE:
            for _ in range(0 if equals else _ELSEWHERE[name]):
                next(rest, None)
        else:
            kept.append(word)
    return kept


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
