"""The door of wallets: what players hold per currency and bucket, and how it moves.

Refusals: unknown_currency, currency_inactive, currency_exists, debt_outstanding, limit_exceeded,
refund_exceeds_unspent, unknown_hold, hold_expired, hold_closed, hold_not_due, exceeds_hold,
exceeds_original, not_reversible, partial_needs_one_leg, unknown_transaction, those of the ledger,
and of hooks operation_vetoed, gate_unavailable, pipeline_unavailable.
"""

from guildbank.wallets.coins import (
    account_needs,
    claw,
    claw_needs,
    credit,
    debt_of,
    give_room_back,
    in_debt,
    keep_room,
    must_be_active,
)
from guildbank.wallets.contracts import (
    BUCKETS,
    CLAWED,
    ISSUE,
    SALES,
    Clawed,
    Currency,
    Gate,
    Purse,
    Spending,
    wallet,
)
from guildbank.wallets.gates import SpendLimit
from guildbank.wallets.purses import CURRENCIES, purse_of, wallet_needs
from guildbank.wallets.usecases.bar import BarWallets
from guildbank.wallets.usecases.default_currency import default_currency
from guildbank.wallets.usecases.reserve import WalletReserve
from guildbank.wallets.usecases.reverse import reverse_spend, spend_left
from guildbank.wallets.usecases.tell_record import WalletRecord
from guildbank.wallets.usecases.told import TOLD

__all__ = [
    "BUCKETS",
    "CLAWED",
    "CURRENCIES",
    "ISSUE",
    "SALES",
    "TOLD",
    "BarWallets",
    "Clawed",
    "Currency",
    "Gate",
    "Purse",
    "SpendLimit",
    "Spending",
    "WalletRecord",
    "WalletReserve",
    "account_needs",
    "claw",
    "claw_needs",
    "credit",
    "debt_of",
    "default_currency",
    "give_room_back",
    "in_debt",
    "keep_room",
    "must_be_active",
    "purse_of",
    "reverse_spend",
    "spend_left",
    "wallet",
    "wallet_needs",
]
