"""The check of providers that are told of what is credited passes a sound one and no other."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.plugin_api import Context, Outcome, OutcomeStatus, Slot
from guildbank.plugin_api.conformance import Check, DirectHttp, run_provider_conformance
from guildbank.plugin_api.runner import verbs_of

WAITING = msgspec.structs.replace(
    MANIFEST, capabilities=frozenset({"refund", "partial_refund", "cancel", "finish"})
)
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip


class Waiting(Specimen):
    """Hears what is credited, as often as it is told."""

    manifest = WAITING

    def __init__(self) -> None:
        super().__init__()
        self.finished: list[str] = []

    async def finish_payment(self, context: Context, reference: str) -> None:
        self.finished.append(reference)


class HearsOnce(Waiting):
    async def finish_payment(self, context: Context, reference: str) -> None:
        await super().finish_payment(context, reference)
        if len(self.finished) > 1:
            raise LookupError("that was finished before")


class ForgetsWhatItFinished(Waiting):
    async def finish_payment(self, context: Context, reference: str) -> None:
        gone = Outcome(status=OutcomeStatus.CANCELED, code="not_found")
        self.payments = dict.fromkeys(self.payments, gone)


async def checked(kind: type[Specimen]) -> Check:
    provider = kind()
    done = await run_provider_conformance(provider, CONTEXT, rehearsal_of(provider))
    found = [one for one in done if one.name == "a_payment_is_finished_as_often_as_asked"]
    assert len(found) == 1
    return found[0]


async def test_a_sound_one_passes() -> None:
    assert (await checked(Waiting)).passed


@pytest.mark.parametrize(
    ("kind", "word"),
    [(HearsOnce, "finished before"), (ForgetsWhatItFinished, "expected processed")],
)
async def test_each_fault_is_named(kind: type[Waiting], word: str) -> None:
    check = await checked(kind)
    assert not check.passed
    assert word in check.detail


async def test_nothing_goes_through_a_plugin_s_wall_as_nothing() -> None:
    verb = verbs_of(Slot.PROVIDER)["finish_payment"]
    kind = verb.kind_of(None)
    assert kind is not None
    assert verb.unpack(kind, msgspec.Raw(msgspec.msgpack.encode(None))) is None
