"""Collects figures: tables for people on the terminal, one flat object for programs in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
from rich.console import Console
from rich.table import Table

FILE = Path("build/bench.json")
Figure: TypeAlias = str | int | float


class Sheet:
    """Figures by flat keys. A run of some parts keeps what the file holds of the others."""

    def __init__(self, *, fresh: bool) -> None:
        self.console = Console(width=110)
        self._figures: dict[str, Figure] = {} if fresh else read_figures()

    def put(self, **figures: Figure) -> None:
        """Keep figures whose keys are single words."""
        self.keep(figures)

    def keep(self, figures: Mapping[str, Figure]) -> None:
        """Keep figures and write the file, so that a run that is cut off leaves what it found."""
        for key, value in figures.items():
            self._figures[key] = _rounded(value)
        FILE.parent.mkdir(exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(self._figures, order="sorted"), indent=2)
        FILE.write_bytes(text + b"\n")

    def say(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(text, highlight=False)

    def show(self, title: str, columns: list[str], rows: list[list[str]]) -> None:
        """Print a table, its first column on the left."""
        table = Table(title=title, title_justify="left")
        for number, name in enumerate(columns):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)


def read_figures() -> dict[str, Figure]:
    """Return the figures of the last run, nothing before the first."""
    if not FILE.exists():
        return {}
    return msgspec.json.decode(FILE.read_bytes(), type=dict[str, Figure])


def _rounded(value: Figure) -> Figure:
    """Keep three figures that mean something, and all digits of a count."""
    if not isinstance(value, float):
        return value
    return round(value) if abs(value) >= 1000 else float(f"{value:.3g}")
