"""The checks of polled providers pass a sound one and name the fault of each unsound one."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Context,
    EventKind,
    Outcome,
    ProviderEvent,
    ReportPage,
    Slot,
)
from guildbank.plugin_api.conformance import (
    REPORT_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)
from guildbank.plugin_api.runner import verbs_of

POLLED = msgspec.structs.replace(
    MANIFEST, capabilities=frozenset({"refund", "partial_refund", "cancel", "reports"})
)
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip


class Polled(Specimen):
    """Tells of what was given back, two lines a page."""

    manifest = POLLED

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[ProviderEvent] = []

    async def reverse(self, context: Context, made: Outcome) -> None:
        self.lines.append(
            ProviderEvent(
                external_id=f"line_{len(self.lines)}", kind=EventKind.REFUND,
                payment_reference=made.reference, refund_reference=f"back_{len(self.lines)}",
            )
        )  # fmt: skip

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        begin = int(cursor or 0)
        end = min(begin + 2, len(self.lines))
        lines = tuple(self.lines[begin:end])
        return ReportPage(events=lines, cursor=str(end), more=end < len(self.lines))


class TellsNothing(Polled):
    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        return ReportPage(events=(), cursor="0")


class TellsOfNobodyS(Polled):
    async def reverse(self, context: Context, made: Outcome) -> None:
        await super().reverse(context, msgspec.structs.replace(made, reference="another"))


class NamesThemAnew(Polled):
    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        page = await super().report(context, since, cursor)
        events = [msgspec.structs.replace(one, external_id=new_id("x")) for one in page.events]
        return msgspec.structs.replace(page, events=tuple(events))


class StandsStill(Polled):
    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        page = await super().report(context, since, None)
        return msgspec.structs.replace(page, cursor="0", more=True)


class SkipsAhead(Polled):
    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        page = await super().report(context, since, cursor)
        return msgspec.structs.replace(page, cursor=str(int(page.cursor) + 1))


class WritesALongCursor(Polled):
    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        page = await super().report(context, since, None)
        return msgspec.structs.replace(page, cursor="0" * 300)


async def checked(kind: type[Polled]) -> dict[str, Check]:
    provider = kind()
    rehearsal = msgspec.structs.replace(rehearsal_of(provider), reverse=provider.reverse)
    done = await run_provider_conformance(provider, CONTEXT, rehearsal)
    return {one.name: one for one in done}


async def test_a_sound_one_passes() -> None:
    done = await checked(Polled)
    for check in REPORT_CHECKS:
        assert done[check.__name__].passed, done[check.__name__]


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        (TellsNothing, "a_payment_given_back_is_reported", "told of by"),
        (TellsOfNobodyS, "a_payment_given_back_is_reported", "told of by"),
        (NamesThemAnew, "a_report_goes_on_where_it_was", "told no more"),
        (StandsStill, "a_report_goes_on_where_it_was", "stands still"),
        (SkipsAhead, "a_report_goes_on_where_it_was", "not told from there on"),
        (WritesALongCursor, "a_payment_given_back_is_reported", "300 characters"),
    ],
)
async def test_each_fault_is_named(kind: type[Polled], name: str, word: str) -> None:
    check = (await checked(kind))[name]
    assert check.ran
    assert not check.passed
    assert word in check.detail


async def test_a_page_goes_through_a_plugin_s_wall_as_it_is() -> None:
    event = ProviderEvent(
        external_id="1", kind=EventKind.DISPUTE_LOST, dispute_reference="d", amount_minor=499,
        currency="EUR", won=False,
    )  # fmt: skip
    page = ReportPage(events=(event,), cursor="9", more=True)
    verb = verbs_of(Slot.PROVIDER)["report"]
    kind = verb.kind_of(page)
    assert kind == "ReportPage"
    assert verb.unpack(kind, msgspec.Raw(msgspec.msgpack.encode(page))) == page
    since = msgspec.msgpack.encode(CONTEXT.now)
    assert msgspec.msgpack.decode(since, type=verb.arguments[0]) == CONTEXT.now
