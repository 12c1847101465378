"""Reads the limits, and finds those that mean nothing or never apply."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from iso4217 import Currency

from guildbank.plugin_api import SettingProblem

DECIMALS = {one.value: one.exponent for one in Currency if one.exponent is not None}
"""Every money, with the digits of its minor units; gold and the like have none and are no money."""
KINDS = ("most_purchases", "most_declines", "most_minor")


class Limit(msgspec.Struct, frozen=True):
    """How much of one kind is let through within a time; the kind is the `most_` that is set."""

    window_minutes: int
    most_purchases: int | None = None
    most_declines: int | None = None
    most_minor: int | None = None
    money: str | None = None

    @property
    def window(self) -> timedelta:
        """The time that it looks back."""
        return timedelta(minutes=self.window_minutes)

    def set_kinds(self) -> list[str]:
        """Return which kinds it bounds: one, if it is sound."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    def most(self, kind: str) -> int:
        """Return how much of a kind that is set passes."""
        return int(getattr(self, kind))


class Settings(msgspec.Struct, frozen=True):
    """All limits; a purchase has to keep each."""

    limits: Sequence[Limit]


def read(settings: Mapping[str, Any]) -> Settings:
    """Return the settings; raises what msgspec does where they do not fit."""
    # Stricter than the schema, which takes 60.0 for an integer.
    return msgspec.convert(dict(settings), Settings)


def problems(settings: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Yield what is wrong with the limits."""
    try:
        limits = read(settings).limits
    except (msgspec.ValidationError, UnicodeError) as error:
        yield SettingProblem(field="limits", detail=f"They do not fit the schema: {error}.")
        return
    sound: list[tuple[int, Limit]] = []
    for number, limit in enumerate(limits):
        found = list(_of_one(limit))
        for name, detail in found:
            yield SettingProblem(field=f"limits.{number}{name}", detail=detail)
        if not found:
            sound.append((number, limit))
    for number, limit in sound:
        yield from _beside(number, limit, sound)


def _of_one(limit: Limit) -> Iterator[tuple[str, str]]:
    kinds = limit.set_kinds()
    if len(kinds) != 1:
        yield "", f"It needs one of {', '.join(KINDS)}, and has {len(kinds)}."
        return
    if kinds == ["most_minor"]:
        if limit.money is None:
            yield "", "most_minor needs money, which says of which currency it is."
        elif limit.money not in DECIMALS:
            yield ".money", f"{limit.money} is no currency of ISO 4217."
    elif limit.money is not None:
        yield ".money", f"{kinds[0]} counts purchases in every money. Leave money out."


def _beside(
    number: int, limit: Limit, others: Sequence[tuple[int, Limit]]
) -> Iterator[SettingProblem]:
    """Yield where another limit keeps this one from ever being reached."""
    [kind] = limit.set_kinds()
    for place, other in others:
        if place == number or other.set_kinds() != [kind] or other.money != limit.money:
            continue
        stricter = (
            other.most(kind) <= limit.most(kind) and other.window_minutes >= limit.window_minutes
        )
        alike = other.most(kind) == limit.most(kind) and (
            other.window_minutes == limit.window_minutes
        )
        if stricter and (not alike or place < number):
            yield SettingProblem(
                field=f"limits.{number}",
                detail=f"limits.{place} lets no more through in no less time, so this one never "
                "applies.",
            )
            return
