"""Compiled compact models: Verilog-A in, OSDI files under `build/osdi/` out, nothing done twice."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flow.errors import UserError
from flow.toolchain.bsimcmg import find_bsimcmg
from flow.toolchain.files import exclusive, replacing, sha256_of, sweep
from flow.toolchain.linker import find_linker
from flow.toolchain.openvaf import OpenVaf, find_openvaf

FOLDER = Path("build/osdi")

OPTIONS = ("--target_cpu", "generic")
"""Code for any CPU of the family: the default fits the compiling machine only, so that a file built there may
not run on another worker, and its numbers differ in the last digits. Measured: no slower."""

_INCLUDE = re.compile(r'^\s*`include\s+"([^"]+)"', re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"^error(?:\[[^]]*\])?: (?P<message>.+)$", re.MULTILINE)
_PLACE = re.compile(r"^\s*--> (?P<file>.+?):(?P<line>\d+):(?P<column>\d+)\s*$", re.MULTILINE)
_SECONDS = 600


@dataclass(frozen=True)
class OsdiModel:
    """One compiled model: module file name, path of the OSDI file, hash of it, hash of all its sources."""

    name: str
    path: Path
    sha256: str
    source_sha256: str


def model_sources(root: Path) -> dict[str, Path]:
    """Main file of every model by name: each `veriloga/*.va`, and BSIM-CMG.

    A new model is a new file in `veriloga/`; what several share belongs into `veriloga/include/`.
    """
    folder = root / "veriloga"
    if not folder.is_dir():
        raise UserError("the project has no veriloga folder", file=folder)
    sources = {path.stem: path for path in sorted(folder.glob("*.va"))}
    return {**sources, "bsimcmg": find_bsimcmg(root)}


def source_files(main: Path) -> list[Path]:
    """`main` and everything it includes, directly or not, in the order of first mention.

    The compiler's own `constants.vams` and `disciplines.vams` are no files here and belong to its version.
    """
    found: list[Path] = []
    waiting = [main]
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        found.append(path)
        for name in _INCLUDE.findall(path.read_text(errors="replace")):
            # The compiler looks beside the including file first, then beside the main one.
            for folder in (path.parent, main.parent):
                if (folder / name).is_file():
                    waiting.append((folder / name).resolve())
                    break
    return found


def source_sha256(main: Path) -> str:
    """SHA-256 over names and contents of all source files of a model."""
    digest = hashlib.sha256()
    for path in source_files(main):
        digest.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def find_model(root: Path, name: str, main: Path, compiler: OpenVaf) -> OsdiModel | None:
    """The compiled model if it fits its sources and the compiler, byte for byte; else None."""
    path = root / FOLDER / f"{name}.osdi"
    try:
        stamp = json.loads(path.with_suffix(".json").read_text())
        fits = stamp["source_sha256"] == source_sha256(main) and stamp["compiler"] == _compiled_by(compiler)
        if not fits or stamp["sha256"] != sha256_of(path):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        # No stamp, or one that was cut off: compile again.
        return None
    return OsdiModel(name, path, stamp["sha256"], stamp["source_sha256"])


def stale_models(root: Path) -> list[str]:
    """Names of the models that `build_models` would compile."""
    compiler = find_openvaf()
    return [
        name for name, main in model_sources(root).items() if find_model(root, name, main, compiler) is None
    ]


def build_models(root: Path, tell: Callable[[str], None] = lambda _: None) -> dict[str, OsdiModel]:
    """Compile what changed; returns all models by name.

    `tell` hears of every compilation and of the compiler's warnings. Raises `UserError` with file and
    line of the first error in a model, or if the compiler or the BSIM-CMG sources are missing.
    """
    compiler = find_openvaf()
    models: dict[str, OsdiModel] = {}
    with exclusive(root / FOLDER / ".lock"):
        sweep(root / FOLDER)
        for name, main in model_sources(root).items():
            model = find_model(root, name, main, compiler)
            if model is None:
                tell(f"compiling {name}")
                model = _compile(root, name, main, compiler, tell)
            models[name] = model
    return models


def _compile(root: Path, name: str, main: Path, compiler: OpenVaf, tell: Callable[[str], None]) -> OsdiModel:
    find_linker()
    target = root / FOLDER / f"{name}.osdi"
    sources = source_sha256(main)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", suffix=".part", dir=target.parent) as folder:
        # The compiler writes the output's name into it: the final name makes the bytes reproducible.
        path = Path(folder) / target.name
        command = [str(compiler.executable), *OPTIONS, str(main), "-o", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"the compiler failed: {error}", file=_relative(main, root)) from None
        said = _ANSI.sub("", done.stdout + done.stderr)
        # A failed link ends with code 0 and no file.
        if done.returncode != 0 or not path.is_file():
            raise compile_error(said, main, root)
        for warning in re.findall(r"^warning.*", said, re.MULTILINE):
            tell(f"{name}: {warning}")
        model = OsdiModel(name, target, sha256_of(path), sources)
        path.replace(target)
    stamp = {"compiler": _compiled_by(compiler), "source_sha256": sources, "sha256": model.sha256}
    with replacing(target.with_suffix(".json")) as path:
        path.write_text(json.dumps(stamp, indent=1) + "\n")
    return model


def _compiled_by(compiler: OpenVaf) -> str:
    return " ".join([compiler.version, *OPTIONS])


def compile_error(said: str, main: Path, root: Path) -> UserError:
    """The compiler's output (without colours) as one line: its first error, and how many follow."""
    errors = list(_ERROR.finditer(said))
    place = _PLACE.search(said, errors[0].end()) if errors else None
    if not errors or place is None:
        reason = errors[0]["message"] if errors else (said.strip().splitlines() or ["no reason given"])[-1]
        return UserError(f"the compiler failed: {reason}", file=_relative(main, root))
    # The last error is the summary "could not compile ...".
    more = len(errors) - 2
    message = errors[0]["message"] + (f" (and {more} more errors)" if more > 0 else "")
    return UserError(message, file=_relative(Path(place["file"]), root), line=int(place["line"]))


def _relative(path: Path, root: Path) -> Path:
    resolved, base = path.resolve(), root.resolve()
    return resolved.relative_to(base) if resolved.is_relative_to(base) else path
