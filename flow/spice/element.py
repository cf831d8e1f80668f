"""Device lines: which letters are allowed, and what each may say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from flow.spice import expression
from flow.spice.circuit import Element, Parameter
from flow.spice.lexer import Statement, Token
from flow.spice.numbers import spice_number

NODE = re.compile(r"[a-z0-9_][a-z0-9_.:#!<>\[\]+-]{0,255}\Z", re.ASCII)
NAME = re.compile(r"[a-z_][a-z0-9_.]{0,255}\Z", re.ASCII)
# Bitcells are called 2t1mtj_...: a subcircuit's name may start with a digit, but holds a letter.
SUBCIRCUIT = re.compile(r"(?=[0-9_.]*[a-z])[a-z0-9_][a-z0-9_.]{0,255}\Z", re.ASCII)

# Parameters of the built-in devices; those of N and X lines depend on module and subcircuit.
_COMMON = "m temp dtemp"
_OWN_PARAMETERS = {
    "r": f"{_COMMON} r resistance ac tc1 tc2 scale noisy w l",
    "c": f"{_COMMON} c capacitance ic tc1 tc2 scale w l",
    "l": f"{_COMMON} l inductance ic tc1 tc2 scale nt",
    "v": "r td",
    "i": "r td m",
    "e": "",
    "f": "m",
    "g": "m",
    "h": "",
    "b": "",
    "d": f"{_COMMON} area pj ic",
    "m": f"{_COMMON} w l ad as pd ps nrd nrs ic nf sa sb sd delvto mulu0",
}
_WAVEFORMS = frozenset({"pulse", "sin", "exp", "pwl", "sffm", "am"})
_CONTROLLED = re.compile(
    r"(?P<head>\S+\s+\S+\s+\S+)\s+(?P<key>[a-z]+)\s*=\s*(?P<body>\S.*)\Z",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_CONTROLLED_KEYS = {"b": ("v", "i"), "e": ("vol", "value"), "g": ("cur", "value")}

KINDS = frozenset("rclviefghbdmnx")


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """Ends an error message: "; did you mean ...?" where one of `candidates` is close to `word`."""
    close = difflib.get_close_matches(word, sorted(candidates), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def assignments(
    statement: Statement, tokens: Sequence[Token]
) -> tuple[list[Token], dict[str, Parameter], dict[str, int]]:
    """Split tokens into the words before the first `name=value`, the parameters, and the names these use."""
    equals = [index for index, token in enumerate(tokens) if token.kind == "sign" and token.text == "="]
    first = equals[0] - 1 if equals else len(tokens)
    words = list(tokens[: max(first, 0)])
    parameters: dict[str, Parameter] = {}
    uses: dict[str, int] = {}
    for index in range(first, len(tokens), 3):
        part = tokens[index : index + 3]
        if len(part) < 3 or index < 0 or part[1].text != "=" or part[1].kind != "sign":
            place = tokens[max(index, 0)]
            raise statement.fail("expected name=value", line=place.line, key=place.text)
        name, value = part[0], part[2]
        if name.kind != "word" or not NAME.match(name.text):
            raise statement.fail("is not a parameter name", line=name.line, key=name.text)
        if name.text == "file":
            raise statement.fail("a circuit line may not read files", line=name.line, key="file")
        if name.text in parameters:
            raise statement.fail("is given twice", line=name.line, key=name.text)
        for used in check_value(statement, value, key=name.text):
            uses.setdefault(used, value.line)
        parameters[name.text] = Parameter(name.text, value.text, statement.file, name.line)
    return words, parameters, uses


def check_value(statement: Statement, token: Token, *, key: str | None = None) -> set[str]:
    """The parameter names that a number or expression uses; raises UserError where it is neither."""
    if token.kind not in ("word", "expression"):
        raise statement.fail(f"{token.text!r} is not a number or expression", line=token.line, key=key)
    try:
        spice_number(token.text)
    except ValueError:
        pass
    else:
        return set()
    try:
        return expression.names(token.text)
    except ValueError as error:
        shown = token.text[:60]
        raise statement.fail(
            f"{shown!r} is not a number or expression: {error}", line=token.line, key=key
        ) from None


def parse_element(statement: Statement) -> Element:
    """The device of one line. Raises UserError for a letter or a form that is not allowed."""
    kind = statement.text[:1].lower()
    if kind not in KINDS:
        word = statement.text.split(maxsplit=1)[0][:40]
        if kind == "a":
            raise statement.fail("A devices (XSPICE code models) are not allowed", key=word)
        raise statement.fail("not a circuit line that is allowed here", key=word)
    controlled = _CONTROLLED.match(statement.text) if kind in _CONTROLLED_KEYS else None
    if controlled is not None:
        return _controlled(statement, kind, controlled)
    words, parameters, uses = assignments(statement, statement.tokens())
    if not words:
        raise statement.fail("expected a device name first")
    name = words[0].text
    if kind == "x":
        # The old way to say that parameters follow; they follow without it too.
        words = [word for word in words if word.text != "params:"]
    if kind in "vi":
        plain, rest = words[1:3], words[3:]
    else:
        plain, rest = words[1:], []
    bracket = next((word for word in plain if word.kind == "sign"), None)
    if bracket is not None:
        raise statement.fail(f"{bracket.text!r} does not belong here", line=bracket.line, key=name)
    model, values = None, rest
    if kind in "nx":
        nodes, model = plain[:-1], _name(statement, plain[-1:], name)
    elif kind in "dm":
        count = 2 if kind == "d" else 4
        nodes, model = plain[:count], _name(statement, plain[count : count + 1], name)
        values = plain[count + 1 :]
        if kind == "m" and values:
            raise statement.fail("a MOSFET has 4 nodes and a model", line=values[0].line, key=name)
    elif kind in "rcl":
        nodes, values = plain[:2], plain[2:]
        if values and values[-1].kind == "word" and not _is_number(values[-1].text):
            model = _name(statement, values[-1:], name)
            values = values[:-1]
        if len(values) > 1:
            raise statement.fail(f"{values[1].text!r} does not belong here", line=values[1].line, key=name)
        if not values and model is None and not parameters:
            raise statement.fail("has no value", key=name)
    elif kind in "fh":
        nodes, model, values = plain[:2], _name(statement, plain[2:3], name), plain[3:]
        if len(values) != 1:
            raise statement.fail("takes two nodes, a voltage source and one gain", key=name)
    elif kind in "eg":
        nodes, values = plain[:4], plain[4:]
        if len(values) != 1:
            raise statement.fail("takes four nodes and one gain, or an expression", key=name)
    elif kind == "b":
        raise statement.fail("takes two nodes and v=expression or i=expression", key=name)
    else:
        nodes = plain
        uses |= _check_waveform(statement, rest, name)
    if kind not in "vi":
        for value in values:
            for used in check_value(statement, value, key=name):
                uses.setdefault(used, value.line)
    least = {"m": 4, "e": 4, "g": 4, "n": 1, "x": 0}.get(kind, 2)
    if len(nodes) < least:
        raise statement.fail(f"has {len(nodes)} nodes, needs {least}", key=name)
    _check_parameters(statement, kind, name, parameters)
    return Element(
        name=_element_name(statement, name),
        kind=kind,
        nodes=tuple(_node(statement, node, name) for node in nodes),
        model=model,
        parameters=parameters,
        file=statement.file,
        line=statement.line,
        value=" ".join(value.text for value in values),
        text=statement.text,
        uses=uses,
    )


def _controlled(statement: Statement, kind: str, match: re.Match[str]) -> Element:
    """A source controlled by an expression: the rest of the line after `key=` is that expression."""
    head = match["head"].lower().split()
    key = match["key"].lower()
    if key not in _CONTROLLED_KEYS[kind]:
        wanted = " or ".join(f"{name}=" for name in _CONTROLLED_KEYS[kind])
        raise statement.fail(f"expected {wanted} and an expression", key=head[0])
    body = match["body"].strip().lower()
    if body[0] + body[-1] in ("{}", "''"):
        body = body[1:-1]
    try:
        used = expression.names(body, probes=True)
    except ValueError as error:
        raise statement.fail(f"expression of {key}: {error}", key=head[0]) from None
    nodes = tuple(_node(statement, Token("word", node, statement.line), head[0]) for node in head[1:])
    return Element(
        name=_element_name(statement, head[0]),
        kind=kind,
        nodes=nodes,
        model=None,
        parameters={},
        file=statement.file,
        line=statement.line,
        value=f"{key}={body}",
        text=statement.text,
        uses=dict.fromkeys(sorted(used), statement.line),
    )


def _check_waveform(statement: Statement, tokens: Sequence[Token], name: str) -> dict[str, int]:
    """Check what follows the nodes of an independent source: dc, ac, one waveform, numbers."""
    uses: dict[str, int] = {}
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "sign":
            depth += {"(": 1, ")": -1}[token.text]
            opens_waveform = index > 0 and tokens[index - 1].text in _WAVEFORMS
            if not 0 <= depth <= 1 or (token.text == "(" and not opens_waveform):
                raise statement.fail("brackets do not match", line=token.line, key=name)
        elif token.kind == "word" and token.text in _WAVEFORMS | {"dc", "ac"} and depth == 0:
            continue
        elif token.kind == "word" and not _is_number(token.text):
            known = _WAVEFORMS | {"dc", "ac"}
            message = f"{token.text!r} is not a waveform that is allowed (a parameter stands in braces)"
            raise statement.fail(message + suggestion(token.text, known), line=token.line, key=name)
        else:
            for used in check_value(statement, token, key=name):
                uses.setdefault(used, token.line)
    if depth:
        raise statement.fail("brackets do not match", key=name)
    return uses


def _check_parameters(statement: Statement, kind: str, name: str, parameters: dict[str, Parameter]) -> None:
    if kind in "nx":
        return
    known = _OWN_PARAMETERS[kind].split()
    for parameter in parameters.values():
        if parameter.name not in known:
            message = f"{name} has no such parameter" + suggestion(parameter.name, known)
            raise statement.fail(message, line=parameter.line, key=parameter.name)


def _is_number(text: str) -> bool:
    try:
        spice_number(text)
    except ValueError:
        return False
    return True


def _name(statement: Statement, tokens: Sequence[Token], element: str) -> str:
    if not tokens:
        raise statement.fail("ends too early: nodes, then a model, are needed", key=element)
    token = tokens[0]
    if token.kind != "word" or not NODE.match(token.text):
        raise statement.fail(f"{token.text[:40]!r} is not a name", line=token.line, key=element)
    return token.text


def _node(statement: Statement, token: Token, element: str) -> str:
    if token.kind != "word" or not NODE.match(token.text):
        raise statement.fail(f"{token.text[:40]!r} is not a node name", line=token.line, key=element)
    return token.text


def _element_name(statement: Statement, name: str) -> str:
    if not NODE.match(name):
        raise statement.fail("is not a device name", key=name[:40])
    return name
