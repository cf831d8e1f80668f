"""Truncated, flipped, swapped and forged files: noticed, told or made anew, and never taken for data."""

from __future__ import annotations

import io
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flow.errors import UserError
from flow.parallel import Cache, InlinePool, LocalPool, run_plans
from neuro.checkpoint import restore, save
from neuro.network import Settings
from neuro.report.traces import _read
from neuro.training import Run
from tests.faults.conftest import TABLE, Start, Undisturbed, one_error
from tests.faults.training import Trained
from tests.flow.test_parallel import Square, total
from tests.neuro.learning import published


class Forged:
    """What a pickle would do if anything unpickled it."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (Path.touch, (Path("forged-pickle-was-executed"),))


def other_shape(_: bytes) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, square=np.zeros((7, 7)), status=np.zeros(1, dtype=np.int64))
    return buffer.getvalue()


def pickled(_: bytes) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Forged()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "without its seal": lambda data: data[:-79],
    "one bit": lambda data: data[:200] + bytes([data[200] ^ 4]) + data[201:],
    "last bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "longer": lambda data: data + b"\0",
    "other shape": other_shape,
    "pickled array": pickled,
    "bare pickle": lambda data: pickle.dumps(Forged()),
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_an_altered_entry_of_the_cache_is_simulated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.chdir(tmp_path)
    tasks = [Square((n,), str(tmp_path)) for n in range(3)]
    cache = Cache(tmp_path / "cache")
    first, _ = run_plans({"p": total(tasks)}, cache, InlinePool())
    entry = next((tmp_path / "cache").rglob(f"{tasks[1].key}.npz"))
    whole = entry.read_bytes()
    entry.write_bytes(DAMAGE[damage](whole))
    notices: list[str] = []
    again, count = run_plans({"p": total(tasks)}, cache, InlinePool(), notice=notices.append)
    assert (again, count.simulated, count.reused) == (first, 1, 2)
    assert len(notices) == 1
    assert str(entry) in notices[0]
    assert notices[0].endswith("damaged or altered; it is simulated again")
    assert entry.read_bytes() == whole
    assert not (tmp_path / "forged-pickle-was-executed").exists()


def test_an_entry_under_another_name_is_not_taken(tmp_path: Path) -> None:
    one, two = Square((1,), str(tmp_path)), Square((2,), str(tmp_path))
    cache = Cache(tmp_path / "cache")
    run_plans({"p": total([one, two])}, cache, InlinePool())
    places = {task.key: next((tmp_path / "cache").rglob(f"{task.key}.npz")) for task in (one, two)}
    places[one.key].write_bytes(places[two.key].read_bytes())
    results, count = run_plans({"p": total([one, two])}, cache, InlinePool())
    assert (results["p"], count.simulated) == (5, 1)


def test_something_else_in_the_place_of_an_entry(tmp_path: Path) -> None:
    """A folder, or a link that leads nowhere: the run comes to its end, with nothing kept at worst."""
    task = Square((3,), str(tmp_path))
    cache = Cache(tmp_path / "cache")
    place = tmp_path / "cache" / task.key[:2] / f"{task.key}.npz"
    place.mkdir(parents=True)
    notices: list[str] = []
    results, _ = run_plans({"p": total([task])}, cache, LocalPool(1), notice=notices.append)
    assert results["p"] == 9
    assert len(notices) == 1
    place.rmdir()
    place.symlink_to(tmp_path / "nowhere" / "file")
    with pytest.raises(UserError, match="cannot be written"):
        run_plans({"p": total([task])}, cache, InlinePool())


def test_many_damaged_entries_are_told_in_two_lines(tmp_path: Path) -> None:
    tasks = [Square((n,), str(tmp_path)) for n in range(5)]
    cache = Cache(tmp_path / "cache")
    first, _ = run_plans({"p": total(tasks)}, cache, InlinePool())
    for entry in (tmp_path / "cache").rglob("*.npz"):
        entry.write_bytes(b"")
    notices: list[str] = []
    again, count = run_plans({"p": total(tasks)}, cache, InlinePool(), notice=notices.append)
    assert (again, count.simulated) == (first, 5)
    assert len(notices) == 2
    assert notices[1].startswith("5 entries")


@pytest.mark.slow
def test_a_cache_of_real_results_altered_all_over(
    small: Path, start: Start, undisturbed: Undisturbed
) -> None:
    undisturbed.give(small)
    generator = random.Random(7)
    entries = sorted((small / "build" / "cache").glob("*/*"))
    for entry, damage in zip(entries, [DAMAGE[name] for name in sorted(DAMAGE)] * 9, strict=False):
        if generator.random() < 0.7:
            entry.write_bytes(damage(entry.read_bytes()))
    done = start(small, "flow", "characterize").end(300)
    assert done.code == 0, done.stderr
    assert "it is simulated again" in done.stderr
    assert (small / TABLE).read_bytes() == undisturbed.table
    assert {path.name: path.read_bytes() for path in entries} == {
        path.name: path.read_bytes() for path in undisturbed.cache.glob("*/*")
    }
    assert not (small / "forged-pickle-was-executed").exists()


def test_any_flipped_bit_of_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    run = Run(published("smtj"), Settings(images_per_epoch=100), 0)
    path = tmp_path / "x.npz"
    save(run, path, "d")
    whole = path.read_bytes()
    generator = random.Random(3)
    for _ in range(40):
        place = generator.randrange(len(whole))
        flipped = bytes([whole[place] ^ (1 << generator.randrange(8))])
        path.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        with pytest.raises(UserError, match="delete it, or train with --fresh"):
            restore(run, path, "d")
    for size in (0, 1, 79, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="damaged checkpoint"):
            restore(run, path, "d")


def test_any_flipped_bit_of_a_trace_is_noticed(tmp_path: Path, trained: Trained) -> None:
    traces = tmp_path / "t.h5"
    whole = trained.traces
    generator = random.Random(5)
    for _ in range(40):
        # The seal itself is looked at where it says that it is one.
        place = generator.randrange(len(whole) - 79)
        traces.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match="does not match the checksum"):
            _read(traces, None)  # type: ignore[arg-type]


def test_a_damaged_table_stops_a_training_in_one_line(
    tmp_path: Path, start: Start, undisturbed: Undisturbed
) -> None:
    table = tmp_path / "bitcells.h5"
    data = bytearray(undisturbed.table)
    data[len(data) // 2] ^= 8
    table.write_bytes(bytes(data))
    done = start(tmp_path, "neuro", "train", "--tables", str(table), "--epochs", "1").end()
    assert done.code == 1
    assert "does not match the checksum at its end" in one_error(done.stderr)
    done.assert_nothing_left(tmp_path)
