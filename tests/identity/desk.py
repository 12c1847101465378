"""A tenant whose operators come in by a real issuer, and what they do in their browsers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from litestar import Litestar
from tests.house import House
from tests.identity.abroad import PLUGINS
from tests.servers.oidc_provider import SECRET, OidcProvider, is_installed
from tests.staff import Person, hired
from tests.studio import done

from guildbank.identity import Identity
from guildbank.kernel import FixedClock
from guildbank.plugin_host import Plugins
from guildbank.tenancy import TenantRef

HOME, SET_UP = "http://localhost", "/v1/staff-sign-in"
MFA = {"trustsSecondFactor": {"claim": "amr", "values": ["mfa"]}}
SUPPORT = [{"group": "helpers", "roles": ["support"]}]


@dataclass(frozen=True)
class Desk:
    """A tenant whose people come in by a real issuer; `clock` is what its worker goes by."""

    house: House
    tenant: TenantRef
    identity: Identity
    clock: FixedClock
    app: Litestar
    server: OidcProvider

    def browser(self) -> httpx.AsyncClient:
        return self.house.client(self.app)

    async def hire(self, *roles: str) -> Person:
        return await hired(self.identity, self.browser(), self.tenant, *roles)

    async def set_up(self, owner: Person, **more: Any) -> dict[str, Any]:
        body = {
            "issuer": self.server.issuer, "clientId": "game", "clientSecret": SECRET,
            "scopes": ["openid", "email", "profile", "groups"], "groups": SUPPORT, **more,
        }  # fmt: skip
        done(await owner.agreed.put(SET_UP, json=body))
        return done(await owner.http.get(SET_UP))

    async def leave(self, browser: httpx.AsyncClient, **more: Any) -> str:
        body = {"tenant": self.tenant.slug, **more}
        return str(done(await browser.post("/v1/operator/studio/begin", json=body))["url"])

    async def return_of(self, browser: httpx.AsyncClient, url: str, name: str) -> dict[str, str]:
        """Go to the issuer as this person and back; return what the page is told, if anything."""
        back = await asyncio.to_thread(self.server.sign_in, url, name)
        return self.landed(await browser.get(self.callback, params=back))

    def landed(self, answer: httpx.Response) -> dict[str, str]:
        assert answer.status_code == 303, answer.text
        path, _, told = answer.headers["location"].partition("#")
        assert path == "/operator"
        return dict(parse_qsl(told))

    @property
    def callback(self) -> str:
        return f"/v1/operator/studio/callback/{self.tenant.id}"

    async def come(self, browser: httpx.AsyncClient, name: str, **more: Any) -> dict[str, str]:
        return await self.return_of(browser, await self.leave(browser, **more), name)

    async def came(self, name: str, **more: Any) -> tuple[httpx.AsyncClient, dict[str, Any]]:
        """Come in where the issuer's second factor is believed."""
        browser = self.browser()
        assert await self.come(browser, name, **more) == {}
        me = done(await browser.get("/v1/operator/me"))
        browser.headers["x-csrf-token"] = me["csrf"]
        return browser, me


@asynccontextmanager
async def open_desk(house: House, slug: str) -> AsyncIterator[Desk]:
    """Open one; where there is no Node the test is skipped, and says so."""
    if not is_installed():
        pytest.skip("needs Node 20 or later; then `make test` installs oidc-provider")
    tenant = await house.tenant(slug)
    clock = FixedClock(datetime.now(UTC))
    identity = house.another(clock=clock, home=HOME)
    app = house.app(identity, Plugins(PLUGINS), HOME)
    with OidcProvider(f"{HOME}/v1/operator/studio/callback/{tenant.id}") as server:
        yield Desk(house, tenant, identity, clock, app, server)
    await identity.close()
