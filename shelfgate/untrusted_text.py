"""Text from outside (keys, names, errors of other systems) made safe to show: the one place that escapes it."""

from __future__ import annotations

import html
import re
import unicodedata

# Control, format (bidirectional overrides among them), lone surrogates, line and paragraph separators: a terminal obeys
# them, a log breaks at them, and none of them can be seen.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKDOWN = re.compile(r"([\\`*_\[\]()#|~])")


def printable(text: str, *, keep_lines: bool = False) -> str:
    r"""The text with every invisible character as its escape (`\x1b`); `keep_lines` leaves line ends as they are."""
    if text.isprintable():
        return text
    return "".join(
        one if (keep_lines and one == "\n") or unicodedata.category(one) not in _INVISIBLE else _escape(one)
        for one in text
    )


def as_markdown(text: str) -> str:
    """The text as Markdown that shows it word for word, on one line: no link, no markup, no HTML."""
    return _MARKDOWN.sub(r"\\\1", html.escape(printable(text), quote=False))


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
