"""MkDocs hook: equations become MathML while the site is built, so a page needs no script and no network.

pymdownx.arithmatex marks `$...$` and `$$...$$`; browsers draw MathML themselves.
"""

from __future__ import annotations

import html
import re
from typing import Any

_EQUATION = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\(?:\(|\[)(?P<latex>.*?)\\(?:\)|\])</(?P=tag)>', re.DOTALL
)

# TeX sets a thin space between a function and its argument, the converter none.
_FUNCTION = re.compile(r"(\\(?:cosh|cos|exp|ln|log|sinh|tanh))\s+(?=[\w\\])")


def on_page_content(page_html: str, **_: Any) -> str:
    """Replace every marked equation. MkDocs calls this by its name."""
    return _EQUATION.sub(_mathml, page_html)


def _mathml(match: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    block = match["tag"] == "div"
    latex = _FUNCTION.sub(r"\1\\,", html.unescape(match["latex"]).strip())
    converted: str = convert(latex, display="block" if block else "inline")
    if re.search(r"\\|<mi>&(?:amp;)?</mi>", converted):
        # The converter prints what it does not know instead of refusing it.
        raise ValueError(f"the equation cannot be drawn: {latex}")
    return f'<div class="equation">{converted}</div>' if block else converted
