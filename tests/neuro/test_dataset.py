from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow.table import UserError
from flow.toolchain.mnist import FILES
from neuro import dataset
from tests.neuro.learning import REFERENCE, mnist


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim])
    return head + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def test_mnist_is_the_published_data() -> None:
    data = mnist()
    assert (len(data.train), len(data.test), data.classes, data.train.pixels) == (60000, 10000, 10, 400)
    first = np.array(REFERENCE["first_images"])
    assert data.train.labels[first].tolist() == REFERENCE["first_labels"]
    dense = data.train.dense(first)
    np.testing.assert_array_equal(dense.sum(1), data.train.lit_count[first])


def test_window_and_threshold() -> None:
    images = np.zeros((1, 6, 6), dtype=np.uint8)
    images[0, 1, 1], images[0, 2, 2], images[0, 4, 4] = 255, 127, 128
    cut = dataset.binary_images(images, np.array([7], dtype=np.uint8), 4)
    expected = np.zeros((4, 4), dtype=np.uint8)
    expected[0, 0] = expected[3, 3] = 1
    np.testing.assert_array_equal(cut.dense()[0].reshape(4, 4), expected)
    with pytest.raises(UserError, match="does not fit"):
        dataset.binary_images(images, np.array([7], dtype=np.uint8), 7)
    with pytest.raises(UserError, match="belong together"):
        dataset.binary_images(images, np.array([7, 8], dtype=np.uint8), 4)


@given(st.binary(max_size=64))
def test_any_bytes_give_an_array_or_a_clear_error(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x"
        path.write_bytes(content)
        try:
            read = dataset.read_idx(path)
        except UserError as error:
            blamed = error.file
        else:
            blamed = None
            assert read.tobytes() == content[4 + 4 * read.ndim :]
        assert blamed in (None, str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX"),
        (b"\x00\x00\x0d\x01" + (1).to_bytes(4, "big") + b"\x00", "element type"),
        (b"\x00\x00\x08\x09", "axes"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "promises"),
        (idx(np.zeros((2, 2), np.uint8))[:-1], "promises"),
        (idx(np.zeros((2, 2), np.uint8)) + b"!", "promises"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=message):
        dataset.read_idx(tmp_path / "x")


def test_packed_and_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = (np.arange(5 * 4 * 4, dtype=np.uint8) * 3).reshape(5, 4, 4)
    labels = np.array([0, 1, 2, 1, 0], dtype=np.uint8)
    for name in ("train", "t10k"):
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels))
    data = dataset.load(tmp_path, window=4)
    assert (data.classes, len(data.test), data.train.pixels) == (3, 5, 16)
    broken = tmp_path / "train-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:-9])
    with pytest.raises(UserError):
        dataset.load(tmp_path, window=4)
    monkeypatch.setenv("MTJFLOW_CACHE", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="mtj-flow setup"):
        dataset.load()


def test_the_downloaded_digits_are_checked_by_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dataset.MNIST_SHA256 == FILES
    original = dataset.data_directory()
    monkeypatch.setenv("MTJFLOW_CACHE", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    for name in FILES:
        (tmp_path / "mnist" / name).symlink_to(original / name)
    labels = tmp_path / "mnist/t10k-labels-idx1-ubyte"
    content = bytearray(labels.read_bytes())
    content[100] ^= 1  # another digit, in a file that is as good as any otherwise
    labels.unlink()
    labels.write_bytes(content)
    with pytest.raises(UserError, match=r"sha256 differs.*make setup") as caught:
        dataset.load()
    assert caught.value.file == str(labels)
    # As somebody's own data set it is fine.
    assert len(dataset.load(tmp_path / "mnist").test) == 10_000
