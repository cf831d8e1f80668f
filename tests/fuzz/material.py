"""What is mutated: the project's own files, and how documents and texts are bent."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "netlists"

# ---- values that no field expects -------------------------------------------------------------------

NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 1e308, -1e308, 5e-324, 1e-300, 2**31, 2**63, 2**64, 10**400, -(10**400)]),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.5, 1e-7, 1e9, 1e18]),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False),
)
WORDS = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                " ",
                "0",
                "1e-9",
                "nan",
                "tt",
                "smtj",
                "bl",
                "V",
                "m",
                "28nm",
                "2t1mtj_rc_smtj",
                "-",
                "--json",
            ),
            *(
                "../../../etc/passwd",
                "/dev/zero",
                "$(touch EXECUTED)",
                "<script>alert(1)</script>",
                "{{7*7}}",
            ),
            *("a\nb", "\x1b[2J", "\u202e", "\x00", "\ud800", "µ", "__class__", "%s%n", "a" * 5000),
        ]
    ),
    st.text(max_size=20),
)
SCALARS = st.one_of(NUMBERS, WORDS, st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def deep(depth: int, leaf: Any) -> Any:
    """A list in a list in a list."""
    for _ in range(depth):
        leaf = [leaf]
    return leaf


ODD = st.one_of(VALUES, st.builds(deep, st.sampled_from([50, 300]), SCALARS))


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    found = [path] if path else []
    if isinstance(document, dict):
        for key, value in document.items():
            found += places(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            found += places(value, (*path, index))
    return found


def _parent(document: Any, path: tuple[Any, ...]) -> Any:
    for part in path[:-1]:
        document = document[part]
    return document


@st.composite
def bent(draw: st.DrawFn, document: Any, most: int = 3) -> Any:
    """The document with one to `most` changes: a value replaced, removed, renamed, added or doubled."""
    result = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, most))):
        known = places(result)
        if not known:
            return draw(ODD)
        path = draw(st.sampled_from(known))
        parent, key = _parent(result, path), path[-1]
        change = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "add", "scale"]))
        if change == "remove":
            del parent[key]
        elif change == "rename" and isinstance(parent, dict):
            parent[draw(WORDS)] = parent.pop(key)
        elif change == "add" and isinstance(parent, dict):
            parent[draw(WORDS)] = draw(ODD)
        elif change == "add":
            parent.insert(key, draw(ODD))
        elif change == "scale" and isinstance(parent[key], float):
            parent[key] = parent[key] * draw(st.sampled_from([-1, 0, 1e-9, 1e-3, 0.5, 2, 1e3, 1e9, 1e300]))
        else:
            parent[key] = draw(ODD)
    return draw(st.one_of(st.just(result), st.just(result), st.just(result), st.just([result]), ODD))


CUTS = ["insert", "inside", "delete", "double", "swap", "token", "byte", "end"]


@st.composite
def cut(draw: st.DrawFn, text: bytes, pieces: list[bytes]) -> bytes:
    """The text with some lines or places changed, as an editor, a bad disk or an enemy would."""
    lines = text.split(b"\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        other = draw(st.integers(0, len(lines) - 1))
        change = draw(st.sampled_from(CUTS))
        line = lines[at]
        place = draw(st.integers(0, len(line)))
        if change == "insert":
            lines.insert(at, draw(st.sampled_from(pieces)))
        elif change == "inside":
            lines[at] = line[:place] + draw(st.sampled_from(pieces)) + line[place:]
        elif change == "delete" and len(lines) > 1:
            del lines[at]
        elif change == "double":
            lines.insert(at, line)
        elif change == "swap":
            lines[at], lines[other] = lines[other], lines[at]
        elif change == "token" and line.split():
            words = line.split()
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(pieces))
            lines[at] = b" ".join(words)
        elif change == "byte":
            lines[at] = line[:place] + bytes([draw(st.integers(0, 255))]) + line[place + 1 :]
        elif change == "end":
            lines = lines[: at + 1]
            lines[at] = line[:place]
    return b"\n".join(lines)


# ---- netlists ---------------------------------------------------------------------------------------

CELL = "2t1mtj_sc_dmtj"
PIECES = [
    piece.encode()
    for piece in [
        ".control",
        ".endc",
        ".end",
        ".exec",
        ".lib",
        ".endl",
        ".ends",
        ".subckt cell a b",
        ".model m smtj_va",
        ".param x=1",
        ".include",
        '.include "other.cir"',
        '.include "../../etc/passwd"',
        '.lib "card.lib" tt',
        ".ic v(a)=1",
        ".global g",
        ".csparam",
        "shell touch EXECUTED",
        "*# shell touch EXECUTED",
        "*ng_script",
        "`touch EXECUTED`",
        "$(touch EXECUTED)",
        "a1 a b m",
        "b1 a b v={time}",
        "b1 a b v=a ? b : c",
        "e1 a b vol='v(a,b)'",
        "v1 a 0 pulse(0 1 0 1n 1n 1n 1)",
        "v1 a 0 pwl file=x",
        "r1 a b 1k",
        "r1 a b {x",
        "c1 a b '1p*x'",
        "x1 a b cell",
        "n1 a b c d e nfet",
        "+",
        "+ l=1",
        "+ *",
        "{",
        "}",
        "'",
        '"',
        "(",
        ")",
        "=",
        ",",
        ";",
        "$",
        "//",
        "\\",
        "{x+1}",
        "{1/0}",
        "{((((((((1))))))))}",
        "nfin=",
        "nfin={2}",
        "l=30n",
        "1e999",
        "1meg",
        "-1",
        "0x10",
        "µ",
        "",
    ]
] + [b"\x00", b"\x1b[31m", b"\xff\xfe", b"\r", b"\x0b", b"r" * 9000]


def netlists() -> list[bytes]:
    """Every circuit file of the project and of the corpora."""
    files = [*ROOT.glob("spice/bitcells/*.cir"), *ROOT.glob("spice/models/*.lib")]
    files += [*ROOT.glob("spice/testbenches/*.cir"), *(DATA / "good").iterdir()]
    files += [*(DATA / "mistaken").iterdir(), *(DATA / "hostile").iterdir()]
    return [path.read_bytes() for path in sorted(files) if path.is_file() and path.stat().st_size < 20_000]


_NAMES = st.sampled_from(["a", "b", "sl", "bl", "0", "x_1", "n.1", "gnd", "wl", "A", "1", "é", "a b", ""])
_NUMBER = st.sampled_from(
    ["1", "1k", "30n", "-2.5meg", "1e-9", ".5", "1.", "1e", "nan", "1e400", "--1", "1k5"]
)
EXPRESSIONS = st.recursive(
    st.one_of(_NUMBER, st.sampled_from(["x", "time", "pi", "v(a)", "v(a,b)", "i(v1)", "y.z", "temper"])),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from([*"+-*/^%<>?:,", "**", "&&", "=="]), inner),
        st.builds("{}({})".format, st.sampled_from(["sqrt", "exp", "max", "gauss", "v", "system"]), inner),
        st.builds("{} ? {} : {}".format, inner, inner, inner),
        st.builds("-{}".format, inner),
    ),
    max_leaves=20,
)
_VALUE = st.one_of(
    _NUMBER, EXPRESSIONS, st.builds("{{{}}}".format, EXPRESSIONS), st.builds("'{}'".format, EXPRESSIONS)
)
_PAIRS = st.lists(
    st.builds(
        "{}={}".format, st.sampled_from(["l", "nfin", "tfin", "r", "m", "state", "file", "w", "x"]), _VALUE
    ),
    max_size=3,
).map(" ".join)
_NODES = st.lists(_NAMES, min_size=0, max_size=7).map(" ".join)
DEVICES = st.builds(
    "{}{} {} {} {}".format,
    st.sampled_from([*"rclviefghbdmnxakq"]),
    st.sampled_from(["1", "", "cell", "x y"]),
    _NODES,
    st.one_of(
        _VALUE, st.sampled_from(["nfet", "smtj_va", "cell", "pulse(0 1 1n 1n 1n 1n)", "dc 1", "sin(0 1)"])
    ),
    _PAIRS,
)
CARDS = st.one_of(
    st.builds(".param {}".format, _PAIRS),
    st.builds(".model {} {} {}".format, _NAMES, st.sampled_from(["smtj_va", "bsimcmg_va", "r", "d"]), _PAIRS),
    st.builds(".ic v({})={}".format, _NAMES, _VALUE),
    st.builds(".global {}".format, _NODES),
    st.builds("* {}".format, st.text(max_size=10)),
    st.builds("+ {}".format, _PAIRS),
)


@st.composite
def grammatical(draw: st.DrawFn) -> bytes:
    """A netlist by the grammar, with the odd mistake in it."""
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["cell", "sub", "2t", "cell"]))
        lines.append(f".subckt {name} {draw(_NODES)}")
        lines += draw(st.lists(DEVICES, max_size=4))
        lines.append(draw(st.sampled_from([".ends", f".ends {name}", ".ends other"])))
    lines += draw(st.lists(st.one_of(DEVICES, CARDS), max_size=8))
    if draw(st.booleans()):
        lines = [".lib tt", *lines, draw(st.sampled_from([".endl", ".endl tt", ".endl ff"]))]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


# ---- TOML -------------------------------------------------------------------------------------------


def toml_text(value: Any) -> str:
    """A document as TOML; what TOML has no word for is written as something wrong."""
    if not isinstance(value, dict):
        return _toml(value)
    return "".join(f"{_toml(str(key))} = {_toml(item)}\n" for key, item in value.items())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan" if value != value else repr(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(str(key))} = {_toml(item)}" for key, item in value.items()) + "}"
    return "null"


def toml_files(pattern: str) -> list[bytes]:
    """The project's TOML files of one kind."""
    return [path.read_bytes() for path in sorted(ROOT.glob(pattern))]


TOML_PIECES = [
    piece.encode()
    for piece in (
        "[[|]]|[a|[a.b]|[[a]]|a = nan|a = -inf|a = 1979-13-40|a = 0x|a = 1__0|a.b = {}|'''|\"\"\"|=|.|#|"
        '"|{|}|value = "1"|unit = "nm"|1e999|-0.0|9' + "9" * 5000 + "|a = " + "[" * 2000 + "|\\u0000|é|\ufeff"
    ).split("|")
] + [b"\x00", b"\xff", b"\r", b"\x7f"]


@st.composite
def toml_documents(draw: st.DrawFn, pattern: str) -> bytes:
    """A TOML file of one kind, bent as a document or cut as a text."""
    text = draw(st.sampled_from(toml_files(pattern)))
    if draw(st.booleans()):
        return draw(cut(text, TOML_PIECES))
    return toml_text(draw(bent(tomllib.loads(text.decode())))).encode("utf-8", "surrogatepass")


# ---- JSON -------------------------------------------------------------------------------------------

JSON_PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"null", b"NaN", b"1e999", b"-", b"\\ud800"]
JSON_PIECES += [b"9" * 5000, b"[" * 100_000, b"\xff", b"\x00", b'{"a":' * 5000, b"\xef\xbb\xbf", b"true"]


@st.composite
def json_documents(draw: st.DrawFn, document: Any) -> bytes:
    """A JSON file, bent as a document or cut as a text."""
    if draw(st.integers(0, 3)) == 0:
        return draw(cut(json.dumps(document, indent=1).encode(), JSON_PIECES))
    return json.dumps(draw(bent(document))).encode()
