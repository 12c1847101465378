"""How a provider says whose account its credentials open, so that they change within it alone.

`NamesMerchant` is a capability of payment providers, named `merchant` in the manifest. The core
asks when credentials are saved or tried. Once an account was used, only credentials of the same
merchant take the place of others: refunds and looks of old payments go by those of now.
"""

from typing import Final, Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context

MERCHANT: Final = "merchant"
"""The capability's name in a manifest."""
MAX_MERCHANT_NAMES = 10
MAX_MERCHANT_NAME = 200
"""Characters of a name."""


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """Whose credentials they are, by the provider's own lasting `names` of it, none a secret.

    Two answers that share a name are of one merchant: so never name what several have in common.
    At most MAX_MERCHANT_NAMES of MAX_MERCHANT_NAME characters.
    """

    names: tuple[str, ...]


@runtime_checkable
class NamesMerchant(Protocol):
    """A provider that can be asked whose the credentials of the settings are."""

    async def merchant(self, context: Context) -> Merchant:
        """Return whose they are, as the provider says now; changes nothing there.

        Raises when it did not say, by a sentence for operators: then credentials of an account that
        was used stay as they are.
        """
        ...
