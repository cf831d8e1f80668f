"""Plans over workers: order, cache, and workers that crash, hang, or are gone."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flow.errors import UserError
from flow.parallel import (
    Arrays,
    Cache,
    InlinePool,
    LocalPool,
    Plan,
    Progress,
    digest,
    run_inline,
    run_plans,
)


@dataclass(frozen=True)
class Square:
    """Squares its numbers; misbehaves at `bad` in the way of `how`, at most `times` times."""

    numbers: tuple[int, ...]
    folder: str
    how: str = ""
    bad: int = -1
    times: int = 10**9

    @property
    def key(self) -> str:
        return digest("square", list(self.numbers), self.how, self.bad)

    @property
    def label(self) -> str:
        return str(self.numbers)

    @property
    def samples(self) -> int:
        return len(self.numbers)

    def run(self) -> Arrays:
        runs = Path(self.folder)
        seen = len(list(runs.glob("run_*")))
        (runs / f"run_{os.getpid()}_{time.monotonic_ns()}").touch()
        if self.bad in self.numbers and seen < self.times:
            if self.how == "die":
                os._exit(9)
            if self.how == "hang":
                time.sleep(600)
            if self.how == "wrong":
                raise UserError("no good", key=str(self.bad))
        return {"square": np.array(self.numbers) ** 2, "status": np.zeros(len(self.numbers), dtype=np.int64)}

    def split(self) -> Sequence[Square]:
        if len(self.numbers) == 1:
            return ()
        return [Square((n,), self.folder, self.how, self.bad, self.times) for n in self.numbers]

    def merge(self, parts: Sequence[Arrays]) -> Arrays:
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def failed(self) -> Arrays:
        rows = len(self.numbers)
        return {"square": np.full(rows, -1), "status": np.full(rows, 2)}


def total(tasks: Sequence[Square]) -> Plan:
    results = yield list(tasks)
    return sum(int(result["square"].sum()) for result in results)


def twice(first: Square, second: Square) -> Plan:
    (sum_one,) = yield [total([first])]
    (result, sum_two) = yield [second, total([first, second])]
    return sum_one, int(result["square"].sum()), sum_two


def test_plans_get_their_results_in_order_and_nest(tmp_path: Path) -> None:
    one, two = Square((1, 2), str(tmp_path)), Square((3,), str(tmp_path))
    seen: list[tuple[int, int, str]] = []
    results, count = run_plans(
        {"a": twice(one, two), "b": total([two])},
        Cache(tmp_path / "cache"),
        InlinePool(),
        progress=Progress(3, tell=lambda *step: seen.append(step)),
    )
    assert results == {"a": (5, 9, 14), "b": 9}
    # Each task was simulated once, whoever asked for it and how often.
    assert len(list(tmp_path.glob("run_*"))) == 2
    assert count.simulated == 3
    assert seen[-1][0] <= seen[-1][1]
    assert run_inline(twice(one, two)) == (5, 9, 14)


def test_a_second_run_simulates_nothing_and_a_damaged_entry_is_mended(tmp_path: Path) -> None:
    tasks = [Square((n,), str(tmp_path)) for n in range(4)]
    cache = Cache(tmp_path / "cache")
    first, _ = run_plans({"p": total(tasks)}, cache, InlinePool())
    before = {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*.npz")}
    second, count = run_plans({"p": total(tasks)}, cache, InlinePool())
    assert (first, count.simulated, count.reused) == (second, 0, 4)
    damaged = sorted((tmp_path / "cache").rglob("*.npz"))[1]
    damaged.write_bytes(damaged.read_bytes()[:-30])
    third, count = run_plans({"p": total(tasks)}, cache, InlinePool())
    assert (third, count.simulated, count.reused) == (first, 1, 3)
    assert {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*.npz")} == before


def test_a_mistake_of_the_user_reaches_him_and_the_rest_is_kept(tmp_path: Path) -> None:
    tasks = [Square((1,), str(tmp_path)), Square((2,), str(tmp_path), "wrong", 2)]
    cache = Cache(tmp_path / "cache")
    with pytest.raises(UserError, match="no good"):
        run_plans({"p": total(tasks)}, cache, InlinePool())
    assert cache.load(tasks[0].key) is not None
    assert cache.load(tasks[1].key) is None


def test_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    """The first task to run kills its worker once; all results arrive nevertheless."""
    tasks = [Square((n,), str(tmp_path), "die", 0, times=1) for n in range(5)]
    pool = LocalPool(1)
    try:
        results, count = run_plans({"p": total(tasks)}, Cache(tmp_path / "cache"), pool)
    finally:
        pool.close()
    assert results["p"] == 30
    assert (count.simulated, count.failed) == (5, 0)


@pytest.mark.parametrize("how", ["die", "hang"])
def test_the_sample_that_kills_or_hangs_is_found_and_flagged(tmp_path: Path, how: str) -> None:
    batch = Square((1, 2, 3), str(tmp_path), how, 2)
    pool = LocalPool(2)

    def plan() -> Plan:
        (result,) = yield [batch]
        return result

    cache = Cache(tmp_path / "cache")
    try:
        results, count = run_plans({"p": plan()}, cache, pool, limit=1.5)
    finally:
        pool.close()
    found: dict[str, Any] = results["p"]
    assert found["square"].tolist() == [1, -1, 9]
    assert found["status"].tolist() == [0, 2, 0]
    assert count.failed == 1
    # What failed for the machine's reasons is tried again by the next run.
    assert cache.load(batch.key) is None


def test_keys_tell_arrays_apart_to_the_last_bit() -> None:
    one = np.array([1.0, 2.0])
    assert digest("a", one) == digest("a", one.copy())
    assert digest("a", one) != digest("a", np.nextafter(one, 9.0))
    assert digest("a", one) != digest("a", one.reshape(1, 2))
    assert digest("a", [1, 2]) != digest("a", [1], [2])
