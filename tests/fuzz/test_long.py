"""More than 10 000 new cases in every run: `pytest -m slow tests/fuzz`."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.properties import PROPERTIES

MOST_SECONDS = 20.0  # of CPU, a case
MOST_GROWTH = 1 << 30


def test_the_long_run_is_long() -> None:
    assert sum(one.long for one in PROPERTIES.values()) >= 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", PROPERTIES)
def test_thousands_of_files_give_results_or_one_line(name: str, tmp_path: Path) -> None:
    chosen = PROPERTIES[name]
    cases, slowest = 0, 0.0

    @settings(
        max_examples=chosen.long,
        database=None,
        deadline=None,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(chosen.cases)
    def run(case: object) -> None:
        nonlocal cases, slowest
        cases += 1
        started = time.process_time()
        chosen.holds(case, tmp_path)
        slowest = max(slowest, time.process_time() - started)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown < MOST_GROWTH, f"{grown >> 20} MiB more memory at the peak"
    assert cases >= chosen.long
    assert slowest < MOST_SECONDS
