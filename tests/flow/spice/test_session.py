"""libngspice in this process: results, errors that are told, and no stale results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flow.spice.session import Session, SimulatorError, session
from tests.near import approx

DIVIDER = "* divider\nV1 a 0 2\nR1 a b 1k\nR2 b 0 3k\n.end\n"


@pytest.fixture(scope="module")
def simulator(osdi: tuple[Path, ...]) -> Session:
    return session(osdi)


def _operating_point(simulator: Session, deck: str) -> None:
    simulator.load(deck)
    simulator.run("op")


def test_operating_point(simulator: Session) -> None:
    simulator.load(DIVIDER)
    vectors = simulator.run("op")
    assert vectors["b"][0] == approx(1.5)
    assert vectors["v1#branch"][0] == approx(-0.5e-3)


def test_sweep(simulator: Session) -> None:
    simulator.load(DIVIDER)
    vectors = simulator.run("dc v1 0 2 0.5")
    np.testing.assert_allclose(vectors["b"], 0.75 * np.array([0, 0.5, 1, 1.5, 2]), rtol=1e-9)


def test_transient_of_an_rc(simulator: Session) -> None:
    simulator.load("* rc\nV1 a 0 PULSE(0 1 0 1p 1p 1 2)\nR1 a b 1k\nC1 b 0 1p\n.end\n")
    vectors = simulator.run("tran 10p 5n 0 10p")
    expected = 1 - np.exp(-vectors["time"] / 1e-9)
    np.testing.assert_allclose(vectors["b"], expected, atol=2e-3)


@pytest.mark.parametrize(
    ("deck", "said"),
    [
        ("* x\nN1 a 0 nomodel\nV1 a 0 1\n.end\n", "nomodel"),
        ("* x\nX1 a 0 nothing\nV1 a 0 1\n.end\n", "nothing"),
        ("* x\n.model m bsimcmg_va type=1 phgi=4.4\nN1 a a 0 0 m\nV1 a 0 1\n.end\n", "phgi"),
    ],
)
def test_a_bad_deck_is_an_error_and_the_next_one_is_clean(simulator: Session, deck: str, said: str) -> None:
    with pytest.raises(SimulatorError, match=said):
        _operating_point(simulator, deck)
    simulator.load(DIVIDER)
    assert simulator.run("op")["b"][0] == approx(1.5)


def test_no_stale_results_after_a_failure(simulator: Session) -> None:
    simulator.load(DIVIDER)
    simulator.run("op")
    # No path to ground: a current source into an open node.
    simulator.load("* open\nI1 0 a 1\nC1 a 0 1p\n.end\n")
    with pytest.raises(SimulatorError):
        simulator.run("dc v1 0 1 1")


def test_a_vector_that_does_not_exist_is_an_error(simulator: Session) -> None:
    simulator.load(DIVIDER.replace(".end\n", ".save b @r1[nothing]\n.end\n"))
    with pytest.raises(SimulatorError, match="no such vector"):
        simulator.run("op")


def test_a_current_that_no_bitcell_carries_is_a_false_solution(simulator: Session) -> None:
    simulator.load("* short\nV1 a 0 2\nR1 a 0 1m\n.end\n")
    with pytest.raises(SimulatorError, match="false solution: 2e\\+03 A through v1"):
        simulator.run("op")


def test_memory_and_circuits_stay_flat(simulator: Session) -> None:
    for _ in range(200):
        simulator.load(DIVIDER)
        simulator.run("op")
        simulator.unload()
    assert [name for name in simulator._shared.plot_names if name != "const"] == []


def test_other_models_in_the_same_process_are_refused(simulator: Session, tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="other OSDI files"):
        session([tmp_path / "other.osdi"])
