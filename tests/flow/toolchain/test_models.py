"""`build_models` with the real compiler: what it compiles, what it leaves, what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.toolchain import build_models, find_ngspice
from flow.toolchain.files import sha256_of
from flow.toolchain.models import source_files, stale_models
from tests.near import approx


def build(root: Path) -> list[str]:
    """Build; returns what was compiled."""
    said: list[str] = []
    build_models(root, said.append)
    return [line.removeprefix("compiling ") for line in said]


def test_second_build_compiles_nothing(project: Path) -> None:
    assert build(project) == ["one", "two"]
    before = {path: path.stat().st_mtime_ns for path in (project / "build/osdi").glob("*.osdi")}
    assert build(project) == []
    assert stale_models(project) == []
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert len(before) == 3


def test_result_names_the_files_that_are_there(project: Path) -> None:
    models = build_models(project)
    assert sorted(models) == ["bsimcmg", "one", "two"]
    for name, model in models.items():
        assert model.name == name
        assert model.path == project / f"build/osdi/{name}.osdi"
        assert model.sha256 == sha256_of(model.path)
    assert models["one"].source_sha256 != models["two"].source_sha256


def test_source_change_recompiles_only_that_model(project: Path) -> None:
    build(project)
    source = project / "veriloga/one.va"
    source.write_text(source.read_text() + "// another comment\n")
    assert stale_models(project) == ["one"]
    assert build(project) == ["one"]


def test_include_change_recompiles_all_that_include_it(project: Path) -> None:
    before = build_models(project)
    law = project / "veriloga/include/law.include"
    law.write_text(law.read_text().replace("2000", "3000"))
    assert build(project) == ["one", "two"]
    after = build_models(project)
    assert before["one"].sha256 != after["one"].sha256
    assert before["bsimcmg"] == after["bsimcmg"]


def test_touching_a_file_changes_nothing(project: Path) -> None:
    build(project)
    os.utime(project / "veriloga/one.va")
    assert build(project) == []


@pytest.mark.parametrize("damage", ["osdi", "stamp", "no stamp", "stamp of another shape"])
def test_damaged_products_are_built_again(project: Path, damage: str) -> None:
    good = build_models(project)["one"]
    stamp = good.path.with_suffix(".json")
    if damage == "osdi":
        data = bytearray(good.path.read_bytes())
        data[len(data) // 2] ^= 1
        good.path.write_bytes(data)
    elif damage == "stamp":
        stamp.write_text(stamp.read_text()[:20])
    elif damage == "no stamp":
        stamp.unlink()
    else:
        stamp.write_text("[]")
    assert build(project) == ["one"]
    # The same sources give the same bytes, so that tables made before stay valid.
    assert build_models(project)["one"] == good


def test_another_compiler_version_recompiles(project: Path) -> None:
    build(project)
    stamp = project / "build/osdi/two.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "compiler": "OpenVAF 0.1"}))
    assert build(project) == ["two"]


def test_error_names_file_and_line(project: Path) -> None:
    source = project / "veriloga/two.va"
    source.write_text(
        source.read_text().replace("endmodule", "  analog I(a, b) <+ gain * V(a, b);\nendmodule")
    )
    with pytest.raises(UserError) as caught:
        build_models(project)
    assert caught.value.file == "veriloga/two.va"
    assert caught.value.line == 7
    assert "gain" in caught.value.message


def test_error_in_an_include_names_the_include(project: Path) -> None:
    law = project / "veriloga/include/law.include"
    law.write_text(law.read_text().replace("/ r;", "/ rr;"))
    with pytest.raises(UserError) as caught:
        build_models(project)
    assert (caught.value.file, caught.value.line) == ("veriloga/include/law.include", 2)


def test_failed_compilation_leaves_the_old_file_and_no_temporary(project: Path) -> None:
    good = build_models(project)["one"]
    (project / "veriloga/one.va").write_text("module one(a;\nendmodule\n")
    with pytest.raises(UserError):
        build_models(project)
    assert sha256_of(good.path) == good.sha256
    assert list(good.path.parent.glob(".*.part")) == []


def test_missing_include_is_named_with_the_line_that_asks_for_it(project: Path) -> None:
    (project / "veriloga/include/law.include").unlink()
    with pytest.raises(UserError, match=r"law\.include") as caught:
        build_models(project)
    assert (caught.value.file, caught.value.line) == ("veriloga/one.va", 6)


def test_nested_includes_are_sources(project: Path) -> None:
    (project / "veriloga/include/law.include").write_text('`include "deep.include"\n')
    (project / "veriloga/include/deep.include").write_text("analog I(a, b) <+ V(a, b);\n")
    names = [path.name for path in source_files(project / "veriloga/one.va")]
    assert names == ["one.va", "law.include", "deep.include"]


def test_altered_finfet_sources_are_refused(project: Path) -> None:
    source = project / "build/third_party/bsimcmg/bsimcmg_body.include"
    source.write_text(source.read_text() + "\n")
    with pytest.raises(UserError, match="make setup"):
        build_models(project)


def test_folder_that_cannot_be_written_is_one_clear_error(project: Path) -> None:
    osdi = project / "build/osdi"
    for path in osdi.iterdir():
        path.unlink()
    osdi.rmdir()
    osdi.write_text("a file where the folder belongs")
    with pytest.raises(UserError, match="cannot be written"):
        build_models(project)


def test_no_linker_is_one_clear_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(UserError, match="binutils"):
        build_models(project)


def test_linker_that_fails_is_an_error_though_the_compiler_says_success(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linker = project / "ld"
    linker.write_text("#!/bin/sh\nexit 1\n")
    linker.chmod(0o755)
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(UserError, match="the compiler failed: link") as caught:
        build_models(project)
    assert caught.value.file == "veriloga/one.va"
    assert list((project / "build/osdi").glob("one*")) == []


def test_two_builds_at_once_agree(project: Path) -> None:
    command = [sys.executable, "-m", "flow", "build", "--json"]
    running = [
        subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    first, second = (json.loads(out)["models"] for out, _ in outputs)
    hashes = [{name: model["sha256"] for name, model in models.items()} for models in (first, second)]
    assert hashes[0] == hashes[1]
    assert list((project / "build/osdi").glob(".*.part")) == []


def test_compiled_model_runs_in_ngspice(project: Path, tmp_path: Path) -> None:
    model = build_models(project)["one"]
    deck = tmp_path / "deck.cir"
    deck.write_text(
        f"one resistor\nvs in 0 1\nn1 in 0 card\n.model card one r=500\n"
        f".control\npre_osdi {model.path}\nop\nprint i(vs)\n.endc\n.end\n"
    )
    command = [str(find_ngspice().executable), "-b", str(deck)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("i(vs)"))
    assert float(line.split("=")[1]) == approx(-1 / 500, rel=1e-6)
