"""All accounts of one owner in one asset, copied by an act before it changes them."""

from copy import copy
from typing import TypeAlias

from guildbank.ledger.contracts import Account

HoldingKey: TypeAlias = tuple[str, str]
"""An owner and an asset."""

DEBT_FLOOR = -(2**60)
"""A debt account is below zero by nature; a floor far below keeps its totals in its row."""


class Holding:
    """The accounts by bucket. `touched` is the entry whose act made this copy, 0 as loaded.

    `problem` says why none may be opened: unknown_account, unknown_asset.
    """

    __slots__ = ("accounts", "cap", "house", "problem", "touched")

    def __init__(self, house: bool, cap: int, problem: str | None = None) -> None:
        self.house = house
        self.cap = cap
        self.problem = problem
        self.touched = 0
        self.accounts: dict[str, Account] = {}

    def account(self, bucket: str) -> Account:
        """Return the account of a bucket to read, opened or not."""
        return self.accounts.get(bucket) or self._unopened(bucket)

    def own(self, bucket: str, seq: int) -> Account:
        """Return the copy of the account that the act of entry `seq` may change.

        The holding must be that act's own copy already.
        """
        account = self.accounts.get(bucket)
        if account is None:
            account = self._unopened(bucket)
        elif account.touched == seq:
            return account
        else:
            account = copy(account)
        account.touched = seq
        self.accounts[bucket] = account
        return account

    def copied(self, seq: int) -> "Holding":
        """Return the copy of the act of entry `seq`."""
        after = Holding.__new__(Holding)
        after.house, after.cap, after.problem = self.house, self.cap, self.problem
        after.accounts = self.accounts.copy()
        after.touched = seq
        return after

    def _unopened(self, bucket: str) -> Account:
        floor = None if self.house else DEBT_FLOOR if bucket == "debt" else 0
        return Account(0, floor=floor, cap=self.cap, problem=self.problem)
