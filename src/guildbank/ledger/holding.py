"""All accounts of one owner in one asset, as a batch has them."""

from typing import TypeAlias

from guildbank.ledger.contracts import Account

HoldingKey: TypeAlias = tuple[str, str]
"""An owner and an asset."""

DEBT_FLOOR = -(2**60)
"""A debt account is below zero by nature; a floor far below keeps its totals in its row."""


class Holding:
    """The accounts by bucket, those that are opened. An act changes none of them: it replaces.

    `problem` says why none may be opened: unknown_account, unknown_asset.
    """

    __slots__ = ("accounts", "cap", "house", "problem")

    def __init__(self, house: bool, cap: int, problem: str | None = None) -> None:
        self.house = house
        self.cap = cap
        self.problem = problem
        self.accounts: dict[str, Account] = {}

    def account(self, bucket: str) -> Account:
        """Return the account of a bucket, opened or not."""
        account = self.accounts.get(bucket)
        if account is None:
            floor = None if self.house else DEBT_FLOOR if bucket == "debt" else 0
            account = Account(0, floor=floor, cap=self.cap, problem=self.problem)
        return account
