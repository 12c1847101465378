"""The checks of reports pass a sound provider and name the fault of each unsound one."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.plugin_api import (
    Context,
    Outcome,
    PaymentRequest,
    Settlement,
    SettlementKind,
    SettlementPage,
)
from guildbank.plugin_api.conformance import (
    SETTLEMENT_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)

REPORTING = msgspec.structs.replace(
    MANIFEST, capabilities=MANIFEST.capabilities | {"settlements"},
    report_lines=frozenset({"capture", "refund"}),
)  # fmt: skip
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip


class Reporting(Specimen):
    """Reports each capture and each refund on one page."""

    manifest = REPORTING

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, datetime] = {}

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        self.at.setdefault(request.attempt_id, context.now)
        return await super().create_payment(context, request)

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        await self.travel(context)
        captures = [
            _line(SettlementKind.CAPTURE, self.at[id_], one)
            for id_, one in self.payments.items()
            if one.amount_minor
        ]
        refunds = [
            _line(SettlementKind.REFUND, self.at[request.attempt_id], one)
            for request, one in self.refunds.values()
        ]
        return SettlementPage(lines=tuple(captures + refunds))


def _line(kind: SettlementKind, at: datetime, one: Outcome) -> Settlement:
    gross = (one.amount_minor or 0) * (-1 if kind is SettlementKind.REFUND else 1)
    return Settlement(
        transaction=f"line_{one.reference}", kind=kind, at=at, currency=one.currency or "",
        gross_minor=gross, fee_minor=0, net_minor=gross, reference=one.reference,
    )  # fmt: skip


class PromisesRefunds(Reporting):
    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        page = await super().settlements(context, since, until, cursor)
        kept = tuple(one for one in page.lines if one.kind is not SettlementKind.REFUND)
        return SettlementPage(lines=kept)


class HidesRefunds(Reporting):
    manifest = msgspec.structs.replace(REPORTING, report_lines=frozenset({"capture"}))


class LosesCaptures(Reporting):
    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        page = await super().settlements(context, since, until, cursor)
        kept = tuple(one for one in page.lines if one.kind is not SettlementKind.CAPTURE)
        return SettlementPage(lines=kept)


async def run(specimen: Specimen) -> list[Check]:
    wanted = {check.__name__ for check in SETTLEMENT_CHECKS}
    checks = await run_provider_conformance(specimen, CONTEXT, rehearsal_of(specimen))
    return [check for check in checks if check.name in wanted]


async def test_a_sound_provider_passes() -> None:
    checks = await run(Reporting())
    assert len(checks) == len(SETTLEMENT_CHECKS)
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize(
    ("unsound", "name", "problem"),
    [
        (
            PromisesRefunds,
            "a_refund_is_reported_where_the_manifest_says_so",
            "the manifest names refunds in report_lines, and 0 lines report one",
        ),
        (
            HidesRefunds,
            "a_refund_is_reported_where_the_manifest_says_so",
            "the manifest does not name refunds in report_lines, and 1 lines report one",
        ),
        (LosesCaptures, "a_capture_is_reported_with_its_fee", "0 lines report one capture"),
    ],
    ids=["promises-refunds", "hides-refunds", "loses-captures"],
)
async def test_an_unsound_provider_is_told_its_fault(
    unsound: type[Reporting], name: str, problem: str
) -> None:
    (check,) = [one for one in await run(unsound()) if one.ran and not one.passed]
    assert (check.name, check.detail) == (name, problem)
