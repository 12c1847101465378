"""All accounts of one owner in one asset, as a batch has them."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from guildbank.ledger.contracts import HOUSE, Account

HoldingKey: TypeAlias = tuple[str, str]
"""An owner and an asset."""

DEBT_FLOOR = -(2**60)
"""A debt account is below zero by nature; a floor far below keeps its totals in its row."""


class Holding(msgspec.Struct, frozen=True, gc=False):
    """The accounts by bucket, those that are opened; `cap` is their asset's.

    `problem` says why none may be opened, unknown_account or unknown_asset, or why the owner may
    start nothing, which is one of BARS.
    """

    owner: str
    cap: int
    problem: str | None
    accounts: Mapping[str, Account]

    @property
    def house(self) -> bool:
        """Say whether the accounts have no totals of their own."""
        return self.owner == HOUSE

    def unopened(self, bucket: str) -> Account:
        """Return the account of a bucket that has none yet."""
        floor = None if self.house else DEBT_FLOOR if bucket == "debt" else 0
        return Account(0, floor=floor, cap=self.cap, problem=self.problem)
