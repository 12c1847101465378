"""End a saved method: its provider has let go of it, asked by us or by somebody else."""

import msgspec

from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.saved import (
    METHOD_DETACHED,
    METHOD_DROPPED,
    MethodState,
    PaymentMethod,
)
from guildbank.payments.saved import METHODS, SAVED_OF
from guildbank.payments.usecases import provider_principal

GONE = "gone"
"""The code of a method that was removed at its provider, and not here."""


class EndMethod(Act):
    """Forget what was known of the method; what it paid for keeps naming it."""

    verb = "payments.end_method"
    __slots__ = ("method_id", "player_id")

    def __init__(self, method: PaymentMethod) -> None:
        super().__init__(provider_principal(method.provider))
        self.method_id = method.id
        self.player_id = method.player_id

    def needs(self, stage: Stage) -> list[Need]:
        """Return the method, and what its player has saved."""
        return [(METHODS, self.method_id), (SAVED_OF, self.player_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """End it, or say `no_change`."""
        known = stage.get(METHODS, self.method_id)
        if known is None or known.state is MethodState.REMOVED:
            return NO_CHANGE
        asked = known.state is MethodState.REMOVING
        ended = msgspec.structs.replace(
            known, state=MethodState.REMOVED, sealed=None, twin=None,
            code=known.code if asked else GONE, changed_at=stage.now,
        )  # fmt: skip
        stage.put(METHODS, ended.id, ended)
        left = stage.get(SAVED_OF, self.player_id) or ()
        stage.put(SAVED_OF, self.player_id, tuple(one for one in left if one.id != ended.id))
        told = {
            "method": ended.id,
            "player": ended.player_id,
            "provider": ended.provider,
            "code": ended.code,
        }
        return Draft(METHOD_DETACHED if asked else METHOD_DROPPED, facts(told))
