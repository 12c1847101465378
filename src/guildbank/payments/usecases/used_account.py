"""Note that a provider's account is used: from then on it stays that of the same merchant."""

from datetime import datetime

import msgspec

from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import ACCOUNT_CHANGED, NO_PROVIDER
from guildbank.payments.store import ACCOUNTS


def account_needs(provider: str) -> Need:
    """Return what must be loaded before an account is used."""
    return (ACCOUNTS, provider)


def use_account(stage: Stage, provider: str, since: datetime | None) -> Refusal | None:
    """Use the account that the line was made of, or refuse: in the commit that records the use.

    `since` is the line's; None where the call that follows makes a line of its own. Refusals:
    `unknown_provider`, `account_changed`.
    """
    account = stage.get(ACCOUNTS, provider)
    if account is None:
        return NO_PROVIDER
    if since is not None and account.since != since:
        return ACCOUNT_CHANGED
    if account.fixed_as is None:
        used = msgspec.structs.replace(account, fixed_as=account.changed_at)
        stage.put(ACCOUNTS, provider, used)
    return None
