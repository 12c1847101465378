"""What becomes of coins already spent when their money goes back, by currency and provider."""

from collections.abc import Mapping

import msgspec

from guildbank.tenancy import SpentCoins

SPENT_COINS_SET = "payments.spent_coins_set"


class SpentPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A currency's policy, None for the tenant's own, and those of single providers."""

    currency: str
    policy: SpentCoins | None = None
    providers: Mapping[str, SpentCoins] = {}
