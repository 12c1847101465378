"""What PayPal does when it is asked: the state of accounts and orders, and how it changes."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal

from guildbank_lab.bench import Bench
from guildbank_lab.paypal import wire, words
from guildbank_lab.paypal.errors import Refused, refused
from guildbank_lab.paypal.payouts import PayoutDesk
from guildbank_lab.paypal.records import Account, Capture, Dispute, Kept, Order, Refund
from guildbank_lab.paypal.webhooks import Webhooks

MOST_ACCOUNTS, MOST_ORDERS, MOST_KEPT, MOST_TOKENS = 1_000, 50_000, 100_000, 10_000
ORDER_KEYS, REFUND_KEYS = timedelta(hours=6), timedelta(days=45)
TOKEN_LASTS = timedelta(hours=9)
STATES = frozenset({"PENDING", "DECLINED", "FAILED"})
WRONG_AMOUNT, WRONG_CURRENCY = "WRONG_AMOUNT", "WRONG_CURRENCY"


class Desk:
    """The lab's PayPal. What fills up is refused as PayPal refuses who asks too often."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.webhooks = Webhooks(bench)
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.captures: dict[str, Order] = {}
        self.refunds: dict[str, Order] = {}
        self.disputes: dict[str, Dispute] = {}
        self.payouts = PayoutDesk(bench, self.webhooks)
        self.kept: dict[tuple[str, str, str], Kept] = {}
        self._tokens: dict[str, tuple[Account, datetime]] = {}

    @property
    def url(self) -> str:
        """Where the lab is reached."""
        return self.bench.config.url

    def open_account(
        self, app: tuple[str, str], webhook_url: str, payer_id: str | None, *, tells_payer: bool
    ) -> Account:
        """Open an app's account with its webhook, or give a known app another secret and webhook.

        `app` is its client id and secret; without a `payer_id` its account is a new one.
        """
        client_id, client_secret = app
        known = self.accounts.get(client_id)
        if known is not None:
            known.client_secret, known.webhook_url = client_secret, webhook_url
            known.tells_payer = tells_payer
            return known
        _room(self.accounts, MOST_ACCOUNTS)
        account = Account(
            client_id=client_id,
            payer_id=payer_id or self.bench.names.new(13),
            tells_payer=tells_payer,
            client_secret=client_secret,
            webhook_id=self.bench.names.new(),
            webhook_url=webhook_url,
        )
        self.accounts[client_id] = account
        return account

    def token_for(self, client_id: str, client_secret: str) -> tuple[str, int]:
        """Give an access token and say for how many seconds. Refuses who is not known."""
        account = self.accounts.get(client_id)
        if account is None or not secrets.compare_digest(account.client_secret, client_secret):
            raise Refused(401, "INVALID_CLIENT")
        while len(self._tokens) >= MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = f"A21AA{self.bench.names.new(40)}"
        self._tokens[token] = account, self.bench.clock.now() + TOKEN_LASTS
        return token, int(TOKEN_LASTS.total_seconds())

    def account_of(self, token: str) -> Account:
        """Return whose token this is. Refuses one that is not known or has ended."""
        known = self._tokens.get(token)
        if known is None or known[1] <= self.bench.clock.now():
            raise Refused(401, "INVALID_TOKEN")
        return known[0]

    def forget_tokens(self) -> None:
        """Let no token be good any more."""
        self._tokens.clear()

    def order(self, account: Account, id_: str) -> Order:
        """Return an order of this account."""
        found = self.orders.get(id_)
        if found is None or found.account is not account:
            raise Refused(404, "INVALID_RESOURCE_ID")
        return found

    def keep(self, order: Order) -> None:
        """Remember a new order."""
        _room(self.orders, MOST_ORDERS)
        self.orders[order.id] = order

    def approve(self, order: Order) -> None:
        """Do what the player does on the page; an order that is over stays as it is."""
        if order.status not in ("PAYER_ACTION_REQUIRED", "APPROVED"):
            return
        order.status = "APPROVED"
        self._tell(order, "CHECKOUT.ORDER.APPROVED", "checkout-order", wire.order(order, self.url))

    def capture(self, order: Order, effect: str | None) -> None:
        """Take the money. Refuses what is not approved, taken already, or refused by `effect`."""
        if order.capture is not None:
            raise Refused(422, "ORDER_ALREADY_CAPTURED")
        if order.status != "APPROVED":
            raise Refused(422, "ORDER_NOT_APPROVED")
        if effect in words.OF_A_CAPTURE:
            raise refused(effect)
        twice = any(
            one.capture is not None and one.invoice_id == order.invoice_id
            for one in self.orders.values()
            if one.account is order.account and order.invoice_id is not None
        )
        if twice:
            raise Refused(422, "DUPLICATE_INVOICE_ID")
        status, reason, processor = _became(effect)
        other = "GBP" if order.currency == "USD" else "USD"
        order.capture = Capture(
            id=self.bench.names.new(),
            status=status,
            currency=other if effect == WRONG_CURRENCY else order.currency,
            value=order.value - 1 if effect == WRONG_AMOUNT else order.value,
            reason=reason,
            processor=processor,
            at=self.bench.clock.text(),
        )
        order.status = "COMPLETED"
        self.captures[order.capture.id] = order
        self._tell_capture(order, order.capture)

    def settle(self, order: Order, status: str) -> None:
        """End a pending capture: COMPLETED or DECLINED."""
        if order.capture is None or order.capture.status != "PENDING":
            raise Refused(422, "CAPTURE_NOT_PENDING")
        order.capture.status = status
        order.capture.reason = None
        self._tell_capture(order, order.capture)

    def refund(
        self, order: Order, value: Decimal | None, custom_id: str | None, effect: str | None
    ) -> Refund:
        """Give back a part, or the rest without a value."""
        taken = order.capture
        if taken is None or taken.status != "COMPLETED":
            raise Refused(422, "CAPTURE_NOT_COMPLETED")
        rest = taken.value - order.refunded
        amount = rest if value is None else value
        if rest <= 0:
            raise Refused(422, "CAPTURE_FULLY_REFUNDED")
        if not 0 < amount <= rest:
            raise Refused(422, "REFUND_AMOUNT_EXCEEDED")
        if effect is not None and effect not in STATES:
            raise refused(effect)
        given = Refund(
            id=self.bench.names.new(),
            status=effect or "COMPLETED",
            value=amount,
            custom_id=custom_id,
            note=None,
            at=self.bench.clock.text(),
        )
        order.refunds.append(given)
        self.refunds[given.id] = order
        if given.status == "COMPLETED":
            self._tell_refund(order, given)
        return given

    def settle_refund(self, order: Order, id_: str, status: str) -> None:
        """End a pending refund: COMPLETED or FAILED."""
        given = self.refund_of(order, id_)
        if given.status != "PENDING":
            raise Refused(422, "REFUND_NOT_PENDING")
        given.status = status
        self._tell_refund(order, given)

    def refund_of(self, order: Order, id_: str) -> Refund:
        """Return a refund of an order."""
        return next(one for one in order.refunds if one.id == id_)

    def dispute(
        self,
        order: Order,
        value: Decimal | None,
        reason: str,
        stage: str = "CHARGEBACK",
        answer_days: int = 10,
    ) -> Dispute:
        """Open a dispute about the order's capture."""
        if order.capture is None:
            raise Refused(422, "CAPTURE_NOT_COMPLETED")
        _room(self.disputes, MOST_ORDERS)
        case = Dispute(
            id=f"PP-D-{self.bench.names.new(6)}",
            order=order,
            value=order.capture.value if value is None else value,
            reason=reason,
            at=self.bench.clock.text(),
            stage=stage,
            due=self._due(answer_days),
        )
        self.disputes[case.id] = case
        self._tell(order, "CUSTOMER.DISPUTE.CREATED", "dispute", wire.dispute(case, self.url))
        return case

    def dispute_of(self, account: Account, id_: str) -> Dispute:
        """Return a dispute of this account."""
        found = self.disputes.get(id_)
        if found is None or found.order.account is not account:
            raise Refused(404, "INVALID_RESOURCE_ID")
        return found

    def update(
        self,
        case: Dispute,
        *,
        stage: str | None,
        status: str | None,
        value: Decimal | None,
        answer_days: int | None,
    ) -> None:
        """Change a dispute that is open, and tell of it."""
        if case.outcome is not None:
            raise Refused(422, "DISPUTE_ALREADY_RESOLVED")
        case.stage, case.status = stage or case.stage, status or case.status
        case.value = case.value if value is None else value
        case.due = case.due if answer_days is None else self._due(answer_days)
        case.changed = self.bench.clock.text()
        shown = wire.dispute(case, self.url)
        self._tell(case.order, "CUSTOMER.DISPUTE.UPDATED", "dispute", shown)

    def appeal(self, case: Dispute) -> None:
        """Take a dispute that is resolved up again, and tell of it."""
        if case.outcome is None:
            raise Refused(422, "DISPUTE_NOT_RESOLVED")
        case.outcome = case.refunded = None
        self.update(
            case, stage="PRE_ARBITRATION", status="UNDER_REVIEW", value=None, answer_days=None
        )

    def _due(self, answer_days: int) -> str | None:
        """Return the end of so many days as PayPal writes it, None for none."""
        if not answer_days:
            return None
        end = self.bench.clock.now() + timedelta(days=answer_days)
        return end.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def resolve(self, case: Dispute, outcome: str, refunded: Decimal | None) -> None:
        """Decide a dispute."""
        if case.outcome is not None:
            raise Refused(422, "DISPUTE_ALREADY_RESOLVED")
        case.outcome, case.refunded = outcome, refunded
        case.resolved_at = case.changed = self.bench.clock.text()
        case.taken_by, case.charged_by = self.bench.names.new(), self.bench.names.new()
        shown = wire.dispute(case, self.url)
        self._tell(case.order, "CUSTOMER.DISPUTE.RESOLVED", "dispute", shown)

    def _tell_capture(self, order: Order, taken: Capture) -> None:
        what = {"FAILED": "DECLINED", "DECLINED": "DENIED"}.get(taken.status, taken.status)
        shown = wire.capture(order, taken, self.url)
        self._tell(order, f"PAYMENT.CAPTURE.{what}", "capture", shown)

    def _tell_refund(self, order: Order, given: Refund) -> None:
        shown = wire.refund(order, given, self.url)
        self._tell(order, "PAYMENT.CAPTURE.REFUNDED", "refund", shown)

    def _tell(self, order: Order, kind: str, about: str, resource: wire.Json) -> None:
        self.webhooks.tell(order.account, order.subjects, kind, about, resource)


def _became(effect: str | None) -> tuple[str, str | None, str | None]:
    """Return how a capture ends: its status, the reason, and what a card's processor answered."""
    if effect is None or effect in (WRONG_AMOUNT, WRONG_CURRENCY):
        return "COMPLETED", None, None
    if effect in words.WAITS_FOR:
        return "PENDING", effect, None
    if effect == words.RISKY:
        return "DECLINED", effect, None
    if effect in words.PROCESSORS:
        return "DECLINED", None, effect.removeprefix(words.BY_PROCESSOR)
    return effect, "PENDING_REVIEW" if effect == "PENDING" else None, None


def _room(kept: dict[str, Account] | dict[str, Order] | dict[str, Dispute], most: int) -> None:
    if len(kept) >= most:
        raise Refused(429, "LAB_IS_FULL", f"The lab keeps {most} of these; start it anew.")
