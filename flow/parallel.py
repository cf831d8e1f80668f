"""Work in parallel: tasks, plans of tasks, a cache by content, and workers that may hang or die.

A TASK is a piece of simulation with a key, the hash of everything that its result depends on. Its result
is kept under that key in the cache, written in one step; so a run that is killed goes on where it was,
two runs at once share what they find, and only what changed is simulated again.

A PLAN decides what to simulate next from what is known so far: a generator that yields a list of tasks
(or further plans) and is sent their results in the same order. Plans hold no state but their results and so
replay to the same end from a cache; all plans share one pool of workers.

A worker that exceeds its time limit is ended by an alarm of the operating system, which also reaches a
process that hangs inside the simulator. Its task, like that of a worker that died, is given out again; one
that has failed too often is split to find the culprit, which in the end is flagged as failed.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import json
import os
import signal
import sys
import threading
import zipfile
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from flow.errors import UserError
from flow.table import BitcellTable, open_table, replace_file
from flow.table.writer import table_bytes

Arrays = dict[str, NDArray[Any]]
Result = Arrays | BitcellTable
Name = TypeVar("Name", bound=Hashable)

TIME_LIMIT = 300.0
"""Seconds that a task may take before its worker counts as hung."""

_ATTEMPTS = 2
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class Task(Protocol):
    """A piece of simulation; small and picklable, and the same result wherever it runs."""

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""

    @property
    def label(self) -> str:
        """What a progress bar shows."""

    @property
    def samples(self) -> int:
        """How many SPICE samples it stands for."""

    def run(self) -> Result:
        """Do it, in a worker."""

    def split(self) -> Sequence[Task]:
        """The same work in smaller tasks; none if it cannot be split."""

    def merge(self, parts: Sequence[Any]) -> Any:
        """The result from those of `split`."""

    def failed(self) -> Any:
        """The result that says it cannot be done. May raise UserError instead."""


Plan = Generator[Sequence["Task | Plan"], list[Any], Any]


@dataclass
class Count:
    """SPICE samples of a run."""

    simulated: int = 0
    reused: int = 0
    retried: int = 0
    failed: int = 0


@dataclass
class Progress:
    """Work done and known so far; `expected` grows when a plan asks for more than was foreseen."""

    expected: int
    done: int = 0
    tell: Callable[[int, int, str], None] = lambda done, expected, label: None

    def step(self, label: str) -> None:
        """One more task is finished."""
        self.done += 1
        self.expected = max(self.expected, self.done)
        self.tell(self.done, self.expected, label)


def digest(*content: object) -> str:
    """SHA-256 over values and arrays, exact to the last bit."""
    sha = hashlib.sha256()
    for part in content:
        if isinstance(part, np.ndarray):
            sha.update(f"{part.dtype.str}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        else:
            sha.update(json.dumps(part, sort_keys=True).encode())
        sha.update(b"\0")
    return sha.hexdigest()


@dataclass(frozen=True)
class Cache:
    """Results by key, below one folder; a damaged entry is as good as none."""

    folder: Path

    def load(self, key: str) -> Result | None:
        """The result kept under `key`, or None."""
        table = self._path(key, "h5")
        if table.exists():
            try:
                return open_table(table)
            except UserError:
                table.unlink(missing_ok=True)
        arrays = self._path(key, "npz")
        try:
            # Read first: the library leaves a damaged file open.
            with np.load(io.BytesIO(arrays.read_bytes()), allow_pickle=False) as content:
                return {name: content[name] for name in content.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            arrays.unlink(missing_ok=True)
            return None

    def holds(self, key: str) -> bool:
        """Whether there is an entry, whole or damaged."""
        return any(self._path(key, suffix).exists() for suffix in ("npz", "h5"))

    def save(self, key: str, result: Result) -> None:
        """Keep a result; equal results are equal bytes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if isinstance(result, BitcellTable):
            replace_file(self._path(key, "h5", make=True), table_bytes(result))
            return
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{name: result[name] for name in sorted(result)})
        replace_file(self._path(key, "npz", make=True), buffer.getvalue())

    def _path(self, key: str, suffix: str, *, make: bool = False) -> Path:
        # Two levels: a folder with a hundred thousand files is slow to list.
        folder = self.folder / key[:2]
        if make:
            folder.mkdir(exist_ok=True)
        return folder / f"{key}.{suffix}"


class Pool(Protocol):
    """Workers that run tasks."""

    def submit(self, task: Task, cache: Cache, limit: float) -> Future[Result]:
        """Start `execute(task, cache, limit)` in a worker."""

    def restart(self) -> None:
        """Replace workers after one of them died."""

    def close(self) -> None:
        """End all workers."""


class InlinePool:
    """No workers: every task runs here and now. For tests and debuggers."""

    def submit(self, task: Task, cache: Cache, limit: float) -> Future[Result]:
        """Run the task in this process; its time is not limited."""
        future: Future[Result] = Future()
        try:
            result = task.run()
            cache.save(task.key, result)
            future.set_result(result)
        except Exception as error:
            future.set_exception(error)
        return future

    def restart(self) -> None:
        """Nothing to replace."""

    def close(self) -> None:
        """Nothing to end."""


class LocalPool:
    """Processes on this machine, by joblib's loky. They start at the first task and die with this process."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: Any = None

    def submit(self, task: Task, cache: Cache, limit: float) -> Future[Result]:
        """Give the task to a worker."""
        if self._executor is None:
            from joblib.externals.loky.process_executor import ProcessPoolExecutor

            self._executor = ProcessPoolExecutor(max_workers=self._workers, initializer=_follow)
        future: Future[Result] = self._executor.submit(execute, task, cache, limit)
        return future

    def restart(self) -> None:
        """End all workers; the next task starts new ones."""
        self.close()

    def close(self) -> None:
        """End all workers now, busy or not."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None


class DaskPool:
    """Workers of a Dask cluster, one task a worker process at a time; the scheduler replaces the dead."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            raise UserError(
                "--scheduler needs Dask: pip install 'mtjflow[dask]' here and on the workers",
                key="--scheduler",
            ) from None
        try:
            self._client: Any = Client(address, timeout=20)  # type: ignore[no-untyped-call,unused-ignore]
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(f"no Dask scheduler at {address}: {error}", key="--scheduler") from None

    def submit(self, task: Task, cache: Cache, limit: float) -> Future[Result]:
        """Give the task to the cluster."""
        handle: Any = self._client.submit(execute, task, cache, limit, pure=False, retries=0)
        future: Future[Result] = Future()

        def finished(done: Any) -> None:
            try:
                future.set_result(done.result())
            except BaseException as error:
                future.set_exception(error)

        handle.add_done_callback(finished)
        return future

    def restart(self) -> None:
        """The cluster's nannies do that."""

    def close(self) -> None:
        """Leave the cluster as it is."""
        self._client.close()


_one_at_a_time = threading.Lock()


def execute(task: Task, cache: Cache, limit: float) -> Result:
    """In a worker: run a task, ended by an alarm after `limit` seconds, and keep its result."""
    with _one_at_a_time:  # libngspice is one circuit set a process, whatever threads a cluster's worker has
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            result = task.run()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
    with contextlib.suppress(
        UserError
    ):  # a worker elsewhere may not reach this folder; the driver keeps it too
        cache.save(task.key, result)
    return result


def run_plans(
    plans: Mapping[Name, Plan],
    cache: Cache,
    pool: Pool,
    *,
    progress: Progress | None = None,
    limit: float = TIME_LIMIT,
) -> tuple[dict[Name, Any], Count]:
    """Run plans side by side to their ends.

    Returns:
        What each plan returned, by name, and the samples that were simulated and reused.

    Raises:
        UserError: a mistake of the user that a plan or a task found. What was done stays in the cache.
    """
    driver = _Driver(cache, pool, progress or Progress(0), limit)
    for plan in plans.values():
        driver.start(plan)
    # After an error the caller closes the pool, which ends what is still running: a future that was cancelled
    # here would make loky's manager stumble over it and hang.
    driver.loop()
    return {name: driver.returned[id(plan)] for name, plan in plans.items()}, driver.count


def run_inline(plan: Plan) -> Any:
    """Run a plan to its end in this process, without a cache: for plans inside a task."""
    results: list[Any] | None = None
    while True:
        try:
            wanted = plan.send(results)  # type: ignore[arg-type]
        except StopIteration as end:
            return end.value
        results = [run_inline(item) if isinstance(item, Generator) else item.run() for item in wanted]


@dataclass
class _Wait:
    """A plan and the results it waits for."""

    plan: Plan
    results: list[Any]
    missing: int
    parent: tuple[_Wait, int] | None


@dataclass
class _Give:
    """A task in a worker, and who waits for its result."""

    task: Task
    waiting: list[tuple[Callable[[Any], None], Task]]
    attempts: int = 0


@dataclass
class _Driver:
    cache: Cache
    pool: Pool
    progress: Progress
    limit: float
    count: Count = field(default_factory=Count)
    returned: dict[int, Any] = field(default_factory=dict)
    running: dict[Future[Result], _Give] = field(default_factory=dict)
    by_key: dict[str, _Give] = field(default_factory=dict)
    isolated: list[_Give] = field(default_factory=list)

    def start(self, plan: Plan, parent: tuple[_Wait, int] | None = None) -> None:
        self._advance(_Wait(plan, [], 0, parent), first=True)

    def loop(self) -> None:
        while self.running or self.isolated:
            if not self.running:
                # A task that may have killed a worker runs alone, so that no other is suspected.
                self._submit(self.isolated.pop(0))
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            dead: list[_Give] = []
            for future in done:
                if future not in self.running:
                    continue
                give = self.running.pop(future)
                error = future.exception()
                if error is None:
                    self._finish(give, future.result())
                elif _worker_died(error):
                    dead.append(give)
                else:
                    raise error
            if dead:
                self._recover(dead)

    def _recover(self, dead: list[_Give]) -> None:
        """Every task that was in a worker may be the cause; from the second time on each runs alone."""
        wait(self.running)
        for future in list(self.running):
            give = self.running.pop(future)
            if future.cancelled() or future.exception() is not None:
                dead.append(give)
            else:
                self._finish(give, future.result())
        self.pool.restart()
        alone = len(dead) == 1
        for give in dead:
            give.attempts += 1
            if give.attempts < _ATTEMPTS:
                self._submit(give)
            elif alone:
                self._give_up(give)
            else:
                self.isolated.append(give)

    def _give_up(self, give: _Give) -> None:
        parts = give.task.split()
        if not parts:
            result = give.task.failed()
            self._note(result)
            self._deliver(give, result)
            return

        def whole() -> Plan:
            results = yield list(parts)
            merged = give.task.merge(results)
            # Not kept: a machine that was busy or short of memory is no property of the samples.
            self._deliver(give, merged)

        self.start(whole())

    def _advance(self, waiting: _Wait, *, first: bool = False) -> None:
        try:
            wanted = waiting.plan.send(None if first else waiting.results)  # type: ignore[arg-type]
        except StopIteration as end:
            self.returned[id(waiting.plan)] = end.value
            if waiting.parent is not None:
                self._arrived(*waiting.parent, end.value)
            return
        waiting.results = [None] * len(wanted)
        # One more than wanted: the plan must not move on before all of its wishes are known.
        waiting.missing = len(wanted) + 1
        for index, item in enumerate(wanted):
            if isinstance(item, Generator):
                self.start(item, (waiting, index))
            else:
                self._want(item, waiting, index)
        waiting.missing -= 1
        if waiting.missing == 0:
            self._advance(waiting)

    def _arrived(self, waiting: _Wait, index: int, result: Any) -> None:
        waiting.results[index] = result
        waiting.missing -= 1
        if waiting.missing == 0:
            self._advance(waiting)

    def _want(self, task: Task, waiting: _Wait, index: int) -> None:
        key = task.key

        def deliver(result: Any) -> None:
            self._arrived(waiting, index, result)

        if key in self.by_key:
            self.by_key[key].waiting.append((deliver, task))
            return
        kept = self.cache.load(key)
        if kept is not None:
            self.count.reused += task.samples
            self._note(kept)
            self.progress.step(task.label)
            self._arrived(waiting, index, kept)
            return
        give = _Give(task, [(deliver, task)])
        self.by_key[key] = give
        self._submit(give)

    def _submit(self, give: _Give) -> None:
        try:
            self.running[self.pool.submit(give.task, self.cache, self.limit)] = give
        except Exception as error:
            if not _worker_died(error):
                raise
            self.pool.restart()
            self.running[self.pool.submit(give.task, self.cache, self.limit)] = give

    def _finish(self, give: _Give, result: Any) -> None:
        self.count.simulated += give.task.samples
        self._note(result)
        if not self.cache.holds(give.task.key):
            self.cache.save(give.task.key, result)
        self._deliver(give, result)

    def _deliver(self, give: _Give, result: Any) -> None:
        self.by_key.pop(give.task.key, None)
        self.progress.step(give.task.label)
        for deliver, _ in give.waiting:
            deliver(result)

    def _note(self, result: Any) -> None:
        if isinstance(result, dict) and "status" in result:
            self.count.retried += int((result["status"] == 1).sum())
            self.count.failed += int((result["status"] == 2).sum())


def _worker_died(error: BaseException) -> bool:
    """Whether an error means that the worker is gone, by the names that loky and Dask give it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    dead = {"BrokenProcessPool", "BrokenExecutor", "TerminatedWorkerError", "KilledWorker", "CommClosedError"}
    return bool(names & dead) or isinstance(error, CancelledError)


def _follow() -> None:
    """In a new worker on Linux: die with the process that started it, even if that is killed."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(1)
