"""The checks of answered disputes pass a sound provider and name the fault of each unsound one."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.plugin_api import (
    DISPUTE_STAND,
    Context,
    DisputeStand,
    DisputeStatus,
    EvidenceRefused,
    EvidenceRequest,
    Outcome,
)
from guildbank.plugin_api.conformance import (
    DISPUTE_CHECKS,
    STAND_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)

ANSWERING = msgspec.structs.replace(MANIFEST, evidence_fields={"why": 1_000, "when": 10})
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip
LATE = EvidenceRefused(code="answered", detail="It was answered already.")


class Answers(Specimen):
    """Takes one answer to each dispute."""

    manifest = ANSWERING

    def __init__(self) -> None:
        super().__init__()
        self.disputes: dict[str, DisputeStand] = {}
        self.taken: dict[str, DisputeStand] = {}

    async def opens(self, context: Context, paid: Outcome) -> str:
        reference = f"case_{paid.reference}"
        self.disputes[reference] = DisputeStand(
            reference=reference, status=DisputeStatus.NEEDS_RESPONSE,
            answer_by=context.now + timedelta(days=7), amount_minor=paid.amount_minor,
            currency=paid.currency, withdrawn=True, reinstated=False,
        )  # fmt: skip
        return reference

    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        await self.travel(context)
        return self.disputes[reference]

    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        await self.travel(context)
        if request.idempotency_key in self.taken:
            return self.taken[request.idempotency_key]
        stand = self.disputes[request.reference]
        if stand.answered:
            return LATE
        self.disputes[request.reference] = self.taken[request.idempotency_key] = (
            msgspec.structs.replace(stand, answered=True, status=DisputeStatus.UNDER_REVIEW)
        )
        return self.taken[request.idempotency_key]


class HasNoRoom(Answers):
    manifest = msgspec.structs.replace(ANSWERING, evidence_fields={"why": 0})


class TellsOfAnother(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        found = await super().fetch_dispute(context, reference)
        return msgspec.structs.replace(found, reference="case_1")


class TakesAllForAnswered(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        found = await super().fetch_dispute(context, reference)
        return msgspec.structs.replace(found, answered=True)


class TellsOtherTimes(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        found = await super().fetch_dispute(context, reference)
        return msgspec.structs.replace(found, answer_by=datetime.now(UTC))


class TellsOfNobodys(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        lost = DisputeStand(reference=reference, status=DisputeStatus.LOST)
        return self.disputes.get(reference, lost)


class TellsNothing(Answers):
    async def fetch_dispute(  # type: ignore[override]
        self, context: Context, reference: str
    ) -> DisputeStand | None:
        await self.travel(context)
        return None


class TellsOfMore(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        found = await super().fetch_dispute(context, reference)
        return msgspec.structs.replace(found, amount_minor=(found.amount_minor or 0) + 1)


class TellsOfOtherMoney(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        found = await super().fetch_dispute(context, reference)
        return msgspec.structs.replace(found, currency="CHF")


class TellsOfNoMoney(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        found = await super().fetch_dispute(context, reference)
        return msgspec.structs.replace(found, currency=None)


class GivesBackAtOnce(Answers):
    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        found = await super().fetch_dispute(context, reference)
        return msgspec.structs.replace(found, reinstated=True)


class TellsAlone(Answers):
    """Takes no evidence, and says how disputes stand."""

    manifest = msgspec.structs.replace(
        MANIFEST, capabilities=MANIFEST.capabilities | {DISPUTE_STAND}
    )


class AnswersForShow(Answers):
    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        found = await self.fetch_dispute(context, request.reference)
        return msgspec.structs.replace(found, answered=True)


class ForgetsKeys(Answers):
    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        self.taken.clear()
        return await super().submit_evidence(context, request)


class TakesAnybodys(Answers):
    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        if request.reference not in self.disputes:
            status = DisputeStatus.UNDER_REVIEW
            return DisputeStand(reference=request.reference, status=status, answered=True)
        return await super().submit_evidence(context, request)


class TakesSilenceForANo(Answers):
    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        try:
            return await super().submit_evidence(context, request)
        except Exception:
            return EvidenceRefused(code="away", detail="Nobody answers.")


async def checked(kind: type[Answers]) -> dict[str, Check]:
    provider = kind()
    rehearsal = msgspec.structs.replace(rehearsal_of(provider), disputed=provider.opens)
    done = await run_provider_conformance(provider, CONTEXT, rehearsal)
    return {one.name: one for one in done}


async def test_a_sound_one_passes() -> None:
    done = await checked(Answers)
    for check in (*STAND_CHECKS, *DISPUTE_CHECKS):
        assert done[check.__name__].passed, done[check.__name__]
    assert all(one.passed for one in done.values() if one.ran), done


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        (HasNoRoom, "evidence_has_names_and_room", "'why' has room for 0"),
        (TellsOfAnother, "a_dispute_is_told_alike_at_each_look", "told of 'case_1'"),
        (TakesAllForAnswered, "a_dispute_is_told_alike_at_each_look", "waits for an answer"),
        (TellsOtherTimes, "a_dispute_is_told_alike_at_each_look", "and then"),
        (TellsOfNobodys, "a_dispute_that_nobody_has_is_not_told_of", "it tells"),
        (TellsNothing, "a_dispute_is_told_alike_at_each_look", "is not told of"),
        (TellsOfMore, "a_dispute_is_told_with_money_that_was_paid", "told of 901"),
        (TellsOfOtherMoney, "a_dispute_is_told_with_money_that_was_paid", "told in CHF"),
        (TellsOfNoMoney, "a_dispute_is_told_with_money_that_was_paid", "come together"),
        (GivesBackAtOnce, "a_dispute_is_told_with_money_that_was_paid", "never went"),
        (AnswersForShow, "evidence_is_handed_in_and_seen", "answered=False"),
        (ForgetsKeys, "the_same_evidence_key_hands_in_once", "It was answered already"),
        (TakesAnybodys, "evidence_for_no_dispute_is_not_taken", "it tells"),
        (TakesSilenceForANo, "silence_is_unknown", "submit_evidence without an answer"),
        (TakesSilenceForANo, "an_unreachable_provider_is_unknown", "submit_evidence without"),
    ],
)  # fmt: skip
async def test_each_fault_is_named(kind: type[Answers], name: str, word: str) -> None:
    check = (await checked(kind))[name]
    assert check.ran
    assert not check.passed
    assert word in check.detail


async def test_one_that_takes_no_evidence_is_tried_by_what_it_tells() -> None:
    done = await checked(TellsAlone)
    assert all(done[check.__name__].passed for check in STAND_CHECKS), done
    assert not done.keys() & {check.__name__ for check in DISPUTE_CHECKS}


async def test_without_a_buyer_who_disputes_what_needs_one_does_not_run() -> None:
    provider = Answers()
    done = await run_provider_conformance(provider, CONTEXT, rehearsal_of(provider))
    skipped = {one.name for one in done if not one.ran}
    assert {
        "a_dispute_is_told_alike_at_each_look", "a_dispute_is_told_with_money_that_was_paid",
        "evidence_is_handed_in_and_seen",
        "the_same_evidence_key_hands_in_once",
    } <= skipped  # fmt: skip
