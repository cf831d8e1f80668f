"""Arithmetic expressions of a netlist: an allow-list of names, functions and operators."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flow.spice.numbers import spice_number

# Without the random functions (gauss, unif, ...): chance belongs to the seeded statistics of the flow.
FUNCTIONS = frozenset(
    {
        "abs",
        "sqrt",
        "exp",
        "ln",
        "log",
        "log10",
        "min",
        "max",
        "pow",
        "pwr",
        "int",
        "floor",
        "ceil",
        "nint",
        "sgn",
    }
    | {"sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"}
    | {"u", "uramp"}
)
PROBES = frozenset({"v", "i"})
BUILT_IN_NAMES = frozenset({"time", "temper", "pi", "e", "hertz"})

_DEEPEST = 32
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z]*)"
    r"|(?P<name>[a-z_][a-z0-9_.]*)"
    r"|(?P<operator>\*\*|<=|>=|==|!=|&&|\|\||[-+*/^%<>!?:(),]))",
    re.ASCII,
)


def names(text: str, *, probes: bool = False) -> set[str]:
    """Check the expression `text` (lower case) and return the parameter names it uses.

    `probes` allows v(node), v(node,node) and i(source), for controlled sources. Raises ValueError with the
    reason for anything but arithmetic.
    """
    used: set[str] = set()
    # Per open bracket what it is: "(" grouping, "f" a function's arguments; and "?" of a ternary.
    open_brackets: list[str] = []
    operand_next = True
    tokens = list(_tokens(text))
    position = 0
    while position < len(tokens):
        kind, token = tokens[position]
        position += 1
        following = tokens[position][1] if position < len(tokens) else ""
        if kind == "operator":
            operand_next = _operator(token, operand_next, open_brackets)
            continue
        if not operand_next:
            raise ValueError(f"operator missing before {token!r}")
        operand_next = False
        if kind == "number":
            spice_number(token)
        elif following == "(":
            if token in PROBES and probes:
                position = _after_probe(tokens, position)
            elif token in FUNCTIONS:
                open_brackets.append("f")
                position += 1
                operand_next = True
            else:
                raise ValueError(f"function {token!r} is not allowed here")
        elif token not in BUILT_IN_NAMES:
            used.add(token)
        if len(open_brackets) > _DEEPEST:
            raise ValueError("nested too deeply")
    if operand_next:
        raise ValueError("ends too early" if tokens else "empty expression")
    if open_brackets:
        raise ValueError("unbalanced brackets")
    return used


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"character {text[position:].lstrip()[0]!r} is not allowed in an expression")
        position = match.end()
        kind = str(match.lastgroup)
        yield kind, match[kind]


def _operator(token: str, operand_next: bool, open_brackets: list[str]) -> bool:
    """Whether an operand must follow; keeps account of the brackets."""
    if operand_next:
        if token == "(":
            open_brackets.append("(")
            if len(open_brackets) > _DEEPEST:
                raise ValueError("nested too deeply")
        elif token not in ("+", "-", "!"):
            raise ValueError(f"operand missing before {token!r}")
        return True
    if token == ")":
        if not open_brackets or open_brackets.pop() == "?":
            raise ValueError("unbalanced brackets")
        return False
    if token == ",":
        if not open_brackets or open_brackets[-1] != "f":
            raise ValueError("comma outside a function's arguments")
    elif token == "?":
        open_brackets.append("?")
    elif token == ":":
        if not open_brackets or open_brackets.pop() != "?":
            raise ValueError("':' without '?'")
    elif token in ("(", "!"):
        raise ValueError(f"operator missing before {token!r}")
    return True


def _after_probe(tokens: list[tuple[str, str]], position: int) -> int:
    """The position after v(...) or i(...), whose arguments are names of nodes or sources."""
    expect_name = True
    for index in range(position + 1, len(tokens)):
        kind, token = tokens[index]
        if expect_name and kind in ("name", "number"):
            expect_name = False
        elif not expect_name and token == ",":
            expect_name = True
        elif not expect_name and token == ")":
            return index + 1
        else:
            break
    raise ValueError("v() and i() take the names of nodes and sources")
