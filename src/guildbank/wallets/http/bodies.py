"""Fields that the bodies of wallets share."""

from typing import Annotated

from msgspec import Meta

PlayerId = Annotated[
    str,
    Meta(
        pattern=r"^player_[0-7][0-9a-hjkmnp-tv-z]{25}$(?!\n)",
        description="The player's id.",
        examples=["player_01kag3pyqmf9aag12vtrsy70ps"],
    ),
]
CurrencyCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9_]{1,15}$(?!\n)",
        description="A currency's code: capital letters, digits and underscores.",
        examples=["GEM"],
    ),
]
HoldId = Annotated[
    str,
    Meta(max_length=40, description="A hold's id.", examples=["hold_01m7yqwf9ke00800000000003v"]),
]
TransactionId = Annotated[
    str,
    Meta(
        max_length=40,
        description="A transaction's id.",
        examples=["txn_01m7yqwf9ke00800000000003v"],
    ),
]
