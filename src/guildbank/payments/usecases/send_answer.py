"""Hand kept evidence to a dispute's provider, and record whether it has it."""

import asyncio

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments import disputes, store
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_DISPUTE
from guildbank.payments.contracts.rows import Dispute, DisputeState, EvidenceState
from guildbank.payments.rules import ANSWERABLE
from guildbank.payments.store import DISPUTE_REFERENCES, DISPUTES
from guildbank.payments.usecases import PaymentAct, Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.dispute_stand import ask_stand
from guildbank.payments.usecases.dispute_told import noted
from guildbank.plugin_api import AnswersDisputes, DisputeStand, EvidenceRefused, EvidenceRequest

log = structlog.get_logger(__name__)
_TEXTS = msgspec.json.Decoder(dict[str, str])
_UNDER_WAY = (EvidenceState.SENDING, EvidenceState.UNKNOWN)
_KINDS = {
    EvidenceState.SUBMITTED: "payments.dispute_answered",
    EvidenceState.REFUSED: "payments.dispute_answer_refused",
    EvidenceState.UNKNOWN: "payments.dispute_answer_unknown",
}
_NOT_SAID = EvidenceRefused(code="no_answer", detail="The provider did not say that it has it.")


class FinishAnswer(PaymentAct):
    """Record what became of the evidence."""

    verb = "payments.finish_answer"
    __slots__ = ("after", "answer_id", "code", "dispute_id", "place", "stand")

    def __init__(
        self,
        dispute: Dispute,
        after: EvidenceState,
        code: str | None = None,
        stand: DisputeStand | None = None,
    ) -> None:
        key = None if after is EvidenceState.UNKNOWN else f"{dispute.evidence_id}:{after}"
        super().__init__(
            dispute.payment_id, provider_principal(dispute.provider), key, dispute.evidence_id
        )
        self.dispute_id = dispute.id
        self.answer_id = dispute.evidence_id
        self.place = (dispute.provider, dispute.reference)
        self.after = after
        self.code = code
        self.stand = stand

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payment and the dispute."""
        return [
            *super().needs(stage),
            (DISPUTES, self.dispute_id),
            (DISPUTE_REFERENCES, self.place),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Record it, or say `no_change`."""
        known = stage.get(DISPUTES, self.dispute_id)
        if known is None:
            return NO_DISPUTE
        other = known.evidence_id != self.answer_id or known.evidence_state not in _UNDER_WAY
        if other or known.evidence_state is self.after:
            return NO_CHANGE
        told = known if self.stand is None else noted(known, self.stand)
        dispute = msgspec.structs.replace(
            told, evidence_state=self.after, evidence_code=self.code, changed_at=stage.now
        )
        stage.put(DISPUTES, dispute.id, dispute)
        stage.put(DISPUTE_REFERENCES, self.place, dispute)
        said = {
            "payment": dispute.payment_id,
            "dispute": dispute.id,
            "provider": dispute.provider,
            "reference": dispute.reference,
            "state": dispute.state,
            "by": dispute.evidence_by,
            "code": self.code,
        }
        return Draft(_KINDS[self.after], facts(said))


async def send_answer(payments: Payments, tenant: TenantRef, dispute_id: str) -> None:
    """Hand in the evidence that was kept and of which nobody has said that it arrived."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        dispute = await disputes.dispute_by_id(tx.driver, dispute_id)
    if dispute is not None and dispute.evidence_state is EvidenceState.SENDING:
        await _send(payments, tenant, dispute)


async def look_at_answer(payments: Payments, tenant: TenantRef, dispute: Dispute) -> bool:
    """Ask the provider whether it has the evidence; what it never got is handed in again.

    The same texts go under the same key, and only while the dispute can still be answered. Returns
    False if the provider cannot tell.
    """
    stand = await ask_stand(
        payments, tenant, dispute.provider, dispute.payment_id, dispute.reference
    )
    if isinstance(stand, Refusal):
        await _finish(payments, tenant, FinishAnswer(dispute, EvidenceState.UNKNOWN, stand.code))
        return False
    if stand.answered:
        await _finish(payments, tenant, FinishAnswer(dispute, EvidenceState.SUBMITTED, None, stand))
        return True
    over = stand.answer_by is None or stand.answer_by <= payments.clock.now()
    if over or DisputeState(stand.status) not in ANSWERABLE:
        act = FinishAnswer(dispute, EvidenceState.REFUSED, "too_late", stand)
        await _finish(payments, tenant, act)
        return True
    await _send(payments, tenant, dispute)
    return True


async def _send(payments: Payments, tenant: TenantRef, dispute: Dispute) -> None:
    request = await _request(payments, tenant, dispute)
    if request is None:
        await _finish(payments, tenant, FinishAnswer(dispute, EvidenceState.REFUSED, "erased"))
        return
    said = await _ask(payments, tenant, dispute, request)
    if said is _NOT_SAID:
        act = FinishAnswer(dispute, EvidenceState.UNKNOWN, said.code)
    elif isinstance(said, EvidenceRefused):
        act = FinishAnswer(dispute, EvidenceState.REFUSED, said.code)
    else:
        act = FinishAnswer(dispute, EvidenceState.SUBMITTED, None, said)
    await _finish(payments, tenant, act)


async def _ask(
    payments: Payments, tenant: TenantRef, dispute: Dispute, request: EvidenceRequest
) -> DisputeStand | EvidenceRefused:
    """Return what the provider says of the evidence, `_NOT_SAID` where that is nothing certain."""
    line = await line_about(payments, tenant, dispute.provider, dispute.payment_id)
    if isinstance(line, Refusal) or not isinstance(line.plugin, AnswersDisputes):
        return _NOT_SAID
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            said = await line.plugin.submit_evidence(line.context, request)
    except Exception as error:  # only the provider knows whether it arrived
        log.warning("evidence_not_sent", plugin=dispute.provider, error=fault_of(line, error))
        return _NOT_SAID
    if isinstance(said, EvidenceRefused):
        return said if storable(said.code) else _NOT_SAID
    return said if said.answered and said.reference == dispute.reference else _NOT_SAID


async def _request(
    payments: Payments, tenant: TenantRef, dispute: Dispute
) -> EvidenceRequest | None:
    """Return the request as it was kept, None where its person's key is gone."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, dispute.payment_id)
    if intent is None or dispute.sealed_evidence is None:
        return None
    opened = await payments.persons.reveal(tenant, intent.player_id, dispute.sealed_evidence)
    if opened is None:
        return None
    return EvidenceRequest(
        dispute_id=dispute.id,
        idempotency_key=f"{dispute.evidence_id}:evidence:1",
        reference=dispute.reference,
        texts=_TEXTS.decode(opened),
    )


async def _finish(payments: Payments, tenant: TenantRef, act: FinishAnswer) -> None:
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal) and outcome.code != NO_CHANGE.code:
        log.error("answer_not_recorded", dispute=act.dispute_id, code=outcome.code)
