"""What crosses the door of the store: packs, their prices, refusals."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from guildbank.kernel import Refusal

STORE_ORDER = 70
Purpose = Literal["packs", "items", "deposits"]
PACKS: Purpose = "packs"
PURPOSES: Mapping[Purpose, str] = {
    PACKS: "Coin packs, bought with real money.",
    "items": "Packs whose coins stand for things of the game, bought with real money.",
    "deposits": "Packs by which players pay in what they play with.",
}
"""What payments of packs may be for: each has a pipeline of its name."""


class Price(msgspec.Struct, frozen=True):
    """What a pack costs in one money, everywhere or, with a country, only there."""

    amount_minor: int
    money: str
    country: str | None = None


class OpenAmount(msgspec.Struct, frozen=True):
    """Makes a pack's coins a unit: the player chooses how many coins, from `least` to `most`."""

    least: int
    most: int


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a coin pack: `coins` paid and `bonus` coins of `currency` for a price.

    It is for sale when `active`, from `starts_at` and before `ends_at`, to each player at most
    `limit_per_player` times. With `open_amount` the price is for `coins` coins and scales. Its
    payments run through the pipeline of its `purpose`.
    """

    id: str
    version: int
    name: str
    currency: str
    coins: int
    bonus: int
    prices: tuple[Price, ...]
    active: bool
    starts_at: datetime | None
    ends_at: datetime | None
    limit_per_player: int | None
    open_amount: OpenAmount | None
    saved_at: datetime
    purpose: Purpose = PACKS


class PackDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator decides of a pack; see Pack.

    A default is no part of the command's fingerprint, so that keys of before there was the field
    are good.
    """

    name: str
    currency: str
    coins: int
    bonus: int
    prices: tuple[Price, ...]
    active: bool
    starts_at: datetime | None
    ends_at: datetime | None
    limit_per_player: int | None
    open_amount: OpenAmount | None
    purpose: Purpose = PACKS


UNKNOWN_PACK = Refusal(
    code="unknown_pack", detail="There is no such pack in this tenant.", field="packId"
)
NO_PACK = Refusal(code="not_found", detail="There is no such pack.")
PACK_INACTIVE = Refusal(
    code="pack_inactive", detail="The pack is not for sale now.", field="packId"
)
