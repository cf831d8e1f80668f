"""Runs plans side by side: gives their tasks to a pool, and their results back."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Hashable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flow.errors import UserError
from flow.interrupt import raise_if_interrupted
from flow.parallel.cache import Cache
from flow.parallel.pool import TIME_LIMIT, Pool, worker_died
from flow.parallel.task import Count, Plan, Progress, Result, Task

Name = TypeVar("Name", bound=Hashable)

_ATTEMPTS = 2


def run_plans(
    plans: Mapping[Name, Plan],
    cache: Cache,
    pool: Pool,
    *,
    progress: Progress | None = None,
    limit: float = TIME_LIMIT,
    notice: Callable[[str], None] = lambda _: None,
) -> tuple[dict[Name, Any], Count]:
    """Run plans side by side to their ends.

    Args:
        limit: seconds that a task may take.
        notice: hears of workers that died and of entries of the cache that could not be trusted.

    Returns:
        What each plan returned, by name, and the samples that were simulated and reused.

    Raises:
        UserError: a mistake of the user that a plan or a task found. What was done stays in the cache.
    """
    driver = _Driver(cache, pool, progress or Progress(0), limit, notice)
    for plan in plans.values():
        driver.start(plan)
    # After an error the caller closes the pool, which ends what is still running: a future that was cancelled
    # here would make loky's manager stumble over it and hang.
    driver.loop()
    if driver.distrusted > 1:
        notice(f"{driver.distrusted} entries of the cache were damaged or altered and simulated again")
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
    notice: Callable[[str], None]
    count: Count = field(default_factory=Count)
    distrusted: int = 0
    returned: dict[int, Any] = field(default_factory=dict)
    running: dict[Future[Result], _Give] = field(default_factory=dict)
    by_key: dict[str, _Give] = field(default_factory=dict)
    isolated: list[_Give] = field(default_factory=list)

    def start(self, plan: Plan, parent: tuple[_Wait, int] | None = None) -> None:
        self._advance(_Wait(plan, [], 0, parent), first=True)

    def loop(self) -> None:
        while self.running or self.isolated:
            raise_if_interrupted()
            if not self.running:
                # A task that may have killed a worker runs alone, so that no other is suspected.
                self._submit(self.isolated.pop(0))
            done, _ = wait(self.running, timeout=self.pool.patience(self.limit), return_when=FIRST_COMPLETED)
            if not done:
                # Longer than any task may take: the workers that are left do not even hear their alarm.
                self.notice("the workers do not answer; they are replaced, their tasks given out again")
                self.pool.restart()
                self._recover([])
                continue
            dead: list[_Give] = []
            for future in done:
                if future not in self.running:
                    continue
                give = self.running.pop(future)
                error = future.exception()
                if error is None:
                    self._finish(give, future.result())
                elif worker_died(error):
                    if not dead:
                        why = ", ".join(re.findall(r"SIG[A-Z]+", str(error)))
                        self.notice(f"a worker died ({why or 'it broke'}); its tasks are given out again")
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
            self.count.simulated += give.task.samples
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
        try:
            kept = self.cache.load(key)
        except UserError as error:
            # One by name is enough: a damaged disk or an older version of the cache spoils many.
            if self.distrusted == 0:
                self.notice(f"{error}; it is simulated again")
            self.distrusted += 1
            kept = None
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
            if not worker_died(error):
                raise
            self.pool.restart()
            self.running[self.pool.submit(give.task, self.cache, self.limit)] = give

    def _finish(self, give: _Give, result: Any) -> None:
        self.count.simulated += give.task.samples
        self._note(result)
        if not self.cache.holds(give.task.key):
            # The worker could not: its disk is full, or it does not reach our folder.
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
