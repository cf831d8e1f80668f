"""Workers: in this process, on this machine, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from multiprocessing import resource_tracker
from typing import Any, Protocol

from flow.errors import BrokenProcessError, UserError
from flow.parallel.cache import Cache
from flow.parallel.task import Result, Task

TIME_LIMIT = 300.0
"""Seconds that a task may take before its worker counts as hung."""

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


_BROKEN = 70
"""Exit code of a worker whose simulator is lost."""

_CLUSTER_SECONDS = 20.0
"""Seconds that a Dask scheduler may take to answer."""

_GRACE = 60.0
"""Seconds beyond the time limit after which workers that say nothing are stopped or stuck in the kernel."""


class Pool(Protocol):
    """Workers that run tasks."""

    def patience(self, limit: float) -> float | None:
        """Seconds in which at least one of the running tasks must end; None where nobody can tell."""

    def submit(self, task: Task, cache: Cache, limit: float) -> Future[Result]:
        """Start `execute(task, cache, limit)` in a worker."""

    def restart(self) -> None:
        """Replace workers after one of them died."""

    def close(self) -> None:
        """End all workers."""


class InlinePool:
    """No workers: every task runs here and now. For tests and debuggers."""

    def patience(self, limit: float) -> float | None:
        """No task is left running."""
        return None

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
    """Processes on this machine, by joblib's loky. They start at the first task and die with this process.

    `grace`: seconds beyond the time limit that workers have to report.
    """

    def __init__(self, workers: int, grace: float = _GRACE) -> None:
        self._workers = workers
        self._grace = grace
        self._executor: Any = None

    def patience(self, limit: float) -> float | None:
        """The alarm ends every task in time, except in a worker that was stopped (SIGSTOP)."""
        return limit + self._grace

    def submit(self, task: Task, cache: Cache, limit: float) -> Future[Result]:
        """Give the task to a worker."""
        if self._executor is None:
            from joblib.externals.loky.process_executor import ProcessPoolExecutor

            self._executor = ProcessPoolExecutor(
                max_workers=self._workers,
                initializer=_follow,
                initargs=(os.getpid(),),
                # Unless asked for, no dump of a crashed worker's stack: the driver says what happened.
                env={"PYTHONFAULTHANDLER": os.environ.get("PYTHONFAULTHANDLER", "")},
            )
        with _without_interrupts():
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

    def patience(self, limit: float) -> float | None:
        """A busy cluster lets tasks wait for hours; workers that fall silent are the scheduler's matter."""
        return None

    def __init__(self, address: str) -> None:
        self._address = address
        try:
            from distributed import Client  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            raise UserError(
                "--scheduler needs Dask: pip install 'mtjflow[dask]' here and on the workers",
                key="--scheduler",
            ) from None
        # What it has to say of a lost connection is said by us; its import sets a level of its own.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        try:
            self._client: Any = Client(address, timeout=_CLUSTER_SECONDS)  # type: ignore[no-untyped-call,unused-ignore]
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
        """The cluster's nannies do that; a scheduler that is gone has some time to come back.

        Raises UserError if it does not.
        """
        deadline = time.monotonic() + _CLUSTER_SECONDS
        while self._client.status != "running" and time.monotonic() < deadline:
            time.sleep(0.1)
        if self._client.status != "running":
            raise UserError(
                f"the Dask scheduler at {self._address} is gone; what is finished is kept: start again",
                key="--scheduler",
            )

    def close(self) -> None:
        """Leave the cluster as it is."""
        self._client.close()


_one_at_a_time = threading.Lock()


def execute(task: Task, cache: Cache, limit: float) -> Result:
    """In a worker: run a task, ended by an alarm after `limit` seconds, and keep its result.

    A worker whose simulator is lost ends itself, so that a new one takes its place.
    """
    with _one_at_a_time:  # libngspice is one circuit set a process, whatever threads a cluster's worker has
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            result = task.run()
        except BrokenProcessError:
            os._exit(_BROKEN)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
    with contextlib.suppress(
        UserError
    ):  # a worker elsewhere may not reach this folder; the driver keeps it too
        cache.save(task.key, result)
    return result


def worker_died(error: BaseException) -> bool:
    """Whether an error means that the worker is gone, by the names that loky and Dask give it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    dead = {"BrokenProcessPool", "BrokenExecutor", "TerminatedWorkerError", "KilledWorker", "CommClosedError"}
    return bool(names & dead) or isinstance(error, CancelledError)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start workers that Ctrl-C does not reach, from their very first instruction.

    A terminal sends it to all processes at once; the main process alone tells the user and ends the others.
    """
    # It would lift the block where it starts among the workers.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow(parent: int) -> None:
    """In a new worker on Linux: die with the process that started it, even if that is killed."""
    # A shell script may have started us with this signal ignored; a hung task must end.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
