"""Players of a tenant as they meet the server over HTTP, with an app of codes and a mailbox."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pyotp
from tests.house import House

from guildbank.kernel import Refusal
from guildbank.notify import list_mailbox
from guildbank.tenancy import PasskeySettings, TenantRef, TenantSettings, change_tenant

PASSWORD = "three lamps sing at dawn"
FACTOR = "/v1/sign-in/second-factor"
STEP_UP = "/v1/sessions/step-up"
_numbers = iter(range(100_000))


def done(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    found = answer.json()
    return answer.status_code, str(found.get("code", found))


async def page_of(house: House, tenant: TenantRef) -> httpx.AsyncClient:
    """Return a client of the tenant's players with an address that no other test guesses from."""
    number = next(_numbers)
    address = f"10.0.{number // 256}.{number % 256}"
    async with await house.players_client(tenant) as plain:
        transport = httpx.ASGITransport(
            app=house.app(),  # type: ignore[arg-type]
            client=(address, 1),
        )
        return httpx.AsyncClient(
            transport=transport, base_url=plain.base_url, headers=plain.headers
        )


async def set_policy(house: House, tenant: TenantRef, **settings: Any) -> None:
    """Set what the tenant asks of its players."""
    passkeys = PasskeySettings(rp_id=f"{tenant.slug}.example", origins=(origin(tenant),))
    wanted = TenantSettings(**{"passkeys": passkeys, **settings})
    changed = await change_tenant(house.tenancy, tenant.slug, lambda _: wanted)
    assert not isinstance(changed, Refusal), changed


def origin(tenant: TenantRef) -> str:
    return f"https://{tenant.slug}.example"


@dataclass
class Person:
    """A player; `web` names the tenant and nobody, `token` is of the newest session."""

    house: House
    home: TenantRef
    web: httpx.AsyncClient
    name: str = field(default_factory=lambda: f"person-{next(_numbers)}")
    player: str = ""
    token: str = ""
    session: str = ""
    refresh: str = ""
    secret: str = ""
    recovery: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.name}@example.com"

    async def register(self, *, confirmed: bool = True) -> "Person":
        body = {"username": self.name, "email": self.address, "password": PASSWORD}
        self.player = done(await self.web.post("/register", json=body), 201)["userId"]
        if confirmed:
            async with self.house.db.begin(self.home.schema) as tx:
                await tx.driver.execute(
                    "UPDATE identity_email SET confirmed_at = now(), owned_at = now() "
                    "WHERE player_id = $1",
                    self.player,
                )
        return self

    async def log_in(self, **body: Any) -> httpx.Response:
        handle = {"username": self.name, "password": PASSWORD}
        return await self.web.post("/login", json={**handle, **body})

    async def come_in(self) -> "Person":
        """Sign in where nothing but the password is asked."""
        self.take(await self.log_in())
        return self

    def take(self, answer: httpx.Response) -> dict[str, Any]:
        """Go on with the tokens of an answer."""
        found = done(answer)
        self.token, self.session = found["token"], found.get("sessionId", self.session)
        self.refresh = found.get("refreshToken", self.refresh)
        return found

    async def wait(self, minutes: int = 11) -> "Person":
        """Let time go by and go on with the next token, as a client does."""
        self.house.clock.advance(timedelta(minutes=minutes))
        body = {"refreshToken": self.refresh}
        self.take(await self.web.post("/v1/sessions/refresh", json=body))
        return self

    async def challenge(self) -> str:
        """Give the password and return what it leaves to be proved."""
        answer = await self.log_in()
        assert refused(answer) == (401, "second_factor_required")
        return str(answer.json()["challenge"])

    async def finish(
        self, challenge: str, method: str, code: str = "", **more: Any
    ) -> httpx.Response:
        body = {
            "challenge": challenge,
            "method": method,
            **({"code": code} if code else {}),
            **more,
        }
        return await self.web.post(FACTOR, json=body)

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call with the token of the session."""
        headers = {"authorization": f"Bearer {self.token}"}
        more = {} if body is None else {"json": body}
        return await self.web.request(method, path, headers=headers, **more)

    async def step_up(self, method: str, **body: Any) -> httpx.Response:
        return await self.call("POST", STEP_UP, {"method": method, **body})

    def code(self, ahead: int = 0) -> str:
        """Return what the authenticator app shows, `ahead` steps from now."""
        at = self.house.clock.now() + timedelta(seconds=30 * ahead)
        return pyotp.TOTP(self.secret).at(at)

    def next_code(self) -> str:
        """Wait for the app's next code and return it."""
        self.house.clock.advance(timedelta(seconds=30))
        return self.code()

    async def with_totp(self) -> "Person":
        """Take an authenticator app into use."""
        begun = done(await self.call("POST", "/v1/second-factor/totp"))
        self.secret = begun["secret"]
        body = {"enrolment": begun["enrolment"], "code": self.code()}
        made = done(await self.call("POST", "/v1/second-factor/totp/confirm", body))
        self.recovery = made["recoveryCodes"]
        return self

    async def mail(self, template: str) -> list[str]:
        """Return the texts of this mail to the player, newest first."""
        notify = self.house.identity.notify
        found = await list_mailbox(notify, self.home, None, 50, self.address)
        assert not isinstance(found, Refusal)
        return [one.message.text for one in found if one.template == f"identity.{template}"]

    async def mailed_token(self, template: str) -> str:
        """Return what the link of the newest such mail holds."""
        return (await self.mail(template))[0].partition("token=")[2].split()[0]

    async def reset(self, password: str) -> httpx.Response:
        """Choose a new password by the mailed link, as who reads the mail."""
        path = "/v1/account/password"
        await self.web.post(f"{path}/forgotten", json={"email": self.address})
        token = await self.mailed_token("reset_password")
        body = {"token": token, "password": password}
        return await self.web.post(f"{path}/reset", json=body)

    async def mailed_code(self) -> str:
        newest = (await self.mail("sign_in_code"))[0]
        return next(line for line in newest.splitlines() if line.strip().isdecimal()).strip()
