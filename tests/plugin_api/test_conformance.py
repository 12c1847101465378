"""The conformance suite passes a sound provider and names the fault of each unsound one."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar

import httpx
import msgspec
import pytest
from tests.plugin_api.specimen import (
    MANIFEST,
    NOT_FOUND,
    Specimen,
    StrangeAnswer,
    rehearsal_of,
)

from guildbank.plugin_api import (
    Context,
    EventKind,
    Manifest,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    SettingsMigration,
    Slot,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import (
    Check,
    DirectHttp,
    Rehearsal,
    refund_checks,
    run_provider_conformance,
)

DECLINED = Outcome(status=OutcomeStatus.DECLINED, code="failed")
CONTEXT = Context(
    tenant="demo",
    mode="test",
    settings={"secret": "hush-hush"},
    now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook",
    http=DirectHttp(),
)


class Described(Specimen):
    """Says something wrong of itself."""

    said: ClassVar[Manifest] = MANIFEST

    @property
    def manifest(self) -> Manifest:
        return self.said


def described(**change: object) -> type[Specimen]:
    said = msgspec.structs.replace(MANIFEST, **change)
    return type("Described", (Described,), {"said": said})


class ChargesTwice(Specimen):
    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        earlier = self.payments.pop(request.attempt_id, None)
        made = await super().create_payment(context, request)
        return msgspec.structs.replace(made, reference="took_again") if earlier else made


class ForgetsTheAmount(Specimen):
    def pay(self, request: PaymentRequest) -> Outcome:
        return msgspec.structs.replace(super().pay(request), amount_minor=None)


class ReopensADecline(Specimen):
    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = await super().fetch_payment(context, attempt_id, reference)
        if found.status is OutcomeStatus.DECLINED:
            return msgspec.structs.replace(found, status=OutcomeStatus.PENDING)
        return found


class FindsOnlyByReference(Specimen):
    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = await super().fetch_payment(context, attempt_id, reference)
        return found if reference else NOT_FOUND


class CallsTheUnknownDeclined(Specimen):
    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = await super().fetch_payment(context, attempt_id, reference)
        return DECLINED if found is NOT_FOUND else found


class AsksWithoutSayingWhat(Specimen):
    def pay(self, request: PaymentRequest) -> Outcome:
        return msgspec.structs.replace(super().pay(request), next_action=None)


class NeverSeesThePlayerAct(Specimen):
    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        found = await super().fetch_payment(context, attempt_id, reference)
        return msgspec.structs.replace(found, status=OutcomeStatus.PENDING)


class CancelsForShow(Specimen):
    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        return Outcome(status=OutcomeStatus.CANCELED, reference=reference)


class RefundsTwice(Specimen):
    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        again = msgspec.structs.replace(request, refund_id=f"{len(self.refunds)}")
        return await super().refund(context, again)


class RefundsWithoutLimit(Specimen):
    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        outcome = await super().refund(context, request)
        if outcome.status is OutcomeStatus.DECLINED:
            return Outcome(
                status=OutcomeStatus.PROCESSED,
                reference="more",
                amount_minor=request.amount_minor,
                currency=request.currency,
            )
        return outcome


class RefundsInAnotherCurrency(Specimen):
    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        return msgspec.structs.replace(await super().refund(context, request), currency="USD")


class CallsTheUnknownRefundPending(Specimen):
    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        found = await super().fetch_refund(context, request, reference)
        return Outcome(status=OutcomeStatus.PENDING) if found is NOT_FOUND else found


class BelievesAnyone(Specimen):
    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        return ProviderEvent(external_id="evt", kind=EventKind.IGNORED)


class ChokesOnSignedNonsense(Specimen):
    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        read = await super().read_webhook(context, headers, body)
        if isinstance(read, WebhookRejected) and read.code == "malformed":
            json.loads(body)["id"].upper()
        return read


class TakesSilenceForADecline(Specimen):
    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        try:
            return await super().create_payment(context, request)
        except httpx.TimeoutException:
            return DECLINED


class TakesARefusedConnectionForADecline(Specimen):
    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        try:
            return await super().refund(context, request)
        except httpx.ConnectError:
            return DECLINED


def declining(when):
    """Return a provider that takes some strange answers, or broken ones, for a no."""

    class TakesItForADecline(Specimen):
        async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
            try:
                return await super().create_payment(context, request)
            except (StrangeAnswer, httpx.RemoteProtocolError, TimeoutError) as error:
                if when(error):
                    return DECLINED
                raise

    return TakesItForADecline


def said(error: Exception, status: int) -> bool:
    return isinstance(error, StrangeAnswer) and error.answer.status_code == status


class BelievesWhoeverAnswers(Specimen):
    async def travel(self, context: Context) -> None:
        with suppress(StrangeAnswer):
            await super().travel(context)


class WaitsForTheEndOfAnAnswer(Specimen):
    async def travel(self, context: Context) -> None:
        if "address" in context.settings:
            async with httpx.AsyncClient(timeout=0.5) as client:
                await client.get(context.settings["address"])
                raise RuntimeError("what came was not looked at")


class WaitsForEver(Specimen):
    async def travel(self, context: Context) -> None:
        try:
            await super().travel(context)
        except (TimeoutError, httpx.TimeoutException):
            await asyncio.sleep(60)


class TellsItsSecret(Specimen):
    async def travel(self, context: Context) -> None:
        try:
            await super().travel(context)
        except httpx.HTTPError as error:
            raise RuntimeError(f"no answer for {context.settings['secret']}") from error


async def run(specimen: Specimen, rehearsal: Rehearsal | None = None) -> list[Check]:
    return await run_provider_conformance(specimen, CONTEXT, rehearsal or rehearsal_of(specimen))


async def test_a_sound_provider_passes_every_check() -> None:
    checks = await run(Specimen())
    assert [check for check in checks if not (check.ran and check.passed)] == []


@pytest.mark.parametrize(
    ("unsound", "fault"),
    [
        (described(id="Not An Id"), "the_manifest_is_well_formed"),
        (described(slot=Slot.ENTRY), "the_manifest_is_well_formed"),
        (described(api_min=99, api_max=99), "the_manifest_fits_this_api"),
        (described(settings_schema={"type": "object"}), "the_settings_schema_is_closed"),
        (described(secret_fields=frozenset({"other"})), "secret_fields_are_settings"),
        (described(secrets_go_with=frozenset({"other"})), "secret_fields_are_settings"),
        (described(archived=("id", "payer.*")), "archived_fields_are_names"),
        (described(archived=("payer..name",)), "archived_fields_are_names"),
        (
            described(mode_prefixes={"other": {"live": ("live_",)}}),
            "keys_of_a_mode_are_told_by_how_they_begin",
        ),
        (
            described(mode_prefixes={"secret": {"prod": ("live_",)}}),
            "keys_of_a_mode_are_told_by_how_they_begin",
        ),
        (
            described(mode_prefixes={"secret": {"live": ("k_",), "test": ("k_test_",)}}),
            "keys_of_a_mode_are_told_by_how_they_begin",
        ),
        (described(request_id_header="Set-Cookie"), "the_header_of_request_ids_is_a_name"),
        (described(request_id_header="no name"), "the_header_of_request_ids_is_a_name"),
        (described(state_version=0), "versions_of_state_are_numbers"),
        (described(reads_states=frozenset({1})), "versions_of_state_are_numbers"),
        (
            described(settings_migrations=(SettingsMigration(version="99.0.0"),)),
            "older_settings_lead_to_the_schema",
        ),
        (
            described(
                settings_migrations=(
                    SettingsMigration(version="0.0.1", renamed={"old": "nowhere"}),
                )
            ),
            "older_settings_lead_to_the_schema",
        ),
        (
            described(test_only_settings=frozenset({"other"})),
            "test_only_settings_can_be_left_out",
        ),
        (
            described(test_only_settings=frozenset(MANIFEST.settings_schema["required"])),
            "test_only_settings_can_be_left_out",
        ),
        (
            described(settings_schema={**MANIFEST.settings_schema, "required": ["account"]}),
            "the_settings_fit_the_schema",
        ),
        (ForgetsTheAmount, "a_good_payment_is_processed"),
        (ChargesTwice, "the_same_key_charges_once"),
        (ReopensADecline, "a_declined_payment_is_declined"),
        (FindsOnlyByReference, "fetch_agrees_by_reference_and_by_attempt"),
        (CallsTheUnknownDeclined, "an_unknown_attempt_was_never_there"),
        (AsksWithoutSayingWhat, "an_open_payment_says_what_the_player_must_do"),
        (NeverSeesThePlayerAct, "a_completed_action_is_processed"),
        (CancelsForShow, "a_canceled_payment_stays_canceled"),
        (CancelsForShow, "a_captured_payment_cannot_be_canceled"),
        (RefundsTwice, "the_same_refund_key_pays_once"),
        (RefundsTwice, "a_refund_is_found_with_and_without_its_reference"),
        (RefundsWithoutLimit, "no_more_is_refunded_than_was_captured"),
        (RefundsInAnotherCurrency, "a_part_is_refunded"),
        (CallsTheUnknownRefundPending, "an_unknown_refund_was_never_there"),
        (BelievesAnyone, "an_unsigned_webhook_is_rejected"),
        (BelievesAnyone, "a_forged_signature_is_rejected"),
        (BelievesAnyone, "a_signature_covers_the_whole_body"),
        (ChokesOnSignedNonsense, "signed_nonsense_is_rejected"),
        (declining(lambda error: said(error, 503)), "server_errors_are_unknown"),
        (declining(lambda error: said(error, 429)), "being_told_to_wait_is_unknown"),
        (BelievesWhoeverAnswers, "rubbish_is_unknown"),
        (declining(lambda error: said(error, 200)), "rubbish_is_unknown"),
        (
            declining(lambda error: isinstance(error, httpx.RemoteProtocolError)),
            "a_cut_answer_is_unknown",
        ),
        (declining(lambda error: isinstance(error, TimeoutError)), "a_late_answer_is_unknown"),
        (WaitsForTheEndOfAnAnswer, "a_late_answer_is_unknown"),
        (
            declining(lambda error: said(error, 200) and len(error.answer.content) > 10**6),
            "a_huge_answer_is_unknown",
        ),
        (TakesSilenceForADecline, "silence_is_unknown"),
        (WaitsForEver, "silence_is_unknown"),
        (TakesARefusedConnectionForADecline, "an_unreachable_provider_is_unknown"),
        (TellsItsSecret, "no_secret_is_shown"),
    ],
)
async def test_an_unsound_provider_is_told_its_fault(unsound: type[Specimen], fault: str) -> None:
    failed = {check.name: check for check in await run(unsound()) if not check.passed}
    assert fault in failed
    assert failed[fault].ran
    assert failed[fault].detail
    assert not any("hush-hush" in check.detail for check in failed.values())


async def test_a_check_that_lacks_what_it_needs_has_not_passed() -> None:
    checks = await run(Specimen(), Rehearsal(pays="pays"))
    skipped = {check.name for check in checks if not check.ran}
    assert {"a_declined_payment_is_declined", "silence_is_unknown"} <= skipped
    assert not any(check.passed for check in checks if not check.ran)


async def test_a_store_that_gives_nothing_back_is_asked_for_no_refund() -> None:
    of_refunds = {check.__name__ for check in refund_checks.CHECKS}
    none = described(sold_by_store=True, capabilities=frozenset())
    assert {one.name for one in await run(none()) if not one.ran} >= of_refunds
    for asked in (
        described(capabilities=frozenset()),
        described(sold_by_store=True, capabilities=frozenset({"refund", "partial_refund"})),
    ):
        ran = {one.name for one in await run(asked()) if one.ran}
        assert ran >= of_refunds
