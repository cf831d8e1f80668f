"""Debian's package manager, and just enough of its source lists to name the machine's own mirror."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flow.errors import UserError

ETC = Path("/etc/apt")


@dataclass(frozen=True)
class Source:
    """One enabled package source: what a deb822 stanza or a `deb` line says."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)

    def stanza(self) -> str:
        """The source as deb822 text, the options (keyring, architectures) carried along."""
        lines = [
            "Types: deb",
            f"URIs: {' '.join(self.uris)}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
        ]
        lines += [f"{key}: {value}" for key, value in self.options.items()]
        return "\n".join(lines) + "\n"


def parse_deb822(text: str) -> Iterator[Source]:
    """Sources of a `.sources` file (man sources.list, DEB822-STYLE FORMAT)."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for block in re.split(r"\n(?:[ \t]*\n)+", "\n".join(lines)):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1] in (" ", "\t") and name:
                # A continuation, kept as written: an inline key is meaningful line by line.
                fields[name] += "\n" + line
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().title().replace("Uris", "URIs")
                fields[name] = value.strip()
        enabled = fields.pop("Enabled", "yes").lower() not in ("no", "false", "0")
        uris, suites = fields.pop("URIs", "").split(), fields.pop("Suites", "").split()
        components = fields.pop("Components", "").split()
        if enabled and "deb" in fields.pop("Types", "").split() and uris and suites:
            yield Source(tuple(uris), tuple(suites), tuple(components), fields)


# The options of a one-line entry whose deb822 name is not just the same word with capitals.
_LONG_NAMES = {"arch": "Architectures", "lang": "Languages", "target": "Targets", "signed-by": "Signed-By"}


def parse_one_line(text: str) -> Iterator[Source]:
    """Sources of a `.list` file: `deb [option=value ...] uri suite component...` a line."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)", line)
        if match is None:
            continue
        options = {}
        for option in (match[1] or "").split():
            key, _, value = option.partition("=")
            options[_LONG_NAMES.get(key.lower(), key.title())] = value.replace(",", " ")
        yield Source((match[2],), (match[3],), tuple(match[4].split()), options)


def machine_sources(etc: Path = ETC) -> list[Source]:
    """All enabled binary package sources of the machine, in apt's order."""
    found: list[Source] = []
    main = etc / "sources.list"
    lists = sorted((etc / "sources.list.d").glob("*")) if (etc / "sources.list.d").is_dir() else []
    for path in [*([main] if main.exists() else []), *lists]:
        if path.suffix == ".list":
            found += parse_one_line(path.read_text(errors="replace"))
        elif path.suffix == ".sources":
            found += parse_deb822(path.read_text(errors="replace"))
    return found


def backports(sources: Iterable[Source], codename: str) -> Source | None:
    """The source to add for `codename`-backports: same mirror, same keyring. None if it is there already.

    Raises `UserError` if no source of the machine carries the release's main component.
    """
    sources = list(sources)
    suite = f"{codename}-backports"
    if any(suite in source.suites for source in sources):
        return None
    for source in sources:
        if codename in source.suites and "main" in source.components:
            return Source(source.uris, (suite,), ("main",), source.options)
    raise UserError(f"no package source of this machine carries {codename} main; add {suite} by hand")


def add_backports(codename: str, etc: Path = ETC) -> bool:
    """Write `mtjflow-backports.sources` unless the machine has the suite; True if it was written."""
    source = backports(machine_sources(etc), codename)
    if source is None:
        return False
    text = "# Written by mtjflow's `make setup`, for an ngspice with OSDI.\n" + source.stanza()
    path = etc / "sources.list.d" / "mtjflow-backports.sources"
    _as_root(["tee", str(path)], f"write {path}", text=text)
    _as_root(["chmod", "644", str(path)], f"make {path} readable")
    return True


def os_release() -> dict[str, str]:
    """The system's `/etc/os-release`, empty where there is none."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def available() -> bool:
    """Whether this system has apt."""
    return shutil.which("apt-get") is not None and shutil.which("apt-cache") is not None


def candidate(package: str) -> int | None:
    """Leading number of the version that `apt-get install` would choose, None if there is none."""
    done = subprocess.run(
        ["apt-cache", "policy", package],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    match = re.search(r"Candidate: (?:\d+:)?(\d+)", done.stdout)
    return int(match[1]) if match else None


def update() -> None:
    """Read the package lists anew."""
    _as_root(["apt-get", "update", "-q"], "update the package lists")


def install(*packages: str, suite: str | None = None) -> None:
    """Install packages, waiting for another apt that may be at work."""
    target = ["-t", suite] if suite else []
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "install", "-y", *target, *packages]
    _as_root(command, f"install {' '.join(packages)}")


def _as_root(command: list[str], purpose: str, text: str | None = None) -> None:
    prefix = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise UserError(
                f"root is needed to {purpose}, and there is no sudo: run as root `{' '.join(command)}`"
            )
        prefix = ["sudo", *prefix]
    # sudo asks for its password on the terminal itself, not on the pipes held here.
    done = subprocess.run([*prefix, *command], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        wrong = [line for line in lines if line.startswith(("E:", "sudo:"))] or lines
        raise UserError(f"could not {purpose}: {wrong[0]} (command: `{' '.join(command)}`)")
