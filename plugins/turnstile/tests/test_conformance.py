"""The contract of captchas holds for Turnstile, whose server is played on loopback."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.servers.turnstile import PAGE, SECRET, TurnstileServer

from guildbank.kernel import Refusal
from guildbank.plugin_api import CaptchaContext, CaptchaResponse, NoAnswer
from guildbank.plugin_api.conformance import CAPTCHA_CHECKS, Check, run_captcha_conformance
from guildbank.plugin_host import Outbound
from guildbank_turnstile.manifest import MANIFEST
from guildbank_turnstile.plugin import PLUGIN

SETTINGS = {"secret_key": SECRET}


def context(server: TurnstileServer) -> CaptchaContext:
    return CaptchaContext(
        tenant="demo",
        mode="test",
        settings=SETTINGS,
        now=datetime(2026, 11, 26, tzinfo=UTC),
        http=Outbound(server.egress(), MANIFEST, SETTINGS),
    )


@pytest.fixture(scope="session")
async def checks() -> dict[str, Check]:
    async with TurnstileServer() as server:

        async def solve(_: CaptchaContext) -> str:
            return server.solve()

        done = await run_captcha_conformance(PLUGIN, context(server), solve)
    return {check.name: check for check in done}


@pytest.mark.parametrize("name", [check.__name__ for check in CAPTCHA_CHECKS])
def test_the_contract_holds(name: str, checks: dict[str, Check]) -> None:
    assert checks[name].passed, checks[name].detail


async def test_a_wrong_secret_key_is_our_trouble_and_no_players() -> None:
    async with TurnstileServer() as server:
        wrong = msgspec.structs.replace(
            context(server), settings={"secret_key": "0x4AAAAAAA-of-somebody-else"}
        )
        given = CaptchaResponse(response=server.solve(), address=None, key="k")
        with pytest.raises(NoAnswer, match="invalid-input-secret"):
            await PLUGIN.verify(wrong, given)


async def test_a_response_of_another_site_does_not_pass() -> None:
    async with TurnstileServer() as server:
        for hosts, passes in (([PAGE], True), (["evil.example"], False), ([], True)):
            here = msgspec.structs.replace(
                context(server), settings={**SETTINGS, "hostnames": hosts}
            )
            given = CaptchaResponse(response=server.solve(), address=None, key="k")
            result = await PLUGIN.verify(here, given)
            assert (result is None) is passes, hosts


async def test_the_clients_address_goes_along_where_it_is_known() -> None:
    async with TurnstileServer() as server:
        for address in ("203.0.113.7", None):
            given = CaptchaResponse(response=server.solve(), address=address, key="k")
            assert await PLUGIN.verify(context(server), given) is None
        assert server.addresses == ["203.0.113.7", None]


async def test_an_error_that_is_nobodys_does_not_pass() -> None:
    async with TurnstileServer() as server:
        given = CaptchaResponse(response="0.solved-999", address=None, key="k")
        assert isinstance(await PLUGIN.verify(context(server), given), Refusal)
