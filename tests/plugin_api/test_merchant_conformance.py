"""The checks of what says whose account a provider's is pass a sound one and no other."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.plugin_api import MERCHANT, Context, Merchant, Slot
from guildbank.plugin_api.conformance import (
    MERCHANT_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)
from guildbank.plugin_api.runner import verbs_of

NAMING = msgspec.structs.replace(
    MANIFEST,
    capabilities=MANIFEST.capabilities | {MERCHANT},
    account_settings=frozenset({"address"}),
)
SECRET = "hush-hush"
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": SECRET}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip
SAME = "credentials_are_of_the_same_merchant_each_time"
AWAY = "nobody_away_names_a_merchant"
PLAIN = "account_settings_are_plain_settings"


class Naming(Specimen):
    """Says whose it is, once its own server said so."""

    manifest = NAMING
    names: tuple[str, ...] = ("acct_1",)

    async def merchant(self, context: Context) -> Merchant:
        if not isinstance(context.http, DirectHttp):
            answer = await context.http.send("GET", "https://specimen.example/account")
            if answer.status != 200:
                raise ConnectionError("no account answered")
        return Merchant(names=self.names)


class SaysNothing(Naming):
    names = ()


class TellsItsSecret(Naming):
    names = (f"key {SECRET}",)


class SaysTooMuch(Naming):
    names = ("x" * 201,)


class SaysAnotherEachTime(Naming):
    async def merchant(self, context: Context) -> Merchant:
        self.names = (f"{self.names[0]}1",)
        return await super().merchant(context)


class KnowsWithoutAsking(Naming):
    async def merchant(self, context: Context) -> Merchant:
        try:
            return await super().merchant(context)
        except Exception:
            return Merchant(names=self.names)


class CallsASecretItsPlace(Naming):
    manifest = msgspec.structs.replace(NAMING, account_settings=frozenset({"secret"}))


class CallsNothingItsPlace(Naming):
    manifest = msgspec.structs.replace(NAMING, account_settings=frozenset({"house"}))


async def checked(kind: type[Specimen]) -> Mapping[str, Check]:
    provider = kind()
    done = await run_provider_conformance(provider, CONTEXT, rehearsal_of(provider))
    return {one.name: one for one in done}


async def test_a_sound_one_passes_every_check() -> None:
    checks = await checked(Naming)
    assert {check.__name__ for check in MERCHANT_CHECKS} == {SAME, AWAY}
    assert all(checks[name].passed for name in (SAME, AWAY, PLAIN))


async def test_one_that_names_nobody_is_not_asked() -> None:
    checks = await checked(Specimen)
    assert not {SAME, AWAY} & checks.keys()
    assert checks[PLAIN].passed


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        (SaysNothing, SAME, "gave 0 names"),
        (TellsItsSecret, SAME, "a name holds a secret"),
        (SaysTooMuch, SAME, "no word of at most 200"),
        (SaysAnotherEachTime, SAME, "said Merchant"),
        (KnowsWithoutAsking, AWAY, "merchant returned Merchant"),
        (CallsASecretItsPlace, PLAIN, "'secret', which is a secret"),
        (CallsNothingItsPlace, PLAIN, "'house', which is no setting"),
    ],
    ids=["nothing", "secret", "long", "changing", "unasked", "secret-place", "no-place"],
)
async def test_each_fault_is_named(kind: type[Naming], name: str, words: str) -> None:
    check = (await checked(kind))[name]
    assert check.ran
    assert not check.passed
    assert words in check.detail


def test_a_merchant_goes_through_a_plugin_s_wall() -> None:
    verb = verbs_of(Slot.PROVIDER)["merchant"]
    said: Any = Merchant(names=("acct_1", "acct_2"))
    kind = verb.kind_of(said)
    assert kind is not None
    assert verb.unpack(kind, msgspec.Raw(msgspec.msgpack.encode(said))) == said
