"""Ask a libngspice what it is. Run as a program, in a process of its own.

Loading the library starts its OpenMP runtime, which reads its thread limit once and for all;
the process that asks must stay free to set that limit later.
Prints one JSON document: path of the library, its version banner, whether it knows `osdi`.
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path


def probe(name: str) -> dict[str, object]:
    """Load the library `name`, initialise it without circuits and read its answers."""
    library = ctypes.CDLL(name)
    said: list[str] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)
    def hear(message: bytes, _identity: int, _user: int) -> int:
        said.append(message.decode(errors="replace"))
        return 0

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_bool, ctypes.c_bool, ctypes.c_int, ctypes.c_void_p)
    def leave(_status: int, _unload: bool, _quit: bool, _identity: int, _user: int) -> int:
        return 0

    library.ngSpice_Init(hear, None, leave, None, None, None, None)
    banner = "\n".join(said)
    said.clear()
    # Any answer but "no such command" means that the build has OSDI; no file is needed for that.
    library.ngSpice_Command(b"osdi /nonexistent.osdi")
    osdi = bool(said) and not any("no such command" in line for line in said)
    return {"path": _loaded_path(name), "banner": banner, "osdi": osdi}


def _loaded_path(name: str) -> str:
    maps = Path("/proc/self/maps")
    if maps.exists():
        for line in maps.read_text().splitlines():
            path = line.split(maxsplit=5)[-1]
            if "libngspice" in path:
                return path
    return name


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe(sys.argv[1])) + "\n")
