"""What a page of docs/ tells its reader to type, for tests that do as it says."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


class DocumentedPage:
    """One page; every look-up fails when the page has nothing of the kind."""

    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        without_blocks = re.sub(r"```.*?```", " ", self.text, flags=re.S)
        self._on_one_line = re.sub(r"\s*\n\s*", " ", without_blocks)

    def inline(self, beginning: str) -> list[str]:
        """The commands between backticks that begin so, in the page's order; a command may go over a line's end."""
        found = [one for one in re.findall(r"`([^`]+)`", self._on_one_line) if one.startswith(beginning)]
        assert found, f"no `{beginning} ..`"
        return found

    def lines(self, beginning: str) -> list[str]:
        """The lines of code blocks that begin so, with the lines that they are continued on."""
        whole = self.text.replace("\\\n", " ")
        found = [" ".join(line.split()) for line in whole.splitlines() if line.strip().startswith(beginning)]
        assert found, f"no line {beginning} .."
        return found

    def python(self) -> list[str]:
        """The Python blocks."""
        found = re.findall(r"```python\n(.*?)```", self.text, re.S)
        assert found, "no block of Python"
        return found
