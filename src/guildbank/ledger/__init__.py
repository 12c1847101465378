"""The door of the ledger: accounts, postings, holds and lots, always inside an act of the journal.

Refusals: insufficient_funds, account_frozen, ceiling_exceeded, unknown_account, unknown_asset,
unknown_lot, amount_not_positive, asset_mismatch, same_account, total_overflow, exceeds_original,
too_many_legs, unknown_hold, hold_expired, hold_closed, exceeds_hold, not_reversible,
player_suspended, player_closed.
"""

from guildbank.ledger.aged import AGED, AgedKey
from guildbank.ledger.ages import aged_coins
from guildbank.ledger.assets import ASSETS, is_money, money_asset
from guildbank.ledger.claws import first_positions
from guildbank.ledger.contracts import (
    BARS,
    HOUSE,
    MAX_LEGS,
    Account,
    Address,
    Asset,
    Hold,
    HoldLine,
    Leg,
    LotRef,
    LotState,
    Moved,
    Restores,
    Transfer,
    house,
)
from guildbank.ledger.lots import Interval, basis_of
from guildbank.ledger.originals import ORIGINALS, Original, OriginalLeg
from guildbank.ledger.posting import (
    account_needs,
    balances_now,
    bar,
    close_book,
    holding_needs,
    leg_needs,
    lot_needs,
    open_book,
    post,
)
from guildbank.ledger.reading.chained import CHAINED_TRANSFERS, PARTITIONED_TRANSFERS
from guildbank.ledger.rules import Book
from guildbank.ledger.store import HOLDS, LOTS, TRANSFERS
from guildbank.ledger.usecases.alarm import Alarm, begin_alarm, end_alarm
from guildbank.ledger.usecases.balances import Balances, CurrencyBalance, read_balances
from guildbank.ledger.usecases.explain import Explained, explain
from guildbank.ledger.usecases.prove import Proof, Proving, prove
from guildbank.ledger.usecases.spends import SpentPart, spends_of

__all__ = [
    "AGED",
    "ASSETS",
    "BARS",
    "CHAINED_TRANSFERS",
    "HOLDS",
    "HOUSE",
    "LOTS",
    "MAX_LEGS",
    "ORIGINALS",
    "PARTITIONED_TRANSFERS",
    "TRANSFERS",
    "Account",
    "Address",
    "AgedKey",
    "Alarm",
    "Asset",
    "Balances",
    "Book",
    "CurrencyBalance",
    "Explained",
    "Hold",
    "HoldLine",
    "Interval",
    "Leg",
    "LotRef",
    "LotState",
    "Moved",
    "Original",
    "OriginalLeg",
    "Proof",
    "Proving",
    "Restores",
    "SpentPart",
    "Transfer",
    "account_needs",
    "aged_coins",
    "balances_now",
    "bar",
    "basis_of",
    "begin_alarm",
    "close_book",
    "end_alarm",
    "explain",
    "first_positions",
    "holding_needs",
    "house",
    "is_money",
    "leg_needs",
    "lot_needs",
    "money_asset",
    "open_book",
    "post",
    "prove",
    "read_balances",
    "spends_of",
]
