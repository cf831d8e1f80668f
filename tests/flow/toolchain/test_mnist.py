"""The digits in the cache: copied from the real ones, never fetched here."""

from __future__ import annotations

from pathlib import Path

import pytest

from flow.errors import UserError
from flow.toolchain.mnist import FILES, copy_mnist, find_mnist


@pytest.fixture
def digits() -> Path:
    """The real files, before a test turns the cache elsewhere."""
    return find_mnist()


@pytest.fixture
def cache(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTJFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_empty_cache_says_what_to_run(cache: Path) -> None:
    with pytest.raises(UserError, match="make setup") as caught:
        find_mnist()
    assert caught.value.file == str(cache / "mnist/train-images-idx3-ubyte")


def test_own_copy_is_taken_and_later_damage_is_noticed(digits: Path, cache: Path) -> None:
    copy_mnist(digits)
    assert find_mnist() == cache / "mnist"
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(FILES)
    labels = cache / "mnist/t10k-labels-idx1-ubyte"
    data = bytearray(labels.read_bytes())
    data[100] ^= 1
    labels.write_bytes(data)
    with pytest.raises(UserError, match="sha256") as caught:
        find_mnist()
    assert caught.value.file == str(labels)


def test_altered_own_copy_is_refused_and_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in FILES:
        (own / name).write_bytes(b"not a digit")
    with pytest.raises(UserError, match="pinned"):
        copy_mnist(own)
    assert list((cache / "mnist").iterdir()) == []


def test_incomplete_own_copy_names_the_file(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there") as caught:
        copy_mnist(tmp_path)
    assert caught.value.key == "--data-dir"
    assert caught.value.file == str(tmp_path / "train-images-idx3-ubyte")
