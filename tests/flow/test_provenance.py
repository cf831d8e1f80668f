"""Provenance: hashes, names that do not depend on the machine, git or no git."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow import provenance
from flow.errors import UserError
from flow.provenance import Provenance, collect, file_sha256, git_commit
from flow.table import BitcellTable, open_table, write_table

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
keys = texts.filter(bool)


def gather(root: Path, *inputs: Path, **more: str) -> Provenance:
    return collect(
        root=root,
        inputs=inputs,
        tools={"ngspice": "46"},
        seeds={"population": 7},
        command=["mtj-flow", "x y"],
        **more,
    )


def test_inputs_are_named_from_the_project_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "elsewhere.lib"
    (root / "spice").mkdir(parents=True)
    inside = root / "spice" / "card.lib"
    inside.write_bytes(b".lib tt\n")
    outside.write_bytes(b"* foreign\n")
    found = gather(root, inside, root / "spice" / ".." / "spice" / "card.lib", outside)
    foreign = hashlib.sha256(b"* foreign\n").hexdigest()
    assert found.inputs == {
        f"external/{foreign[:12]}/elsewhere.lib": foreign,
        "spice/card.lib": hashlib.sha256(b".lib tt\n").hexdigest(),
    }
    assert str(tmp_path) not in "".join(found.as_dict())


def test_a_moved_project_has_the_same_provenance(tmp_path: Path) -> None:
    entries = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "b.toml").write_text("b")
        (tmp_path / name / "a.toml").write_text("a")
        found = gather(tmp_path / name, *sorted((tmp_path / name).iterdir(), reverse=name == "first"))
        entries.append(list(found.as_dict().items()))
    assert entries[0] == entries[1]


def test_the_command_can_be_typed_again_and_the_time_only_comes_when_given(tmp_path: Path) -> None:
    found = gather(tmp_path)
    assert found.command == "mtj-flow 'x y'"
    assert found.history == "mtj-flow 'x y'"
    assert "created" not in found.as_dict()
    dated = gather(tmp_path, created="2026-01-02T03:04:05Z")
    assert dated.history == "2026-01-02T03:04:05Z: mtj-flow 'x y'"
    assert found.tools["ngspice"] == "46"
    assert "numpy" in found.tools
    assert "Python" in found.platform


def test_missing_inputs_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file") as caught:
        gather(tmp_path, tmp_path / "none.toml")
    assert caught.value.file == str(tmp_path / "none.toml")
    with pytest.raises(UserError, match="directory"):
        file_sha256(tmp_path)


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git_commit(tmp_path) == ""
    monkeypatch.setattr(provenance.shutil, "which", lambda _: None)
    assert git_commit(tmp_path) == ""


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_says_whether_files_were_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def git(*arguments: str) -> str:
        command = [
            "git",
            "-C",
            str(tmp_path),
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@localhost",
            *arguments,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    assert git_commit(tmp_path) == ""
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "first")
    head = git("rev-parse", "HEAD")
    assert git_commit(tmp_path) == head
    (tmp_path / "new").write_text("untracked")
    assert git_commit(tmp_path) == head
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path) == f"{head}-dirty"


@given(
    st.builds(
        Provenance,
        inputs=st.dictionaries(keys, texts),
        tools=st.dictionaries(keys, texts),
        seeds=st.dictionaries(keys, st.integers()),
        command=texts,
        commit=texts,
        platform=texts,
        created=texts,
    )
)
def test_entries_and_back(found: Provenance) -> None:
    entries = found.as_dict()
    assert Provenance.from_dict(entries) == found
    assert list(entries) == list(Provenance.from_dict(dict(reversed(entries.items()))).as_dict())


def test_a_seed_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="not an integer"):
        Provenance.from_dict({"seed:population": "seven"})


def test_provenance_goes_through_a_table(tmp_path: Path) -> None:
    found = gather(tmp_path)
    place = tmp_path / "t.h5"
    write_table(place, BitcellTable(provenance=found.as_dict(), history=found.history))
    assert Provenance.from_dict(open_table(place).provenance) == found
