from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from flow.table import UserError, sealed
from neuro.checkpoint import Checkpoints, data_digest, restore, run_digest, save
from neuro.network import Settings
from neuro.synapse import Adc
from neuro.training import Run, train_all
from tests.neuro.learning import faulty, published, recorded, same_traces, short_mnist


class _KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "settings",
    [
        Settings(model="neurosim", images_per_epoch=4600, rng="libc"),
        Settings(images_per_epoch=4600),
        Settings(
            model="neurosim", layers=(400, 10), rates=(0.01,), images_per_epoch=100, optimizer="adam", batch=3
        ),
    ],
    ids=["neurosim", "physical", "adam"],
)
def test_cut_in_the_middle_of_an_epoch(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuro.training.CHUNK", 2000 if settings.images_per_epoch > 2000 else 40)
    data, cell = short_mnist(), faulty(published("dmtj"), 1e-4, 1e-7)
    whole = Run(cell, settings, 1)
    train_all([whole], data, 2)

    cut = Run(cell, settings, 1)
    kept = Checkpoints(tmp_path, data, seconds=0.0)
    kept.resume([cut])
    seen = 0

    def watch(runs: Sequence[Run]) -> None:
        nonlocal seen
        seen += 1
        kept.keep(runs)
        if seen == 4:
            raise _KilledError

    with pytest.raises(_KilledError):
        train_all([cut], data, 2, watch=watch)
    resumed = Run(cell, settings, 1)
    again = Checkpoints(tmp_path, data)
    assert again.resume([resumed]) == 1
    assert len(resumed.records) == 1
    assert settings.images_per_epoch < resumed.image < 2 * settings.images_per_epoch
    train_all([resumed], data, 2)
    same_traces(whole, resumed)
    again.forget([resumed])
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_something_else_is_left_alone(tmp_path: Path) -> None:
    data = short_mnist()
    run = Run(published("smtj"), Settings(images_per_epoch=100), 0)
    kept = Checkpoints(tmp_path, data)
    kept.keep([run], now=True)
    others = [
        Run(published("dmtj"), Settings(images_per_epoch=100), 0),
        Run(published("smtj"), Settings(images_per_epoch=100, seed=1), 0),
        Run(published("smtj"), Settings(images_per_epoch=100), 1),
        Run(faulty(published("smtj")), Settings(images_per_epoch=100), 0),
    ]
    assert len({kept.path(one) for one in [run, *others]}) == 5
    assert kept.resume(others) == 0
    assert not restore(others[0], kept.path(run), "another digest")


def test_whatever_the_traces_depend_on_makes_another_checkpoint() -> None:
    cell, settings = published("smtj"), Settings(images_per_epoch=100)
    members = cell.population
    other = dataclasses.replace(members, rdr=members.rdr * 2.0)
    cells = [
        cell,
        dataclasses.replace(cell, included_access_ohm=cell.included_access_ohm + 1.0),
        dataclasses.replace(cell, spread=dataclasses.replace(cell.spread, tmr=0.01)),
        dataclasses.replace(cell, members=members),
        dataclasses.replace(cell, members=other),
        dataclasses.replace(cell, cell=dataclasses.replace(cell.cell, rdr=1e-12)),
    ]
    digests = {run_digest(Run(one, settings, 0), "images") for one in cells}
    digests |= {run_digest(Run(cell, dataclasses.replace(settings, adc=Adc(7)), 0), "images")}
    digests |= {run_digest(Run(cell, settings, 1), "images"), run_digest(Run(cell, settings, 0), "others")}
    assert len(digests) == len(cells) + 3


def test_other_images_or_labels_make_another_checkpoint() -> None:
    data = short_mnist()
    found = {data_digest(data)}
    for name in ("train", "test"):
        part = getattr(data, name)
        for field in ("lit", "labels"):
            values = getattr(part, field).copy()
            values[0] += 1
            changed = dataclasses.replace(part, **{field: values})
            found.add(data_digest(dataclasses.replace(data, **{name: changed})))
    assert len(found) == 5


def test_damaged_checkpoints_are_refused(tmp_path: Path) -> None:
    run = Run(published("smtj"), Settings(images_per_epoch=100), 0)
    path = tmp_path / "x.npz"
    save(run, path, "d")
    whole = path.read_bytes()
    assert restore(run, path, "d")
    for content in (b"", b"PK", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged checkpoint"):
            restore(run, path, "d")
    with np.load(_rewritten(path, whole), allow_pickle=False) as stored:
        content = {name: stored[name] for name in stored.files}
    content["weights_0"] = content["weights_0"][:7]
    np.savez(path, **content)
    with pytest.raises(UserError, match="does not match the checksum"):
        restore(run, path, "d")
    path.write_bytes(sealed(path.read_bytes()))
    with pytest.raises(UserError, match="weights of array 0"):
        restore(run, path, "d")


def _rewritten(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_killed_process_goes_on_with_the_same_traces(tmp_path: Path) -> None:
    def command(name: str) -> list[str]:
        options = "--cells paper --cell dmtj/0.85 --epochs 3 --images 8000 --jobs 1 --checkpoint-seconds 0"
        words = [sys.executable, "-m", "neuro", "train", *options.split()]
        return [*words, "--output", str(tmp_path / name), "--checkpoints", str(tmp_path / "kept")]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed = subprocess.Popen(
        command("b.h5"), env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while (
        not list((tmp_path / "kept").glob("*.npz")) and killed.poll() is None and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert killed.returncode == -signal.SIGKILL, "it ended before it could be killed"
    assert not (tmp_path / "b.h5").exists()
    resumed = subprocess.run(command("b.h5"), env=environment, capture_output=True, text=True, check=True)
    assert "going on with 1 unfinished" in resumed.stderr
    subprocess.run([*command("a.h5"), "--fresh"], env=environment, capture_output=True, check=True)
    assert recorded(tmp_path / "a.h5") == recorded(tmp_path / "b.h5")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
