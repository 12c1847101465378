"""The contract of identity providers holds, for `oidc` at a server that no one here wrote."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey
from tests.servers.impostor import Impostor, json_page
from tests.servers.oidc_provider import REDIRECT_URI, SECRET, OidcProvider

from guildbank.infra.egress import Egress
from guildbank.plugin_api import Begun, IdentityProvider, SignInContext
from guildbank.plugin_api.conformance import (
    IDENTITY_CHECKS,
    Check,
    IdentityRehearsal,
    run_identity_conformance,
)
from guildbank.plugin_host import Outbound
from guildbank_oidc import apple, discord, facebook, google, play_games
from guildbank_oidc.issuer import MANIFEST
from guildbank_oidc.openid import OpenIdProvider

PLAIN = {"client_id": "12345", "client_secret": "the-client's-secret"}
PRESETS: dict[str, tuple[IdentityProvider, dict[str, Any]]] = {
    "google": (google.PLUGIN, PLAIN),
    "apple": (
        apple.PLUGIN,
        {
            "client_id": "com.example.web",
            "team_id": "ABCDE12345",
            "key_id": "KEY1234567",
            "private_key": ECKey.generate_key("P-256").as_pem(private=True).decode(),
        },
    ),
    "discord": (discord.PLUGIN, PLAIN),
    "facebook": (facebook.PLUGIN, PLAIN),
    "play-games": (play_games.PLUGIN, {**PLAIN, "application_id": "987"}),
}
NEEDS_A_TOKEN_OF_AN_APP = "the rehearsal makes no sound assertion"


@pytest.fixture(scope="session")
async def checks(server: OidcProvider) -> dict[str, Check]:
    async def sign_in(begun: Begun) -> Mapping[str, str]:
        return await asyncio.to_thread(server.sign_in, begun.url, "ann")

    settings = {"issuer": server.issuer, "client_id": "game", "client_secret": SECRET}
    context = SignInContext(
        tenant="demo",
        mode="test",
        settings=settings,
        now=datetime.now(UTC),
        redirect_uri=REDIRECT_URI,
        http=Outbound(Egress(private=True), MANIFEST, settings),
    )
    rehearsal = IdentityRehearsal(sign_in=sign_in)
    done = await run_identity_conformance(OpenIdProvider(MANIFEST), context, rehearsal)
    return {check.name: check for check in done}


@pytest.mark.parametrize("name", [check.__name__ for check in IDENTITY_CHECKS])
def test_the_contract_holds_at_a_real_server(name: str, checks: dict[str, Check]) -> None:
    check = checks[name]
    assert check.passed or check.detail == NEEDS_A_TOKEN_OF_AN_APP, check.detail


@pytest.mark.parametrize("preset", PRESETS)
async def test_no_preset_fails_a_check_that_needs_no_person(preset: str) -> None:
    plugin, settings = PRESETS[preset]
    hosts = plugin.manifest.egress_hosts
    async with Impostor(*hosts) as server:
        server.on(
            "/.well-known/openid-configuration",
            lambda asked: json_page(
                200,
                {
                    "issuer": (issuer := f"https://{asked.headers['host'].partition(':')[0]}"),
                    "authorization_endpoint": f"{issuer}/auth",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                },
            ),
        )
        context = SignInContext(
            tenant="demo",
            mode="test",
            settings=settings,
            now=datetime.now(UTC),
            redirect_uri=REDIRECT_URI,
            http=Outbound(server.egress(), plugin.manifest, settings),
        )
        done = await run_identity_conformance(plugin, context, IdentityRehearsal())
    assert [check for check in done if check.ran and not check.passed] == []
    assert sum(check.passed for check in done) >= 9
