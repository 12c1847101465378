"""The column that says when: a point in time, never a time of somewhere."""

from sqlalchemy import Column, DateTime


def at(name: str, *, optional: bool = False) -> Column[object]:
    """Return a column of a point in time."""
    return Column(name, DateTime(timezone=True), nullable=optional)
