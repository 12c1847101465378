"""Say what entries tell of a refund that took coins, from wherever it was made."""

from guildbank.payments.contracts.rows import Refund, Taking
from guildbank.payments.usecases.money import let_go


def refund_facts(refund: Refund, player_id: str, taking: Taking) -> dict[str, object]:
    """Return what an entry says of a refund; its reason is free text and stays outside."""
    return {
        "payment": refund.payment_id,
        "refund": refund.id,
        "attempt": refund.attempt_id,
        "player": player_id,
        "provider": refund.provider,
        "source": refund.source,
        "origin": refund.origin,
        "money": refund.money,
        "amount": refund.amount_minor,
        "coins": taking.paid,
        "bonus": taking.bonus,
        "owed": taking.owed,
        "basis": taking.basis_minor,
        **let_go(taking),
    }
