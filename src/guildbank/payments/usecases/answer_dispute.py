"""Answer a dispute: evidence is kept, then handed to its provider once and before the deadline."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Outcome, Sealed, Stage, facts, recall
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.payments import disputes, store
from guildbank.payments.contracts.refusals import (
    ANSWERED_BEFORE,
    ANSWERED_LATE,
    NO_DISPUTE,
    NOT_ANSWERABLE,
    NOT_ANSWERED_HERE,
    bad_evidence,
)
from guildbank.payments.contracts.rows import Dispute, DisputeState, EvidenceState
from guildbank.payments.rules import ANSWERABLE
from guildbank.payments.store import DISPUTE_REFERENCES, DISPUTES
from guildbank.payments.usecases import PaymentAct, Payments
from guildbank.payments.usecases.accounts import line_to
from guildbank.payments.usecases.dispute_stand import ask_stand
from guildbank.payments.usecases.dispute_told import noted
from guildbank.payments.usecases.read_disputes import ShownDispute, get_dispute
from guildbank.payments.usecases.send_answer import send_answer
from guildbank.plugin_api import (
    MAX_EVIDENCE_CHARACTERS,
    AnswersDisputes,
    DisputeStand,
    Manifest,
)

ANSWER = "disputes:answer"
_OPEN_ANSWERS = (EvidenceState.SENDING, EvidenceState.UNKNOWN, EvidenceState.SUBMITTED)


class BeginAnswer(PaymentAct):
    """Keep the evidence and who gave it; from here on nobody else answers the dispute.

    `asked` is how its provider said that it stands, and when.
    """

    verb = "payments.answer_dispute"
    __slots__ = ("answer_id", "asked", "dispute_id", "evidence", "names", "place")

    def __init__(
        self,
        dispute: Dispute,
        principal: str,
        key: str,
        evidence: Sealed,
        names: tuple[str, ...],
    ) -> None:
        super().__init__(dispute.payment_id, principal, key, (dispute.id, evidence.hash))
        self.dispute_id = dispute.id
        self.place = (dispute.provider, dispute.reference)
        self.evidence = evidence
        self.names = names
        self.asked: tuple[DisputeStand, datetime] | None = None
        self.answer_id = new_id("evd")

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payment and the dispute."""
        return [
            *super().needs(stage),
            (DISPUTES, self.dispute_id),
            (DISPUTE_REFERENCES, self.place),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Keep it. Refusals: `not_found`, `dispute_answered`, `dispute_not_answerable`,
        `dispute_answer_late`.
        """
        known = stage.get(DISPUTES, self.dispute_id)
        if known is None or self.asked is None:
            return NO_DISPUTE
        stand, at = self.asked
        if (barred := barred_from_answer(known, stand, at)) is not None:
            return barred
        dispute = msgspec.structs.replace(
            noted(known, stand), evidence_id=self.answer_id,
            evidence_state=EvidenceState.SENDING, evidence_by=self.principal,
            evidence_at=stage.now, evidence_code=None, sealed_evidence=self.evidence.ciphertext,
            changed_at=stage.now,
        )  # fmt: skip
        stage.put(DISPUTES, dispute.id, dispute)
        stage.put(DISPUTE_REFERENCES, self.place, dispute)
        told = {
            "payment": dispute.payment_id,
            "dispute": dispute.id,
            "provider": dispute.provider,
            "reference": dispute.reference,
            "evidence": self.names,
            "answerBy": dispute.answer_by,
            "payload": self.evidence.hash,
        }
        return Draft("payments.dispute_answering", facts(told), self.evidence)


def barred_from_answer(dispute: Dispute, stand: DisputeStand, now: datetime) -> Refusal | None:
    """Return why no evidence is taken for a dispute that stands so, None where it is taken."""
    if dispute.evidence_state in _OPEN_ANSWERS or stand.answered:
        return ANSWERED_BEFORE
    told = DisputeState(stand.status)
    if stand.answer_by is None or not {dispute.state, told} <= ANSWERABLE:
        return NOT_ANSWERABLE
    return ANSWERED_LATE if stand.answer_by <= now else None


async def answer_dispute(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    key: str,
    dispute_id: str,
    texts: Mapping[str, str],
) -> ShownDispute | Refusal:
    """Hand in evidence for a dispute, for good. The same key answers the same.

    Its provider is asked first how the dispute stands. Refusals: `not_found`, `bad_evidence`,
    `dispute_answered`, `dispute_not_answerable`, `dispute_answer_late`, `provider_silent`,
    `unknown_provider`, `sandbox_refused`, `provider_resting`, `key_reused`, `tenant_suspended`.
    Raises Unavailable.
    """
    if parse_id("dis", dispute_id) is None:
        return NO_DISPUTE
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        dispute = await disputes.dispute_by_id(tx.driver, dispute_id)
        intent = None
        if dispute is not None:
            intent = await store.intent_by_id(tx.driver, dispute.payment_id)
    if dispute is None or intent is None:
        return NO_DISPUTE
    line = await line_to(payments, tenant, dispute.provider)
    if isinstance(line, Refusal):
        return line
    if not isinstance(line.plugin, AnswersDisputes):
        return NOT_ANSWERED_HERE
    if (wrong := _wrong_texts(line.manifest, texts)) is not None:
        return wrong
    payload = msgspec.json.encode(dict(sorted(texts.items())))
    sealed = await payments.persons.seal(tenant, intent.player_id, payload)
    if isinstance(sealed, Refusal):
        return sealed
    act = BeginAnswer(dispute, principal, key, sealed, tuple(sorted(texts)))
    outcome = await _begin(payments, tenant, act)
    if isinstance(outcome, Refusal):
        return outcome
    await payments.wait(payments.start(send_answer(payments, tenant, dispute_id)))
    return await get_dispute(payments, tenant, dispute_id)


async def _begin(payments: Payments, tenant: TenantRef, act: BeginAnswer) -> Outcome:
    """Commit the answer; what was committed under its key is found without asking anybody."""
    if await recall(payments.db, tenant.schema, act) is None:
        provider, reference = act.place
        stand = await ask_stand(payments, tenant, provider, act.payment_id, reference)
        if isinstance(stand, Refusal):
            return stand
        act.asked = stand, payments.clock.now()
    return await payments.journal.submit(tenant.schema, act)


def _wrong_texts(manifest: Manifest, texts: Mapping[str, str]) -> Refusal | None:
    """Return what is wrong with the evidence by the provider's own limits."""
    for name, text in texts.items():
        most = manifest.evidence_fields.get(name)
        if most is None:
            known = ", ".join(sorted(manifest.evidence_fields))
            return bad_evidence(name, f"{manifest.title} takes no such text. It takes: {known}.")
        if len(text) > most:
            return bad_evidence(name, f"{manifest.title} takes at most {most} characters of it.")
    if sum(map(len, texts.values())) > MAX_EVIDENCE_CHARACTERS:
        return bad_evidence(None, f"All texts have at most {MAX_EVIDENCE_CHARACTERS} characters.")
    return None
