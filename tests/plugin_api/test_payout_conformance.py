"""The checks of payouts pass a sound provider and name the fault of each unsound one."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, NOT_FOUND, Specimen, rehearsal_of

from guildbank.plugin_api import (
    PAYOUTS,
    SEND_AGAIN,
    Context,
    Destination,
    DestinationRefused,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
)
from guildbank.plugin_api.conformance import (
    PAYOUT_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)

PAYING = msgspec.structs.replace(
    MANIFEST, capabilities=frozenset({"refund", "partial_refund", "cancel", PAYOUTS})
)
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip
DECLINED = Outcome(status=OutcomeStatus.DECLINED, code="closed")
ASK_BY_SENDING = Outcome(status=OutcomeStatus.UNKNOWN, code=SEND_AGAIN)


class PaysOut(Specimen):
    """Pays each key once, and finds payouts by either name."""

    manifest = PAYING
    by_ours = True

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, Outcome] = {}

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        account = given.get("account")
        if account is None:
            return DestinationRefused(code="no_account", detail="Name one.", field="account")
        return Destination(
            kind="account", label=f".... {account[-4:]}", details={"account": account}
        )

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        if request.details["account"].startswith("closed"):
            said = DECLINED
        else:
            said = Outcome(
                status=OutcomeStatus.PROCESSED, reference=f"po_{request.payout_id}",
                amount_minor=request.amount_minor, currency=request.currency,
            )  # fmt: skip
        return self.sent.setdefault(request.payout_id, said)

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        return self.sent.get(request.payout_id, NOT_FOUND)


class KnowsItsOwnNamesAlone(PaysOut):
    by_ours = False

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        known = self.sent.get(request.payout_id)
        declined = known is not None and known.reference is None
        if reference is None and not declined:
            return ASK_BY_SENDING
        return await super().fetch_payout(context, request, reference)


class ShowsTheAccount(PaysOut):
    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        read = await super().check_destination(context, given)
        whole = given.get("account", "")
        return msgspec.structs.replace(read, label=whole) if isinstance(read, Destination) else read


class TakesAnything(PaysOut):
    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        return await super().check_destination(context, {"account": "none", **given})


class PaysTwice(PaysOut):
    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        before = len(self.sent)
        again = msgspec.structs.replace(request, payout_id=f"{request.payout_id}-{before}")
        said = await super().pay_out(context, again)
        return self.sent.setdefault(request.payout_id, said) if before == 0 else said


class PaysOther(PaysOut):
    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        odd = msgspec.structs.replace(request, amount_minor=request.amount_minor + 1)
        return await super().pay_out(context, odd)


class Forgets(PaysOut):
    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        return NOT_FOUND


class NeverSure(PaysOut):
    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        return self.sent.get(request.payout_id, Outcome(status=OutcomeStatus.UNKNOWN))


class SaysNeverWhereNobodyKnows(KnowsItsOwnNamesAlone):
    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        said = await super().fetch_payout(context, request, reference)
        return NOT_FOUND if said == ASK_BY_SENDING else said


class Wavers(PaysOut):
    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        said = await super().fetch_payout(context, request, reference)
        paid = Outcome(status=OutcomeStatus.PENDING, reference="po_after_all")
        return paid if said == DECLINED else said


async def checked(kind: type[PaysOut]) -> dict[str, Check]:
    provider = kind()
    rehearsal = msgspec.structs.replace(
        rehearsal_of(provider), pays_to={"account": "4711081500"},
        pays_never={"account": "closed-4711"}, payouts_found_by_ours=kind.by_ours,
    )  # fmt: skip
    done = await run_provider_conformance(provider, CONTEXT, rehearsal)
    return {one.name: one for one in done}


@pytest.mark.parametrize("kind", [PaysOut, KnowsItsOwnNamesAlone])
async def test_a_sound_one_passes(kind: type[PaysOut]) -> None:
    done = await checked(kind)
    for check in PAYOUT_CHECKS:
        assert done[check.__name__].passed, done[check.__name__]


FOUND = "a_payout_is_found_with_and_without_its_reference"
NEVER = "an_unknown_payout_was_never_there"


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        (ShowsTheAccount, "a_destination_is_shown_masked", "more than four"),
        (TakesAnything, "a_destination_that_is_none_is_refused", "it takes"),
        (PaysTwice, "the_same_payout_key_pays_once", "two payouts"),
        (PaysOther, "the_same_payout_key_pays_once", "outcome says"),
        (Forgets, FOUND, "fetched with reference"),
        (NeverSure, NEVER, "not_found"),
        (SaysNeverWhereNobodyKnows, NEVER, SEND_AGAIN),
        (SaysNeverWhereNobodyKnows, FOUND, SEND_AGAIN),
        (Wavers, "a_payout_that_is_declined_stays_declined", "expected declined"),
    ],
)
async def test_each_fault_is_named(kind: type[PaysOut], name: str, word: str) -> None:
    check = (await checked(kind))[name]
    assert check.ran
    assert not check.passed
    assert word in check.detail
