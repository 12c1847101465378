"""A store begins payments without a call, and meets wrong servers by the calls that it makes."""

from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, StrangeAnswer, rehearsal_of

from guildbank.plugin_api import (
    Confirmation,
    Context,
    NextAction,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ReportPage,
)
from guildbank.plugin_api.conformance import (
    FAULT_CHECKS,
    Check,
    Rehearsal,
    run_provider_conformance,
)
from guildbank.plugin_api.http import Http, HttpAnswer, Method, NoAnswer

ADDRESS = "http://store.example/"
STORE = msgspec.structs.replace(
    MANIFEST,
    sold_by_store=True,
    confirmed_by="buyer",
    capabilities=frozenset({"finish", "reports"}),
    egress_hosts=("store.example",),
)
WRONG = [*(check.__name__ for check in FAULT_CHECKS), "silence_is_unknown"]


class Here:
    """The network in which the store is."""

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        return HttpAnswer(status=200, headers={}, body=b"ok")


class Shop(Specimen):
    """Calls when it is told of a purchase, and for what becomes of one."""

    manifest = STORE

    async def travel(self, context: Context) -> None:
        answer = await context.http.send("GET", context.settings.get("address", ADDRESS))
        if answer.status != 200 or answer.body != b"ok":
            raise StrangeAnswer(httpx.Response(answer.status, content=answer.body))

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        action = NextAction(kind="shop", details={"product": "gems"})
        made = Outcome(status=OutcomeStatus.PENDING, reference="r", next_action=action)
        return self.payments.setdefault(request.attempt_id, made)

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        await self.travel(context)
        self.payments[given.request.attempt_id] = self.pay(given.request)
        return self.pay(given.request)

    async def finish_payment(self, context: Context, reference: str) -> None:
        await self.travel(context)

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        await self.travel(context)
        return ReportPage(events=(), cursor="1", more=False)


class TakesAnErrorForANo(Shop):
    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        try:
            return await super().confirm(context, given)
        except StrangeAnswer:
            return NotConfirmed(code="unknown_purchase", detail="There is no such purchase.")


class TakesSilenceForTheEnd(Shop):
    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        try:
            return await super().report(context, since, cursor)
        except NoAnswer:
            return ReportPage(events=(), cursor=cursor or "", more=False)


class ThinksItWasHeard(Shop):
    async def finish_payment(self, context: Context, reference: str) -> None:
        try:
            await super().finish_payment(context, reference)
        except (StrangeAnswer, NoAnswer):
            return


class CallsWhatItPaidGone(Shop):
    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        try:
            return await super().fetch_payment(context, attempt_id, reference)
        except StrangeAnswer:
            return Outcome(status=OutcomeStatus.CANCELED, code="not_found")


async def run(shop: Shop, **change: object) -> dict[str, Check]:
    http: Http = Here()
    context = Context(
        tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
        webhook_url="http://127.0.0.1/hook", http=http,
    )  # fmt: skip
    sound = rehearsal_of(shop)
    rehearsal = Rehearsal(
        pays="pays", confirms=lambda context, request: {"transaction": "1"},
        redirected=sound.redirected, webhook=sound.webhook,
    )  # fmt: skip
    rehearsal = msgspec.structs.replace(rehearsal, **change)
    return {one.name: one for one in await run_provider_conformance(shop, context, rehearsal)}


async def test_a_sound_store_passes_at_every_wrong_server() -> None:
    told = await run(Shop())
    assert [told[name] for name in WRONG if not told[name].passed] == []


@pytest.mark.parametrize(
    ("shop", "fault", "call"),
    [
        (TakesAnErrorForANo, "server_errors_are_unknown", "confirm"),
        (TakesSilenceForTheEnd, "silence_is_unknown", "report"),
        (TakesSilenceForTheEnd, "a_huge_answer_is_unknown", "report"),
        (ThinksItWasHeard, "a_cut_answer_is_unknown", "finish"),
        (CallsWhatItPaidGone, "being_told_to_wait_is_unknown", "fetch_payment"),
    ],
)
async def test_a_store_that_takes_a_wrong_server_at_its_word_is_told_by_which_call(
    shop: type[Shop], fault: str, call: str
) -> None:
    check = (await run(shop()))[fault]
    assert (check.ran, check.passed) == (True, False)
    assert call in check.detail


async def test_of_who_names_hosts_and_is_led_nowhere_nothing_is_shown() -> None:
    told = await run(Shop(), redirected=None)
    assert {(told[name].ran, told[name].applies) for name in WRONG} == {(False, True)}


async def test_of_who_names_no_host_wrong_servers_do_not_apply() -> None:
    class CallsNobody(Shop):
        manifest = msgspec.structs.replace(STORE, egress_hosts=())

    told = await run(CallsNobody(), redirected=None)
    assert {(told[name].ran, told[name].applies) for name in WRONG} == {(False, False)}
    assert {told[name].detail for name in WRONG} == {
        "the manifest names no host: the provider calls nobody"
    }
