"""Players come in by a newer version of a plugin, by the settings that an older one took."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from tests.house import House
from tests.identity.abroad import Game, assertion, done, open_game, refused
from tests.identity.mirror import MANIFEST, Mirror
from tests.identity.test_protection import code, guarded, sign_up
from tests.servers.turnstile import TurnstileServer

from guildbank.identity.usecases.limit_versions import limit_versions
from guildbank.identity.usecases.protection.keep import (
    WantedCaptcha,
    get_protection,
    set_protection,
)
from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    CaptchaContext,
    CaptchaResponse,
    Manifest,
    SettingsMigration,
    SignInContext,
    Verified,
)
from guildbank.plugin_host import Plugins
from guildbank_turnstile.manifest import MANIFEST as TURNSTILE
from guildbank_turnstile.plugin import Turnstile

STEPS = (
    SettingsMigration(
        version="2.0.0",
        renamed={"client_id": "app", "client_secret": "word"},
        added={"region": "eu"},
    ),
)
NEWER = msgspec.structs.replace(
    MANIFEST,
    version="2.0.0",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["app", "region"],
        "properties": {
            "app": {"type": "string"}, "region": {"enum": ["eu", "us"]},
            "word": {"type": "string"}, "other_secret": {"type": "string"},
        },
    },
    secret_fields=frozenset({"word", "other_secret"}),
    settings_migrations=STEPS,
)  # fmt: skip
NO_STEPS = msgspec.structs.replace(NEWER, settings_migrations=())
GIVEN = {"app": "game", "word": "shh-quiet", "region": "eu"}
NUMBERS = iter(range(1_000))


class Newer(Mirror):
    """The mirror in another version, which vouches for nobody by other settings."""

    def __init__(self, manifest: Manifest = NEWER) -> None:
        self._manifest = manifest

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        assert context.settings == GIVEN
        settings = {"client_secret": context.settings["word"]}
        return await super().verify(msgspec.structs.replace(context, settings=settings), assertion)


@pytest.fixture
async def game(house: House) -> AsyncIterator[Game]:
    async with open_game(house, f"versions-{next(NUMBERS)}") as game:
        yield game


@asynccontextmanager
async def upgraded(game: Game, manifest: Manifest = NEWER) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the game by a worker that has the other version."""
    worker = game.house.another(clock=game.clock)
    app = game.house.app(worker, Plugins([("mirror", Newer(manifest))]))
    async with game.house.client(app, game.server.headers["authorization"].split()[1]) as there:
        there.headers["x-guildbank-key"] = game.key
        yield there
    await worker.close()


async def limits(game: Game, manifest: Manifest) -> list[str]:
    external = game.house.external(game.identity)
    services = SimpleNamespace(db=game.house.db, external=external, identity=game.identity)
    return await limit_versions(services, game.tenant, [manifest])


async def test_settings_and_secrets_reach_the_newer_version_by_its_names(game: Game) -> None:
    async with upgraded(game) as there:
        done(await there.post("/v1/sign-in/assertions", json=assertion("ann")))
        shown = done(await there.get("/v1/identity-providers/mirror"))
        assert shown["settings"] == {"app": "game", "region": "eu"}
        assert (shown["secretsSet"], shown["problem"]) == (["word"], None)
        # Saved by the newer version, a secret that is left out stays, under its new name.
        put = {"settings": {"app": "game", "region": "eu"}}
        done(await there.put("/v1/identity-providers/mirror", json=put))
        done(await there.post("/v1/sign-in/assertions", json=assertion("bob")))
    assert await limits(game, NEWER) == []
    [(version,)] = await game.sql("SELECT version FROM identity_provider WHERE id = 'mirror'")
    assert version == "2.0.0"


async def test_what_a_newer_version_cannot_use_rests_with_its_reason_until_it_is_saved(
    game: Game,
) -> None:
    [said] = await limits(game, NO_STEPS)
    assert said.startswith("the identity provider: Version 2.0.0 of mirror cannot read")
    assert "shh-quiet" not in said
    async with upgraded(game, NO_STEPS) as there:
        answer = await there.post("/v1/sign-in/assertions", json=assertion("ann"))
        assert refused(answer) == (502, "provider_unavailable")
        shown = done(await there.get("/v1/identity-providers/mirror"))
        assert "cannot read the settings that version 1.0.0 stored" in shown["problem"]
        body = {"settings": GIVEN}
        assert done(await there.put("/v1/identity-providers/mirror", json=body))["problem"] is None
        done(await there.post("/v1/sign-in/assertions", json=assertion("ann")))


CAPTCHA = msgspec.structs.replace(
    TURNSTILE,
    version="2.0.0",
    settings_schema={
        "type": "object", "additionalProperties": False, "required": ["key"],
        "properties": {"key": {"type": "string"}, "hostnames": {"type": "array"}},
    },
    secret_fields=frozenset({"key"}),
    settings_migrations=(SettingsMigration(version="2.0.0", renamed={"secret_key": "key"}),),
)  # fmt: skip


class NewerTurnstile(Turnstile):
    """The captcha in another version."""

    def __init__(self, manifest: Manifest = CAPTCHA) -> None:
        self._manifest = manifest

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    async def verify(self, context: CaptchaContext, response: CaptchaResponse) -> Refusal | None:
        settings = {"secret_key": context.settings["key"]}
        return await super().verify(msgspec.structs.replace(context, settings=settings), response)


async def test_a_captcha_goes_on_by_a_newer_version_or_rests_with_its_reason(
    house: House, tmp_path: Path
) -> None:
    home = await house.tenant(f"versions-{next(NUMBERS)}")
    async with TurnstileServer() as cloudflare:

        def worker(plugin: Turnstile) -> Any:
            plugins = Plugins([("turnstile", plugin)])
            return house.another(egress=cloudflare.egress(), plugins=plugins, data=tmp_path)

        older, newer = worker(Turnstile()), worker(NewerTurnstile())
        manifest = msgspec.structs.replace(CAPTCHA, settings_migrations=())
        stuck = worker(NewerTurnstile(manifest))
        await guarded(older, home, "register")
        assert code(await sign_up(newer, home, cloudflare.solve())) == "Account"
        # Whether the other version called a name a secret, nobody knows: none is shown.
        shown = await get_protection(newer, home)
        assert (shown.settings, shown.secrets_set, shown.problem) == ({}, ["key"], None)
        assert code(await sign_up(stuck, home, cloudflare.solve())) == "captcha_unavailable"
        shown = await get_protection(stuck, home)
        assert "cannot read the settings that version 0.1.0 stored" in (shown.problem or "")
        for one, problems in ((CAPTCHA, 0), (manifest, 1)):
            services = SimpleNamespace(db=house.db, identity=newer)
            assert len(await limit_versions(services, home, [one])) == problems
        wanted = WantedCaptcha(
            provider="turnstile", site_key="0x4AAA", settings={}, actions=("register",)
        )
        kept = await set_protection(newer, home, "app_1", "refuse", wanted)
        assert not isinstance(kept, Refusal), kept
        assert kept.secrets_set == ["key"]
        assert code(await sign_up(newer, home, cloudflare.solve())) == "Account"
        for one in (older, newer, stuck):
            await one.close()
