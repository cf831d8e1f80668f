"""`mtj-flow error-rate`: shape of its answers, and one clear error for every kind of bad case."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from flow.cli import app
from flow.errors import UserError
from tests.near import approx

GOOD = {"delta": 40.0, "z": [-1.0, 1.0], "drive": [2.5, 2.5], "tau": 8.0, "start": 1}


def run(tmp_path, cases, *options):
    file = tmp_path / "cases.json"
    file.write_text(cases if isinstance(cases, str) else json.dumps(cases))
    return CliRunner().invoke(app, ["error-rate", str(file), *options])


def test_answers_in_the_order_of_the_cases(tmp_path):
    read = {"delta": 60, "z": [0.0], "drive": [0.4], "tau": 12, "start": 1}
    other = {**GOOD, "z": [-1, 0, 1], "drive": [-2.5, -2.5, -2.5], "start": -1}
    result = run(tmp_path, [GOOD, read, other, GOOD], "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert [set(item) for item in answer] == [{"stay", "leave"}] * 4
    assert answer[0]["stay"] == approx(1.717e-9, rel=1e-3)
    assert answer[0] == answer[3]
    assert answer[2]["stay"] == approx(answer[0]["stay"], rel=1e-6)
    assert answer[1]["leave"] < 1e-6
    assert answer[1]["stay"] == approx(1)


def test_table_for_people(tmp_path):
    result = run(tmp_path, [GOOD])
    assert result.exit_code == 0
    assert "1.717" in result.stdout


def test_no_cases_is_no_error(tmp_path):
    assert json.loads(run(tmp_path, [], "--json").stdout) == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"delta": -1}, "delta must be a positive number, not -1"),
        ({"delta": float("nan")}, "delta must be a positive number, not nan"),
        ({"delta": "40"}, "delta must be a number"),
        ({"delta": True}, "delta must be a number"),
        ({"delta": 10**400}, "delta must be a number"),
        ({"delta": None}, "delta must be a number"),
        ({"z": [1, -1]}, "z must be in strictly ascending order"),
        ({"z": [-1, float("nan")]}, "z holds a value that is not a finite number"),
        ({"z": [-2, 1]}, "z must lie between -1 and 1"),
        ({"z": []}, "z has 0 nodes but drive has 2 values"),
        ({"z": [], "drive": []}, "z must have at least one node"),
        ({"z": -1}, "z must be a list of numbers"),
        ({"drive": [2.5]}, "z has 2 nodes but drive has 1 values"),
        ({"drive": [2.5, float("inf")]}, "drive holds a value that is not a finite number"),
        ({"drive": [[2.5, 2.5]]}, "drive must be a list of numbers"),
        ({"tau": -1}, "tau must be zero or a positive number"),
        ({"tau": [1, 2]}, "tau must be a number"),
        ({"start": 0}, "start must be 1 or -1, not 0"),
        ({"start": "up"}, "start must be a number"),
        ({"extra": 1}, "unknown key 'extra'"),
    ],
)
def test_bad_case_is_named_by_its_index(tmp_path, bad, message):
    result = run(tmp_path, [GOOD, {**GOOD, "z": [0.0], "drive": [1.0]}, {**GOOD, **bad}, GOOD], "--json")
    assert isinstance(result.exception, UserError)
    assert result.exception.key == "case 2"
    assert message in result.exception.message
    assert "\n" not in str(result.exception)


def test_first_of_several_bad_cases_is_named(tmp_path):
    cases = [GOOD, {**GOOD, "z": [0.0], "drive": [float("nan")]}, {**GOOD, "delta": -1}]
    assert run(tmp_path, cases).exception.key == "case 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{]", "is not JSON"),
        ("{}", "must hold a JSON list"),
        ("[3]", "must be an object"),
        ('[{"delta": 40}]', "z is missing"),
        ("[" * 100000, "nested too deeply"),
    ],
)
def test_bad_files(tmp_path, text, message):
    result = run(tmp_path, text)
    assert isinstance(result.exception, UserError)
    assert message in result.exception.message


def test_missing_file_is_one_line(tmp_path):
    arguments = [sys.executable, "-m", "flow", "error-rate", str(tmp_path / "none.json"), "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert set(json.loads(done.stdout)) == {"error", "file", "line", "key"}
    assert done.stderr == ""


def test_standard_input():
    done = subprocess.run(
        [sys.executable, "-m", "flow", "error-rate", "-", "--json"],
        input=json.dumps([GOOD]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(done.stdout)) == 1
