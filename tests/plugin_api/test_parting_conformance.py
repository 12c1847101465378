"""Whoever drains or closes is held to it: each ends in time, says nothing, and may come again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.plugin_api import test_callback_conformance as callbacks
from tests.plugin_api import test_captcha_conformance as captchas
from tests.plugin_api import test_charge_conformance as charges
from tests.plugin_api import test_conformance as providers
from tests.plugin_api import test_identity_conformance as identities
from tests.plugin_api import test_scorer_conformance as scorers
from tests.plugin_api.gatekeeper import UNSPOKEN, Gatekeeper, context
from tests.plugin_api.newcomer import Newcomer
from tests.plugin_api.specimen import Specimen

from guildbank.plugin_api import CaptchaContext
from guildbank.plugin_api.conformance import (
    Check,
    lifecycle_checks,
    run_callback_conformance,
    run_captcha_conformance,
    run_charge_conformance,
    run_gate_conformance,
    run_scorer_conformance,
)

ENDS = "it_drains_and_closes_and_again"


class Parting(Gatekeeper):
    """A gate that lets go of what it holds, however often it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    async def drain(self) -> None:
        self.told.append("drain")

    async def close(self) -> None:
        self.told.append("close")


class HangsInDrain(Parting):
    async def drain(self) -> None:
        await asyncio.Event().wait()


class DoesNotLeave(Parting):
    async def close(self) -> None:
        while True:
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                if len(self.told) > 1:
                    raise
                self.told.append("stays")


class ClosesOnce(Parting):
    async def close(self) -> None:
        if "close" in self.told:
            raise RuntimeError("closed already")
        self.told.append("close")


class SaysSomething(Parting):
    async def drain(self) -> None:
        return True  # type: ignore[return-value]


class TellsASecret(Parting):
    async def close(self) -> None:
        raise RuntimeError(f"no goodbye to {UNSPOKEN}")


async def told(gate: Gatekeeper) -> Mapping[str, Check]:
    checks = await run_gate_conformance(gate, context())
    assert UNSPOKEN not in str(checks)
    return {check.name: check for check in checks}


async def test_a_gate_that_drains_and_closes_is_asked_to_after_all_else_and_passes() -> None:
    gate = Parting()
    checks = await told(gate)
    assert checks[ENDS].passed, checks[ENDS].detail
    assert gate.told == ["drain", "close"] * 2
    assert list(checks)[-2:] == [ENDS, "no_secret_is_shown"]
    assert ENDS not in await told(Gatekeeper())


@pytest.mark.parametrize(
    ("unsound", "said"),
    [
        (HangsInDrain, "drain did not come to an end within 0.1 seconds"),
        (DoesNotLeave, "close did not come to an end within 0.1 seconds"),
        (ClosesOnce, "close raised RuntimeError"),
        (SaysSomething, "drain returned bool, and nothing is expected of it"),
        (TellsASecret, "close raised RuntimeError"),
    ],
    ids=["hangs", "does-not-leave", "closes-once", "says-something", "tells-a-secret"],
)
async def test_one_that_ends_badly_is_found(
    unsound: type[Parting], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle_checks, "PARTING", (("drain", 0.1), ("close", 0.1)))
    check = (await told(unsound()))[ENDS]
    assert (check.ran, check.passed, check.detail) == (True, False, said)


async def test_a_secret_that_is_told_at_the_end_is_found() -> None:
    assert not (await told(TellsASecret()))["no_secret_is_shown"].passed


class Stubborn:
    """What a plugin of any slot is besides, so that it ends but once."""

    ended = 0

    async def close(self) -> None:
        self.ended += 1
        if self.ended == 2:
            raise RuntimeError("closed already")


def stubborn(sound: type[Any]) -> Any:
    return type("StubbornOne", (Stubborn, sound), {})()


async def provider() -> list[Check]:
    return await providers.run(stubborn(Specimen))


async def identity() -> list[Check]:
    return await identities.run(stubborn(Newcomer))


async def captcha() -> list[Check]:
    given = CaptchaContext(
        tenant="demo", mode="test", settings={"secret": captchas.SECRET},
        now=datetime(2026, 11, 26, tzinfo=UTC), http=captchas.Network(),
    )  # fmt: skip
    return await run_captcha_conformance(stubborn(captchas.Specimen), given)


async def callback() -> list[Check]:
    return await run_callback_conformance(stubborn(callbacks.Teller), context())


async def scorer() -> list[Check]:
    return await run_scorer_conformance(stubborn(scorers.Weigher), context())


async def charge() -> list[Check]:
    return await run_charge_conformance(stubborn(charges.Taxman), context())


@pytest.mark.parametrize("run", [provider, identity, captcha, callback, scorer, charge])
async def test_in_every_slot_it_is_asked_last_but_for_what_was_said(
    run: Callable[[], Awaitable[list[Check]]],
) -> None:
    *_, ends, said = await run()
    assert (ends.name, ends.detail) == (ENDS, "close raised RuntimeError")
    assert said.name == "no_secret_is_shown"
