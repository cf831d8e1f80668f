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

from flow.parallel.cache import Cache
from flow.parallel.driver import run_inline, run_plans
from flow.parallel.pool import TIME_LIMIT, DaskPool, InlinePool, LocalPool, Pool, execute
from flow.parallel.task import Arrays, Count, Plan, Progress, Result, Task, digest

__all__ = [
    "TIME_LIMIT",
    "Arrays",
    "Cache",
    "Count",
    "DaskPool",
    "InlinePool",
    "LocalPool",
    "Plan",
    "Pool",
    "Progress",
    "Result",
    "Task",
    "digest",
    "execute",
    "run_inline",
    "run_plans",
]
