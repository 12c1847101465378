"""Whoever keeps a webhook and sends it again a month later is refused, with the reason."""

from collections.abc import Mapping

import msgspec
import pytest
from tests.plugin_api.specimen import Specimen, rehearsal_of
from tests.plugin_api.test_conformance import run

from guildbank.plugin_api import Context, EventKind, ProviderEvent, WebhookRejected

NAME = "an_old_webhook_is_rejected"


class BelievesOldWebhooks(Specimen):
    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        read = await super().read_webhook(context, headers, body)
        if isinstance(read, WebhookRejected) and read.code == "too_old":
            return ProviderEvent(external_id="evt", kind=EventKind.IGNORED)
        return read


class CallsOldWebhooksForged(Specimen):
    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        read = await super().read_webhook(context, headers, body)
        if isinstance(read, WebhookRejected):
            return msgspec.structs.replace(read, code="bad_signature")
        return read


class BelievesNobody(Specimen):
    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        return WebhookRejected(code="too_old", detail="whatever it is")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (BelievesOldWebhooks, "believed a webhook that was signed 30 days ago"),
        (CallsOldWebhooksForged, "is bad_signature, and not too_old"),
        (BelievesNobody, "not believed when it is new"),
    ],
)
async def test_a_provider_that_does_not_look_at_the_time_is_told_so(
    kind: type[Specimen], word: str
) -> None:
    (check,) = [one for one in await run(kind()) if one.name == NAME]
    assert (check.ran, check.passed) == (True, False)
    assert word in check.detail


async def test_a_rehearsal_says_why_no_webhook_is_too_old_or_shows_one() -> None:
    sound = rehearsal_of(Specimen())
    by_mark = {
        "shown": sound,
        "silent": msgspec.structs.replace(sound, webhook=None),
        "said": msgspec.structs.replace(sound, webhook=None, no_old_webhooks="it sends none"),
    }
    told = {}
    for mark, rehearsal in by_mark.items():
        checks = {check.name: check for check in await run(Specimen(), rehearsal)}
        told[mark] = checks[NAME]
    assert [told["shown"].passed, told["silent"].passed, told["said"].passed] == [
        True,
        False,
        False,
    ]
    assert (told["silent"].ran, told["said"].ran) == (True, False)
    assert (told["said"].applies, told["said"].detail) == (False, "it sends none")
