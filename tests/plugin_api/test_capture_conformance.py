"""The checks of providers whose money our own call takes pass a sound one and no other."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, NOT_FOUND, Specimen, rehearsal_of

from guildbank.plugin_api import CAPTURE, Context, Outcome, OutcomeStatus, PaymentRequest
from guildbank.plugin_api.conformance import (
    CAPTURE_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)

TAKING = msgspec.structs.replace(MANIFEST, capabilities=MANIFEST.capabilities | {CAPTURE})
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip
FIRST = "nothing_is_taken_before_it_is_captured"
LAST = "what_is_canceled_is_not_captured"


class Taking(Specimen):
    """Leaves what is approved to be captured."""

    manifest = TAKING

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, PaymentRequest] = {}

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        self.asked[request.attempt_id] = request
        return await super().create_payment(context, request)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = await super().fetch_payment(context, attempt_id, reference)
        if found.status is OutcomeStatus.PENDING:
            return msgspec.structs.replace(found, approved=True, next_action=None)
        return found

    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = self.payments.get(attempt_id, NOT_FOUND)
        if found.status is OutcomeStatus.PENDING:
            request = self.asked[attempt_id]
            found = Outcome(
                status=OutcomeStatus.PROCESSED, reference=found.reference,
                amount_minor=request.amount_minor, currency=request.currency,
            )  # fmt: skip
            self.payments[attempt_id] = found
        return found


class TakesAtALook(Taking):
    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = await super().fetch_payment(context, attempt_id, reference)
        if not found.approved:
            return found
        return await self.capture_payment(context, attempt_id, reference)


class TakesOnce(Taking):
    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        if self.payments[attempt_id].status is OutcomeStatus.PROCESSED:
            raise LookupError("that was taken before")
        return await super().capture_payment(context, attempt_id, reference)


class TakesWhatIsCanceled(Taking):
    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        if self.payments[attempt_id].status is OutcomeStatus.CANCELED:
            again = Outcome(status=OutcomeStatus.PENDING, reference=reference)
            self.payments[attempt_id] = again
        return await super().capture_payment(context, attempt_id, reference)


async def checked(kind: type[Specimen]) -> Mapping[str, Check]:
    provider = kind()
    rehearsal = rehearsal_of(provider)

    async def nothing(context: Context, outcome: Outcome) -> None:
        """Approving is all that the player does, and the specimen sees it at the next look."""

    waits = rehearsal.needs_action
    assert waits is not None
    by_action = msgspec.structs.replace(
        rehearsal, pays=waits, pays_by_action=True, complete_action=nothing
    )
    done = await run_provider_conformance(provider, CONTEXT, by_action)
    return {one.name: one for one in done}


async def test_a_sound_one_passes_and_others_are_not_asked() -> None:
    checks = await checked(Taking)
    assert {check.__name__ for check in CAPTURE_CHECKS} == {FIRST, LAST}
    assert [checks[name] for name in (FIRST, LAST) if not checks[name].passed] == []
    assert not {FIRST, LAST} & (await checked(Specimen)).keys()


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        (TakesAtALook, FIRST, "expected pending and approved"),
        (TakesOnce, FIRST, "taken before"),
        (TakesWhatIsCanceled, LAST, "was captured"),
    ],
    ids=["at-a-look", "once", "canceled"],
)
async def test_each_fault_is_named(kind: type[Taking], name: str, words: str) -> None:
    check = (await checked(kind))[name]
    assert check.ran
    assert not check.passed
    assert words in check.detail
