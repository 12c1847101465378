"""Transfers to connected accounts (https://docs.stripe.com/api/transfers).

Every merchant of the lab has the same connected accounts, each with its own behaviour.
"""

from guildbank_lab.stripe.errors import Refused, missing
from guildbank_lab.stripe.records import Account, Reversal, Transfer
from guildbank_lab.stripe.webhooks import Webhooks
from guildbank_lab.stripe.wire import Json

MOST_TRANSFERS = 50_000
EARNER, UNFINISHED, RESTRICTED = "acct_1LabEarner", "acct_1LabUnfinished", "acct_1LabRestricted"
CONNECTED = {EARNER: "active", UNFINISHED: "inactive", RESTRICTED: "active"}
"""Connected accounts with their capability `transfers`; the last is refused all the same."""
_WHY = {
    "balance_insufficient": "You have insufficient available funds in your Stripe account.",
    "insufficient_capabilities_for_transfer": "Your destination account needs to have at least one "
    "of the following capabilities enabled: transfers, crypto_transfers, legacy_payments",
    "transfers_not_allowed": "The destination account cannot receive transfers.",
}


class Transfers:
    """All transfers of the lab's Stripe."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self.made: dict[str, Transfer] = {}

    def connected(self, id_: str) -> Json:
        """Return an account under the merchant's."""
        if id_ not in CONNECTED:
            said = f"The provided key does not have access to account '{id_[:60]}'."
            raise Refused(403, "account_invalid", said)
        return {
            "id": id_,
            "object": "account",
            "capabilities": {"transfers": CONNECTED[id_]},
            "payouts_enabled": CONNECTED[id_] == "active",
        }

    def create(self, wanted: Transfer, effect: str | None) -> Transfer:
        """Move the money. Refuses an account that takes none; `effect` refuses in its own word."""
        if wanted.destination not in CONNECTED:
            raise missing("destination", wanted.destination)
        if CONNECTED[wanted.destination] != "active":
            effect = "insufficient_capabilities_for_transfer"
        elif wanted.destination == RESTRICTED:
            effect = "transfers_not_allowed"
        if effect is not None:
            code = effect.lower()
            raise Refused(400, code, _WHY.get(code, code))
        if len(self.made) >= MOST_TRANSFERS:
            raise Refused(429, "rate_limit", f"The lab keeps {MOST_TRANSFERS}; start it anew.")
        self.made[wanted.id] = wanted
        self._tell(wanted, "created")
        return wanted

    def transfer(self, account: Account, id_: str) -> Transfer:
        """Return a transfer of this account."""
        found = self.made.get(id_)
        if found is None or found.account is not account:
            raise missing("transfer", id_)
        return found

    def listed(self, account: Account, group: str | None) -> list[Transfer]:
        """Return transfers of this account, the newest first, of one group or of all."""
        return [
            one
            for one in reversed(self.made.values())
            if one.account is account and group in (None, one.group)
        ]

    def reverse(self, transfer: Transfer, back: Reversal) -> None:
        """Take money back from a connected account."""
        if not 0 < back.amount <= transfer.amount - transfer.reversed:
            raise Refused(400, "amount_too_large", "The transfer has already been reversed.")
        transfer.reversals.append(back)
        self._tell(transfer, "reversed")

    def _tell(self, transfer: Transfer, what: str) -> None:
        shown = shown_transfer(transfer)
        self._webhooks.tell(transfer.account, transfer.subjects, f"transfer.{what}", shown)


def shown_transfer(one: Transfer) -> Json:
    """Return a transfer as Stripe shows it."""
    return {
        "id": one.id,
        "object": "transfer",
        "amount": one.amount,
        "amount_reversed": one.reversed,
        "balance_transaction": one.line,
        "created": one.at,
        "currency": one.currency,
        "destination": one.destination,
        "livemode": False,
        "metadata": one.metadata,
        "reversals": {
            "object": "list",
            "data": [shown_reversal(one, back) for back in one.reversals],
            "has_more": False,
            "url": f"/v1/transfers/{one.id}/reversals",
        },
        "reversed": one.reversed == one.amount,
        "source_transaction": None,
        "transfer_group": one.group,
    }


def shown_reversal(one: Transfer, back: Reversal) -> Json:
    """Return a reversal as Stripe shows it: of what was written on the transfer it has nothing."""
    return {
        "id": back.id,
        "object": "transfer_reversal",
        "amount": back.amount,
        "balance_transaction": back.line,
        "created": back.at,
        "currency": one.currency,
        "metadata": {},
        "transfer": one.id,
    }
