"""The same few cases of every kind of input in every run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.properties import PROPERTIES


@pytest.mark.parametrize("name", PROPERTIES)
def test_any_file_gives_a_result_or_one_line(name: str, tmp_path: Path) -> None:
    chosen = PROPERTIES[name]

    @settings(
        max_examples=chosen.seeded,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(chosen.cases)
    def run(case: object) -> None:
        chosen.holds(case, tmp_path)

    run()
