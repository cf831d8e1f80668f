"""TOML files: every mistake is told by file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.spec import load_card, load_cell, load_device, load_study
from flow.toml import line_of
from neuro.study import load_training

Edit = tuple[str, str]


SMTJ = "spice/devices/smtj.toml"
CELL = "spice/bitcells/2t1mtj_rc_smtj.toml"
CARD = "spice/models/finfet28.toml"


@pytest.mark.parametrize(
    ("file", "load", "edit", "line_holds", "key", "message"),
    [
        ("study.toml", load_training, ("epochs = 15", "epochs = 0"), "epochs", "training.epochs", "greater"),
        (
            "study.toml",
            load_training,
            ("epochs = 15", "ephocs = 15"),
            "ephocs",
            "training.ephocs",
            "did you mean",
        ),
        ("study.toml", load_study, ("[training]", "[training"), "[training", None, "not valid TOML"),
        (SMTJ, load_device, ('0.025, unit = "1"', '0.025, unit = "m"'), None, None, "expected '1'"),
        (
            SMTJ,
            load_device,
            ("d = {value = 28e-9", "d = {value = nan"),
            "d =",
            "parameters.d.value",
            "finite",
        ),
        (SMTJ, load_device, ('kind = "smtj"', 'kind = "tmtj"'), "kind", "kind", "'smtj' or 'dmtj'"),
        (CELL, load_cell, ("wer = 1e-7", "wer = 2.0"), "wer", "write.wer", "less than 1"),
        (CELL, load_cell, ('line_1to0 = "sl"', 'line_1to0 = "bl"'), None, None, "same line"),
        (CARD, load_card, ("fin_pitch = {value = 48e-9", "fin_pitch = {value = -1"), None, None, "positive"),
    ],
)
def test_mistakes(
    project: Path,
    file: str,
    load: Callable[[Path], object],
    edit: Edit,
    line_holds: str | None,
    key: str | None,
    message: str,
) -> None:
    path = project / file
    text = path.read_text()
    assert edit[0] in text
    path.write_text(text.replace(*edit, 1))
    with pytest.raises(UserError) as caught:
        load(path)
    error = caught.value
    assert error.file == str(path)
    assert message in error.message
    if key is not None:
        assert error.key == key
    if line_holds is not None:
        assert error.line is not None
        assert line_holds in path.read_text().splitlines()[error.line - 1]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_study(tmp_path / "none.toml")


def test_line_of_dotted_and_quoted_keys() -> None:
    text = '[a]\nx = 1\n[b."0.85"]\n# comment\ny.z = 2\n'
    assert line_of(text, ("a", "x")) == 2
    assert line_of(text, ("b", "0.85")) == 3
    assert line_of(text, ("b", "0.85", "y", "z", "deeper")) == 5
    assert line_of(text, ("nothing",)) is None
