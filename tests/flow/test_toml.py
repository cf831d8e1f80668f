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
        (
            SMTJ,
            load_device,
            ('0.025, unit = "1"', '0.025, unit = "m"'),
            "0.025",
            "parameters.alpha.unit",
            "expected '1'",
        ),
        (
            SMTJ,
            load_device,
            ("temperature = {value = 300", "temperature = {value = -300"),
            "temperature",
            "temperature.value",
            "positive",
        ),
        (SMTJ, load_device, ("t_fl = {value", "t_fm = {value"), "t_fm", "parameters.t_fm", "no such"),
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
        (
            CELL,
            load_cell,
            ('line_1to0 = "sl"', 'line_1to0 = "bl"'),
            "line_1to0",
            "write.line_1to0",
            "same line",
        ),
        (CELL, load_cell, ('card = "finfet28"', 'card = "../../etc/x"'), "card", "card", "pattern"),
        (CELL, load_cell, ('mtj = "nmtj"', 'mtj = "nmtj\\n.control"'), "mtj", "mtj", "pattern"),
        (
            CELL,
            load_cell,
            ("{t_ox_t = 0.85e-9}", "{t_oy = 0.85e-9}"),
            "t_oy",
            "variants.0.85.parameters.t_oy",
            "no such",
        ),
        (CELL, load_cell, ("edge = 20e-12", "edge = 20"), "edge", "write.edge", "are in s"),
        (
            CARD,
            load_card,
            ("fin_pitch = {value = 48e-9", "fin_pitch = {value = -1"),
            "fin_pitch",
            "technology.fin_pitch.value",
            "positive",
        ),
        (
            CARD,
            load_card,
            ('0.6e-9, unit = "m"', '0.6e-9, unit = "nm"'),
            "sigma_l",
            "mismatch.sigma_l.unit",
            "expected 'm'",
        ),
        (
            "spice/bitcells/2t1mtj_rc_smtj.toml",
            load_cell,
            ('[read]\nline = "bl"', '[read]\nline = "sl"'),
            "line",
            "read.line",
            "must push 0 -> 1",
        ),
        (CARD, load_card, ("vdd = ", "vcc = "), "[technology]", "technology.vdd", "missing"),
        ("study.toml", load_study, ("state_nodes = 7", "state_nodes = 7e9"), "7e9", None, "less than"),
        (
            "study.toml",
            load_study,
            ("seed = 1", "seed = 0x" + "f" * 4000),
            "seed",
            "population.seed",
            "less than",
        ),
        ("study.toml", load_study, ("seed = 1", "seed = 1" + "0" * 5000), None, None, "cannot be"),
        ("study.toml", load_study, ("seed = 1", "seed = " + "[" * 5000), None, None, "nested too deeply"),
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
