"""The studies that come with the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from flow.spec import load_study
from flow.table import UserError
from neuro.study import load_training
from tests.near import approx

ROOT = Path(__file__).parents[2]


def test_default_study_trains_replicas_of_seeds_and_of_the_table() -> None:
    plan = load_training(ROOT / "study.toml")
    assert plan.replicas >= 4
    assert plan.table_replicas >= 2
    assert "2t1mtj_sc_dmtj/0.85" in plan.names


def test_oxide_study_adds_variants_that_continue_the_published_pulses() -> None:
    study, plan = load_study(ROOT / "studies" / "oxide.toml"), load_training(ROOT / "studies" / "oxide.toml")
    assert plan.variants == ("0.75", "0.80", "0.85", "0.90", "0.95")
    published = {"2t1mtj_rc_smtj": (2.133e-9, 3.39e-9), "2t1mtj_sc_dmtj": (0.923e-9, 1.16e-9)}
    for cell, (thin, thick) in published.items():
        for name, variant in study.variants[cell].items():
            steps = (float(name) - 0.85) / 0.05
            assert variant.write_pulse == approx(thick * (thick / thin) ** steps, rel=1e-3)
            assert variant.parameters == {"t_ox_t": approx(float(name) * 1e-9)}
            assert "assumed" in variant.provenance
        assert set(study.variants[cell]) == {"0.75", "0.90", "0.95"}


def test_wrong_studies_name_file_and_key(tmp_path: Path) -> None:
    text = (ROOT / "study.toml").read_text()
    path = tmp_path / "study.toml"
    path.write_text(text.replace("table_replicas = 4", "table_replicas = -1"))
    with pytest.raises(UserError, match="table_replicas") as caught:
        load_training(path)
    assert caught.value.file == str(path)
