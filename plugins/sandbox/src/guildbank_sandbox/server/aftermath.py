"""What follows a payment by itself: a refund that nobody asked for, a dispute and its end."""

from guildbank.kernel import Refusal
from guildbank_sandbox.server import disputes, refunds
from guildbank_sandbox.server.database import Session
from guildbank_sandbox.server.disputes import OpenDispute
from guildbank_sandbox.server.methods import METHODS, Afterwards
from guildbank_sandbox.server.records import Account, Payment
from guildbank_sandbox.server.refunds import CreateRefund


def play(s: Session, account: Account, payment: Payment) -> Refusal | None:
    """Do what the payment's method says that happens afterwards."""
    match METHODS[payment.method].afterwards:
        case None:
            return None
        case Afterwards.REFUNDED:
            wanted = CreateRefund(
                payment=payment.id,
                amount_minor=payment.captured_minor,
                currency=payment.captured_currency,
                reason="by_provider",
            )
            given = refunds.create(s, account, wanted)
            return given if isinstance(given, Refusal) else None
        case end:
            opened = disputes.open_dispute(s, account, OpenDispute(payment=payment.id))
            if isinstance(opened, Refusal) or end is Afterwards.DISPUTED:
                return opened if isinstance(opened, Refusal) else None
            closed = disputes.close(s, opened, won=end is Afterwards.DISPUTE_WON)
            return closed if isinstance(closed, Refusal) else None
