"""The machine's own package sources, in both of apt's formats."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow.errors import UserError
from flow.toolchain.apt import Source, add_backports, backports, machine_sources, parse_deb822, parse_one_line

DEB822 = """\
# Debian's own
Types: deb deb-src
# a comment inside a stanza
URIs: http://mirror.example/debian http://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/some.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Enabled: no

types: deb
uris: http://third.example/
suites: stable
components: tools
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0srwuhlB6JKFkcf4HU4SSS
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb-src
URIs: http://mirror.example/debian
Suites: sid
Components: main
"""


def test_deb822_stanzas() -> None:
    debian, third = parse_deb822(DEB822)
    assert debian.uris == ("http://mirror.example/debian", "http://second.example/debian")
    assert debian.suites == ("bookworm", "bookworm-updates")
    assert debian.components == ("main", "contrib")
    assert debian.options == {"Signed-By": "/usr/share/keyrings/some.gpg"}
    # Field names are free of case; a key given in place keeps its lines.
    assert third.suites == ("stable",)
    assert third.options["Signed-By"].splitlines()[2:] == [
        " .",
        " mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0srwuhlB6JKFkcf4HU4SSS",
        " -----END PGP PUBLIC KEY BLOCK-----",
    ]


def test_one_line_entries() -> None:
    text = """\
deb http://mirror.example/debian bookworm main contrib # stock
# deb http://off.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
  deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/k.gpg trusted=yes] http://b.example/x stable tools
"""
    plain, with_options = parse_one_line(text)
    assert plain == Source(("http://mirror.example/debian",), ("bookworm",), ("main", "contrib"))
    assert with_options.uris == ("http://b.example/x",)
    assert with_options.options == {
        "Architectures": "amd64 arm64",
        "Signed-By": "/usr/share/keyrings/k.gpg",
        "Trusted": "yes",
    }


def test_backports_come_from_the_same_mirror_with_the_same_key() -> None:
    source = backports(parse_deb822(DEB822), "bookworm")
    assert source is not None
    assert source.stanza() == (
        "Types: deb\n"
        "URIs: http://mirror.example/debian http://second.example/debian\n"
        "Suites: bookworm-backports\n"
        "Components: main\n"
        "Signed-By: /usr/share/keyrings/some.gpg\n"
    )


def test_backports_that_are_there_are_left_alone() -> None:
    sources = parse_one_line(
        "deb http://m.example/debian bookworm main\ndeb http://m.example/debian bookworm-backports main\n"
    )
    assert backports(sources, "bookworm") is None


def test_machine_without_the_release_gets_a_clear_error() -> None:
    with pytest.raises(UserError, match="bookworm-backports by hand"):
        backports(parse_one_line("deb http://m.example/debian trixie main"), "bookworm")


def test_all_source_files_are_read_and_others_not(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.example/ bookworm main\n")
    (tmp_path / "sources.list.d/b.list").write_text("deb http://b.example/ bookworm main\n")
    (tmp_path / "sources.list.d/c.sources").write_text(DEB822)
    (tmp_path / "sources.list.d/d.list.disabled").write_text("deb http://d.example/ bookworm main\n")
    uris = [source.uris[0] for source in machine_sources(tmp_path)]
    assert uris == [
        "http://a.example/",
        "http://b.example/",
        "http://mirror.example/debian",
        "http://third.example/",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="writes as root, through sudo otherwise")
def test_adding_backports_is_done_once(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.example/debian bookworm main\n")
    assert add_backports("bookworm", tmp_path)
    assert not add_backports("bookworm", tmp_path)
    [added] = parse_deb822((tmp_path / "sources.list.d/mtjflow-backports.sources").read_text())
    assert added == Source(("http://a.example/debian",), ("bookworm-backports",), ("main",))


WORDS = st.text("abcdefghij:/.-0123456789", min_size=1, max_size=12).filter(
    lambda word: word.strip(":") == word
)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(tuple)


@given(NAMES, NAMES, NAMES, WORDS)
def test_what_is_written_reads_back(
    uris: tuple[str], suites: tuple[str], parts: tuple[str], key: str
) -> None:
    source = Source(uris, suites, parts, {"Signed-By": key})
    assert list(parse_deb822(source.stanza())) == [source]
