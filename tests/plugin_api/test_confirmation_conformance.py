"""The checks of providers that take somebody's word pass a sound one and no other."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.plugin_api import (
    Confirmation,
    Context,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
)
from guildbank.plugin_api.conformance import Check, DirectHttp, run_provider_conformance

EITHER = msgspec.structs.replace(MANIFEST, confirmed_by="either")
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip
CHECK = "the_other_ones_word_takes_no_money"


def code_of(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    return {"word": request.attempt_id}


class Sound(Specimen):
    """Takes a buyer's word; an operator's it does not."""

    manifest = EITHER

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        if given.by == "operator":
            return NotConfirmed(code="not_you", detail="Buyers confirm.")
        return self.paid(given)

    def paid(self, given: Confirmation) -> Outcome | NotConfirmed:
        if given.data.get("word") != given.request.attempt_id:
            return NotConfirmed(code="wrong", detail="That is not the word.")
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=given.request.attempt_id,
            amount_minor=given.request.amount_minor,
            currency=given.request.currency,
        )


class TakesAnybodysWord(Sound):
    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        return self.paid(given)


class LeavesItToAnOperator(Sound):
    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        if given.by == "buyer":
            return Outcome(status=OutcomeStatus.PENDING, reference=given.reference)
        return self.paid(given)


async def checked(provider: Specimen, confirms_as: str = "buyer") -> dict[str, Check]:
    rehearsal = msgspec.structs.replace(
        rehearsal_of(provider), confirms=code_of, confirms_as=confirms_as
    )
    done = await run_provider_conformance(provider, CONTEXT, rehearsal)
    return {check.name: check for check in done}


@pytest.mark.parametrize(
    ("provider", "confirms_as"), [(Sound(), "buyer"), (LeavesItToAnOperator(), "operator")],
    ids=["buyer", "operator"],
)  # fmt: skip
async def test_a_sound_one_passes(provider: Specimen, confirms_as: str) -> None:
    done = await checked(provider, confirms_as)
    assert done[CHECK].passed, done[CHECK].detail
    assert done["the_same_data_confirm_the_same"].passed


async def test_one_that_takes_anybodys_word_does_not() -> None:
    found = (await checked(TakesAnybodysWord()))[CHECK]
    assert not found.passed
    assert "by the operator" in found.detail


async def test_one_whose_manifest_names_the_buyer_is_not_asked() -> None:
    class OfBuyers(Sound):
        manifest = msgspec.structs.replace(MANIFEST, confirmed_by="buyer")

    assert CHECK not in await checked(OfBuyers())
