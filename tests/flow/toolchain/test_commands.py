"""`mtj-flow setup`, `build` and `doctor` as a person and as a program use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flow.toolchain import project_root

NEEDED = [
    "ngspice",
    "OpenVAF",
    "linker",
    "BSIM-CMG",
    "MNIST",
    "compact models",
    "Python",
    "packages",
    "torch",
]


def mtj_flow(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flow", *arguments],
        cwd=cwd or project_root(),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_doctor_finds_everything_after_setup() -> None:
    done = mtj_flow("doctor", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, document
    assert document["ok"] is True
    assert document["root"] == str(project_root())
    assert [check["name"] for check in document["checks"]] == NEEDED
    for check in document["checks"]:
        assert set(check) == {"name", "status", "detail", "mend", "version", "path"}
        assert check["status"] != "missing"
    for check in document["checks"][:6]:
        assert Path(check["path"]).exists()
        assert check["version"] or check["name"] == "linker"


def test_doctor_without_ngspice_says_how_to_mend_it(tmp_path: Path) -> None:
    done = mtj_flow("doctor", "--json", PATH=str(tmp_path))
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["ok"] is False
    missing = {check["name"]: check for check in document["checks"] if check["status"] == "missing"}
    assert list(missing) == ["ngspice", "linker"]
    assert "make setup" in missing["ngspice"]["mend"]
    assert "bookworm-backports" in missing["ngspice"]["mend"]


def test_doctor_names_every_mending_command(tmp_path: Path, project: Path) -> None:
    (project / "build/osdi/bsimcmg.osdi").unlink()
    done = mtj_flow(
        "doctor", cwd=project, PATH=str(tmp_path), MTJFLOW_CACHE=str(tmp_path), MTJFLOW_OPENVAF="/nonexistent"
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for line in ("mend ngspice: make setup", "mend OpenVAF: make setup", "mend MNIST: make setup"):
        assert line in done.stdout
    assert "mend compact models: make build" in done.stdout


def test_doctor_tells_altered_sources_and_stale_models(project: Path) -> None:
    done = json.loads(mtj_flow("doctor", "--json", cwd=project).stdout)
    checks = {check["name"]: check for check in done["checks"]}
    assert checks["compact models"]["status"] == "missing"
    assert checks["compact models"]["detail"].endswith("one, two")
    source = project / "build/third_party/bsimcmg/bsimcmg.va"
    source.write_text(source.read_text() + "\n")
    done = json.loads(mtj_flow("doctor", "--json", cwd=project).stdout)
    checks = {check["name"]: check for check in done["checks"]}
    assert checks["BSIM-CMG"]["status"] == "missing"
    assert "differs" in checks["BSIM-CMG"]["detail"]


def test_doctor_notices_packages_that_differ_from_their_pin(project: Path) -> None:
    path = project / "constraints.txt"
    lines = ["numpy==1.0.0" if line.startswith("numpy==") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    done = json.loads(mtj_flow("doctor", "--json", cwd=project).stdout)
    [check] = [check for check in done["checks"] if check["name"] == "packages"]
    assert check["status"] == "differs"
    assert "numpy" in check["detail"]
    assert "1.0.0" in check["detail"]


def test_build_says_once_what_it_did(project: Path) -> None:
    first = json.loads(mtj_flow("build", "--json", cwd=project).stdout)["models"]
    assert [name for name, model in first.items() if model["compiled"]] == ["one", "two"]
    again = mtj_flow("build", "--json", cwd=project)
    second = json.loads(again.stdout)["models"]
    assert [name for name, model in second.items() if model["compiled"]] == []
    assert again.stderr == ""
    assert "nothing to do" in mtj_flow("build", cwd=project).stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_build_error_is_one_line_with_file_and_line(project: Path, as_json: bool) -> None:
    (project / "veriloga/include/law.include").write_text("analog I(a, b) <+ V(a, b) / none;\n")
    done = mtj_flow("build", *(["--json"] if as_json else []), cwd=project)
    assert done.returncode == 1
    if as_json:
        document = json.loads(done.stdout)
        assert document["file"] == "veriloga/include/law.include"
        assert document["line"] == 1
    else:
        assert done.stdout == ""
        assert done.stderr.splitlines()[-1].startswith(
            "error: veriloga/include/law.include:1: 'none' was not"
        )
    assert "Traceback" not in done.stderr


def test_setup_leaves_alone_what_is_there() -> None:
    done = mtj_flow("setup", "--json")
    assert done.returncode == 0, done.stderr
    parts = json.loads(done.stdout)["parts"]
    assert [part["name"] for part in parts] == NEEDED[:6]
    assert not any(part["provided"] for part in parts)


def test_setup_takes_own_digits_and_builds_what_is_stale(project: Path, tmp_path: Path) -> None:
    checks = json.loads(mtj_flow("doctor", "--json").stdout)["checks"]
    digits = next(check["path"] for check in checks if check["name"] == "MNIST")
    cache = str(tmp_path / "cache")
    done = mtj_flow("setup", "--json", "--data-dir", digits, cwd=project, MTJFLOW_CACHE=cache)
    assert done.returncode == 0, done.stderr
    provided = [part["name"] for part in json.loads(done.stdout)["parts"] if part["provided"]]
    assert provided == ["MNIST", "compact models"]


def test_setup_with_a_broken_named_compiler_installs_nothing(project: Path) -> None:
    done = mtj_flow("setup", cwd=project, MTJFLOW_OPENVAF="/nonexistent")
    assert done.returncode == 1
    assert "MTJFLOW_OPENVAF" in done.stderr.splitlines()[-1]
