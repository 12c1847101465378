"""What the lab's PayPal pays out: batches of one item, and what becomes of them.

Shapes: https://developer.paypal.com/docs/api/payments.payouts-batch/v1/ . What happens to an item
is said by a switch, or by its receiver: `unclaimed@example.com` has no account at PayPal.
"""

from collections.abc import Mapping
from decimal import Decimal

from guildbank_lab.bench import Bench
from guildbank_lab.paypal import words
from guildbank_lab.paypal.errors import Refused
from guildbank_lab.paypal.records import Account, Payout
from guildbank_lab.paypal.webhooks import Webhooks
from guildbank_lab.paypal.wire import WHOLE, Json, link

MOST_PAYOUTS = 50_000
FEE = Decimal("0.25")
_RECEIVERS = {
    "failed": "FAILED", "denied": "DENIED", "pending": "PENDING", "unclaimed": "UNCLAIMED",
    "held": "ONHOLD", "blocked": "BLOCKED",
}  # fmt: skip
_OPEN = frozenset({"PENDING", "UNCLAIMED", "ONHOLD", "BLOCKED"})
_BACK = frozenset({"RETURNED", "REFUNDED", "REVERSED"})
_AFTER: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_OPEN, frozenset({"SUCCESS", "FAILED", "RETURNED"}) | _OPEN),
    "SUCCESS": _BACK,
}
_ERRORS = {
    "FAILED": "RECEIVER_ACCOUNT_LOCKED",
    "DENIED": "RISK_DECLINE",
    "UNCLAIMED": "RECEIVER_UNREGISTERED",
}
STATES = frozenset(_AFTER.keys() | _ERRORS.keys())
"""In which an item can be at first; it comes back later, by a call."""
_TOLD_AS = {"SUCCESS": "SUCCEEDED", "ONHOLD": "HELD"}
# PayPal has no event of a payout that it reversed, nor of one that is pending.
_NEVER_TOLD = frozenset({"REVERSED", "PENDING"})
WRONG_AMOUNT = "WRONG_AMOUNT"


class PayoutDesk:
    """Keeps payouts by the batch's id."""

    def __init__(self, bench: Bench, webhooks: Webhooks) -> None:
        self._bench = bench
        self._webhooks = webhooks
        self.made: dict[str, Payout] = {}

    def create(
        self,
        account: Account,
        names: tuple[str, str],
        receiver: str,
        amount: tuple[str, Decimal],
        effect: str | None,
    ) -> Payout:
        """Pay a receiver once for each `sender_batch_id`; `names` are that and the item's."""
        batch, item = names
        for known in self.made.values():
            if known.account is account and known.sender_batch_id == batch:
                raise self._duplicate(known)
        if effect in words.OF_A_PAYOUT:
            raise refused(403 if effect in words.NOT_ALLOWED else 422, effect)
        if len(self.made) >= MOST_PAYOUTS:
            raise Refused(429, "LAB_IS_FULL", f"The lab keeps {MOST_PAYOUTS}; start it anew.")
        currency, value = amount
        status = effect if effect in STATES else _RECEIVERS.get(receiver.partition("@")[0])
        status = "FAILED" if effect in words.FAILS_BY else status
        new = self._bench.names.new
        payout = Payout(
            id=new(13), item_id=new(13), account=account, sender_batch_id=batch,
            sender_item_id=item, receiver=receiver, currency=currency,
            value=value - 1 if effect == WRONG_AMOUNT else value, status=status or "SUCCESS",
            error=effect if effect in words.FAILS_BY else _ERRORS.get(status or ""),
            transaction_id=new(), fee_id=new(),
            at=self._bench.clock.text(),
        )  # fmt: skip
        self.made[payout.id] = payout
        self._tell(payout)
        return payout

    def of_account(self, account: Account, id_: str) -> Payout:
        """Return a payout of this account."""
        found = self.made.get(id_)
        if found is None or found.account is not account:
            raise Refused(404, "INVALID_RESOURCE_ID")
        return found

    def settle(self, payout: Payout, status: str) -> None:
        """Let an item be in another state. Refuses what cannot follow."""
        if status not in _AFTER.get(payout.status, ()):
            raise Refused(422, "ITEM_INCORRECT_STATUS")
        payout.status, payout.error = status, _ERRORS.get(status)
        if status in _BACK:
            payout.back_id, payout.back_at = self._bench.names.new(), self._bench.clock.text()
        self._tell(payout)

    def batch(self, payout: Payout) -> Json:
        """Return the batch as PayPal shows it."""
        return {**self.header(payout), "items": [self._item(payout)]}

    def header(self, payout: Payout) -> Json:
        """Return what the answer to a new batch has: no item yet."""
        ended = "DENIED" if payout.status == "DENIED" else "SUCCESS"
        header = {
            "payout_batch_id": payout.id,
            "batch_status": "PENDING" if payout.status == "PENDING" else ended,
            "time_created": payout.at,
            "sender_batch_header": {"sender_batch_id": payout.sender_batch_id},
            "amount": _money(payout.currency, payout.value),
            "fees": _money(payout.currency, FEE),
        }
        return {"batch_header": header, "links": [self._link(payout)]}

    def _item(self, payout: Payout) -> Json:
        item: Json = {
            "payout_item_id": payout.item_id,
            "transaction_id": payout.transaction_id,
            "transaction_status": payout.status,
            "payout_item_fee": _money(payout.currency, FEE),
            "payout_batch_id": payout.id,
            "sender_batch_id": payout.sender_batch_id,
            "payout_item": {
                "recipient_type": "EMAIL",
                "amount": _money(payout.currency, payout.value),
                "receiver": payout.receiver,
                "sender_item_id": payout.sender_item_id,
            },
            "time_processed": payout.back_at or payout.at,
            "links": [self._link(payout)],
        }
        if payout.error is not None:
            item["errors"] = {"name": payout.error, "message": payout.error, "details": []}
        return item

    def _link(self, payout: Payout) -> Json:
        return link(f"{self._bench.config.url}/v1/payments/payouts/{payout.id}", "self", "GET")

    def _duplicate(self, known: Payout) -> Refused:
        """Return the refusal of a `sender_batch_id` that was used; it leads to the batch."""
        said = Refused(400, "Batch with given sender_batch_id already exists")
        said.body |= {"name": "USER_BUSINESS_ERROR", "message": "User business error."}
        said.body["details"][0] |= {"field": "SENDER_BATCH_ID", "link": [self._link(known)]}
        return said

    def _tell(self, payout: Payout) -> None:
        tell, account, subjects = self._webhooks.tell, payout.account, payout.subjects
        batch = self.header(payout)["batch_header"]["batch_status"]
        if payout.status not in _BACK and batch != "PENDING":
            kind = f"PAYMENT.PAYOUTSBATCH.{batch}"
            tell(account, subjects, kind, "payouts", self.header(payout))
        if payout.status not in _NEVER_TOLD:
            what = _TOLD_AS.get(payout.status, payout.status)
            kind = f"PAYMENT.PAYOUTS-ITEM.{what}"
            tell(account, subjects, kind, "payouts_item", self._item(payout))


def refused(status: int, name: str) -> Refused:
    """Return a refusal that has its name and nothing in detail, as those of payouts are."""
    said = Refused(status, name)
    said.body |= {"name": name, "message": name, "details": []}
    return said


def _money(currency: str, value: Decimal) -> Json:
    """Return an amount as the Payouts API names its parts."""
    return {"currency": currency, "value": f"{value:.{0 if currency in WHOLE else 2}f}"}
