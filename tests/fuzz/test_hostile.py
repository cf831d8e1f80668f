"""Files from an enemy against the real chain: refused by file and line, and nothing else happens."""

from __future__ import annotations

import ast
import io
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from flow.errors import UserError
from flow.explain import explain
from flow.measure.bench import Bench
from flow.measure.inspection import check_cell
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.samples import SampleRates, operations_of
from flow.measure.transient import measure_pulse
from flow.parallel import Cache
from flow.spec import load_card, load_cell, load_device, select_variant
from flow.statistics.variation import variation_of
from flow.table import open_table
from flow.toolchain import find_ngspice
from tests.conftest import ROOT, Run
from tests.fuzz import tables
from tests.fuzz.guard import nothing_started, nothing_touched, snapshot
from tests.fuzz.material import DATA

HOSTILE = sorted(path.name for path in (DATA / "hostile").iterdir())
CELL = "2t1mtj_rc_smtj"
ROLES = {
    "bitcell": (f"spice/bitcells/{CELL}.cir", ("check", "load line", "samples", "pulse")),
    "card": ("spice/models/finfet28.lib", ("check", "load line", "samples", "pulse")),
    "load line": ("spice/testbenches/load_line.cir", ("check", "load line")),
    "pulse": ("spice/testbenches/write.cir", ("check", "pulse")),
}
"""Where a designer's netlist lies, and which steps of the chain read it."""


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    """A project without its build products, and a canary beside it."""
    (tmp_path / "canary").write_text("alive")
    shutil.copytree(ROOT / "spice", tmp_path / "project" / "spice")
    return tmp_path


def bench_of(project: Path, osdi: tuple[Path, ...]) -> Bench:
    """The bench of the cell in that project, as `characterize` makes it."""
    spice = project / "spice"
    file = spice / "bitcells" / f"{CELL}.toml"
    spec = load_cell(file)
    device, card = load_device(spice / "devices" / "smtj.toml"), load_card(spice / "models" / "finfet28.toml")
    return Bench(project, CELL, "0.85", spec, select_variant(spec, "0.85", file), device, card, osdi)


def samples(bench: Bench) -> object:
    """Two nominal samples of a population."""
    operation = operations_of(bench)[0]
    y, pulse = np.zeros((2, variation_of(bench).dimension)), np.array([operation.pulse])
    return SampleRates(bench, operation, y, np.array([0.5, 0.6]), pulse, 3).run()


STEPS: dict[str, Callable[[Bench], object]] = {
    "check": check_cell,
    "load line": lambda bench: measure_load_line(bench, "bl", np.linspace(0.1, 0.5, 3), state_nodes(3)),
    "samples": samples,
    "pulse": lambda bench: measure_pulse(bench, "write", "bl", 0.77, 1e-9, stored=0),
}


@pytest.mark.parametrize("role", ROLES)
def test_no_hostile_netlist_gets_through_the_chain(
    role: str, sandbox: Path, osdi: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole corpus in every place that a designer's netlist can take, with the real ngspice behind it."""
    assert len(HOSTILE) >= 40
    project = sandbox / "project"
    place = project / ROLES[role][0]
    monkeypatch.chdir(project)
    # The chain works here, so that a refusal is one of the file.
    for step in STEPS.values():
        step(bench_of(project, osdi))
    shutil.copytree(DATA / "hostile", place.parent, dirs_exist_ok=True)
    before = snapshot(sandbox)
    for name in HOSTILE:
        place.write_bytes((DATA / "hostile" / name).read_bytes())
        for used in ROLES[role][1]:
            with nothing_started(), pytest.raises(UserError) as caught:
                STEPS[used](bench_of(project, osdi))
            assert caught.value.file is not None, name
            assert caught.value.line is not None, name
            assert Path(caught.value.file).resolve().is_relative_to(project.resolve()), name
    after = snapshot(sandbox)
    assert {name for name in after if after[name] != before.get(name)} == {f"project/{ROLES[role][0]}"}
    assert set(after) == set(before)
    assert (sandbox / "canary").read_text() == "alive"


def test_the_payload_is_alive(tmp_path: Path) -> None:
    """What the corpus asks for is what a bare ngspice does: the test above can fail."""
    for name in ("control_block.cir", "command_in_comment.cir"):
        shutil.copy(DATA / "hostile" / name, tmp_path)
    (tmp_path / "control_block.cir").write_text(
        "title\n" + (tmp_path / "control_block.cir").read_text() + "\n.end\n"
    )
    subprocess.run(
        [str(find_ngspice().executable), "-b", "control_block.cir"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (tmp_path / "EXECUTED").exists()


@pytest.mark.parametrize("name", ["control_block.cir", "include_hostile.cir"])
def test_the_command_refuses_in_one_line(name: str, project: Path, run: Run) -> None:
    place = project / ROLES["bitcell"][0]
    shutil.copytree(DATA / "hostile", place.parent, dirs_exist_ok=True)
    shutil.copy(DATA / "hostile" / name, place)
    before = snapshot(project)
    done = run(project, "flow", "characterize", CELL)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, done.stderr
    assert "spice/bitcells" in errors[0]
    assert snapshot(project) == before


# ---- nothing is unpickled, no shell is built ---------------------------------------------------------


class Payload:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch EXECUTED",)


def pickled() -> bytes:
    """An archive of arrays with an object in it."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, digest=np.array([Payload()], dtype=object))
    return buffer.getvalue()


def test_a_pickled_cache_entry_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = tmp_path / "ab" / "abcd.npz"
    entry.parent.mkdir()
    for content in (pickled(), pickle.dumps(Payload())):
        entry.write_bytes(content)
        with pytest.raises(UserError, match="damaged or altered"):
            Cache(tmp_path).load("abcd")
    assert not (tmp_path / "EXECUTED").exists()


def test_a_pickled_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neuro.checkpoint import restore

    monkeypatch.chdir(tmp_path)
    for content in (pickled(), pickle.dumps(Payload())):
        (tmp_path / "run.npz").write_bytes(content)
        with nothing_touched(tmp_path), pytest.raises(UserError, match="damaged checkpoint"):
            restore(None, tmp_path / "run.npz", "digest")  # type: ignore[arg-type]


_FORBIDDEN_CALLS = {
    "os.system", "os.popen", "eval", "exec", "pickle.load", "pickle.loads", "marshal.loads", "shelve.open",
    "yaml.load", "torch.load", "subprocess.getoutput", "subprocess.getstatusoutput", "input", "joblib.load",
    "numpy.loadtxt", "pandas.read_pickle",
}  # fmt: skip
# neuro compiles the expressions that its own code recorded, never a user's text.
_OWN_CODE = {("neuro/compiled.py", "exec")}


def calls() -> list[tuple[str, int, str, ast.Call]]:
    """Every call in the packages: file, line, dotted name."""
    found = []
    for path in sorted([*ROOT.glob("flow/**/*.py"), *ROOT.glob("neuro/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                found.append((str(path.relative_to(ROOT)), node.lineno, ast.unparse(node.func), node))
    return found


def test_no_shell_no_pickle_no_evaluation() -> None:
    wrong = []
    for file, line, name, node in calls():
        keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name.replace("np.", "numpy.") in _FORBIDDEN_CALLS and (file, name) not in _OWN_CODE:
            wrong.append(f"{file}:{line} {name}")
        if keywords.get("shell", "False") != "False":
            wrong.append(f"{file}:{line} shell={keywords['shell']}")
        if name in ("np.load", "numpy.load") and keywords.get("allow_pickle") != "False":
            wrong.append(f"{file}:{line} {name} without allow_pickle=False")
        if name.endswith("Environment") and "jinja2" in name and keywords.get("autoescape") != "True":
            wrong.append(f"{file}:{line} {name} without autoescape")
        if name.startswith("subprocess.") and node.args and isinstance(node.args[0], ast.JoinedStr):
            wrong.append(f"{file}:{line} a command built as text")
    assert not wrong
    imported = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml"}
    for path in [*ROOT.glob("flow/**/*.py"), *ROOT.glob("neuro/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not imported & {name.split(".")[0] for name in names}, path


# ---- tables -----------------------------------------------------------------------------------------


def test_a_false_list_of_dimensions_does_not_crash(tmp_path: Path) -> None:
    """The HDF5 library takes the type of this attribute for granted and reads whatever memory it meets."""
    place = "/cells/smtj/0.85/samples/status"
    for value in (7, np.arange(4.0), "text", np.array([h5py.Reference()], dtype=h5py.ref_dtype)):
        file = tmp_path / "t.h5"
        file.write_bytes(tables.base())
        with h5py.File(file, "r+") as content:
            del content[place].attrs["DIMENSION_LIST"]
            content[place].attrs["DIMENSION_LIST"] = value
        with pytest.raises(UserError, match="no list of references") as caught:
            open_table(file)
        assert caught.value.key == place


def test_provenance_names_no_file_outside_the_project(tmp_path: Path) -> None:
    """A table could ask what is in any file of its reader, by comparing hashes, or hang on a device."""
    (tmp_path / "secret").write_text("x")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of that x
    file, project = tmp_path / "t.h5", tmp_path / "project"
    project.mkdir()
    (project / "own").write_text("x")
    file.write_bytes(tables.base())
    names = ["own", "../secret", str(tmp_path / "secret"), "/dev/zero", ".", "a" * 5000]
    with h5py.File(file, "r+") as content:
        for name in names:
            content["provenance"].attrs[f"sha256:{name}"] = digest
    states = {item.file: item.state for item in explain(project, file, "smtj/0.85/r_on").inputs}
    assert states == {name: "same" if name == "own" else "missing" for name in names}


def test_commands_to_the_terminal_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "t.h5"
    file.write_bytes(tables.base())
    with h5py.File(file, "r+") as content:
        content.attrs["title"] = "\x1b]0;owned\x07"
    with pytest.raises(UserError, match="control character"):
        open_table(file)
    assert str(UserError("a\nb\x1b[2J", key="k\ud800")) == "k\\ud800: a\\nb\\x1b[2J"
