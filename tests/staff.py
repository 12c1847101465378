"""People who work for a tenant or run the deployment, as they use the console in a browser."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import httpx
import msgspec
import pyotp
from tests.house import House

from guildbank.approvals.usecases.end import approve
from guildbank.identity import Identity
from guildbank.identity.usecases.operators.by_host import create_operator
from guildbank.infra.acting import HOST
from guildbank.kernel import Refusal
from guildbank.notify.contracts import Letter, Rendered
from guildbank.tenancy import TenantRef

PASSWORD = "seven kites over harbour"
_numbers = count(1)


@dataclass
class Person:
    """An operator with a browser: cookies, the app's secret, and the token against CSRF."""

    identity: Identity
    tenant: TenantRef | None
    http: httpx.AsyncClient
    address: str
    password: str = PASSWORD
    secret: str = ""
    id: str = ""
    codes: list[str] = field(default_factory=list)

    async def sign_in(self) -> dict[str, Any]:
        """Type address and password; return what is next."""
        place = {"deployment": True} if self.tenant is None else {"tenant": self.tenant.slug}
        body = {"address": self.address, "password": self.password, **place}
        answer = await self.http.post("/v1/operator/sessions", json=body)
        assert answer.status_code == 200, answer.text
        half: dict[str, Any] = answer.json()
        return half

    async def enrol(self, challenge: str) -> dict[str, Any]:
        """Set an app up and come in with its first code."""
        body = {"challenge": challenge}
        begun = await self.http.post("/v1/operator/sessions/enrol", json=body)
        assert begun.status_code == 200, begun.text
        self.secret = begun.json()["secret"]
        answer = await self.http.post(
            "/v1/operator/sessions/confirm", json={**body, "code": self.code()}
        )
        assert answer.status_code == 200, answer.text
        me = self.took(answer)
        self.codes = me["recoveryCodes"]
        return me

    async def finish(self, challenge: str, code: str) -> httpx.Response:
        """Answer a challenge with a code."""
        body = {"challenge": challenge, "code": code}
        return await self.http.post("/v1/operator/sessions/finish", json=body)

    async def come_in(self, ahead: int = 0) -> dict[str, Any]:
        """Sign in with both factors; `ahead` is how many codes were used in this half minute."""
        half = await self.sign_in()
        return self.took(await self.finish(half["challenge"], self.code(ahead)))

    def took(self, answer: httpx.Response) -> dict[str, Any]:
        """Keep what a page keeps of who signed in."""
        assert answer.status_code == 200, answer.text
        me: dict[str, Any] = answer.json()
        self.http.headers["x-csrf-token"] = me["csrf"]
        self.id = me["operator"]["id"]
        return me

    @property
    def agreed(self) -> "Agreed":
        """What this person asks for, with whoever holds the host agreeing to it at once."""
        return Agreed(self)

    def code(self, ahead: int = 0) -> str:
        """Return what the app shows, or will show in the next half minute."""
        return pyotp.TOTP(self.secret).at(self.now(), counter_offset=ahead)

    def now(self) -> datetime:
        return self.identity.clock.now()


@dataclass(frozen=True)
class Agreed:
    """A browser whose requests never wait: the host is the second person, where one works alone.

    An answer 202 is followed by the agreement, and then stands for what was done: it becomes 200.
    """

    person: Person

    async def post(self, path: str, **more: Any) -> httpx.Response:
        return await self._agree(await self.person.http.post(path, **more))

    async def put(self, path: str, **more: Any) -> httpx.Response:
        return await self._agree(await self.person.http.put(path, **more))

    async def patch(self, path: str, **more: Any) -> httpx.Response:
        return await self._agree(await self.person.http.patch(path, **more))

    async def delete(self, path: str) -> httpx.Response:
        return await self._agree(await self.person.http.delete(path))

    async def _agree(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code != 202:
            return answer
        person, approval_id = self.person, answer.json()["id"]
        parts = person.http._transport.app.dependencies  # type: ignore[attr-defined]
        four_eyes, everything = (parts[name].dependency() for name in ("four_eyes", "everything"))
        done = await approve(four_eyes, everything, person.tenant, HOST, approval_id, "")
        assert not isinstance(done, Refusal), done
        assert done.state == "executed"
        return httpx.Response(200, json=answer.json(), request=answer.request)


async def hired(
    identity: Identity,
    http: httpx.AsyncClient,
    tenant: TenantRef | None,
    *roles: str,
    name: str | None = None,
) -> Person:
    """Return an operator who has set an app up and is signed in on this client."""
    name = name or f"op{next(_numbers)}"
    address = f"{name}@staff.example"
    plane = await identity.staff.plane(tenant)
    made = await create_operator(identity, plane, address, name.title(), roles, PASSWORD)
    assert not isinstance(made, Refusal), made
    person = Person(identity, tenant, http, address)
    half = await person.sign_in()
    assert half["step"] == "enrol"
    await person.enrol(half["challenge"])
    return person


async def mailed_token(identity: Identity, tenant: TenantRef | None, template: str) -> str:
    """Return the secret of the last link that was mailed by this template."""
    place = await identity.notify.place(tenant)
    async with identity.db.begin(place.schema) as tx:
        row = await tx.driver.fetchrow(
            "SELECT id, sealed FROM notify_mail WHERE template = $1 ORDER BY id DESC LIMIT 1",
            template,
        )
    assert row is not None, f"no mail by {template}"
    plain = place.open(row["id"], row["sealed"]).decode()
    return plain.split("#token=")[1].split('"')[0]


async def mail_to(
    identity: Identity, tenant: TenantRef | None, address: str, locale: str = "en"
) -> list[tuple[str, Rendered]]:
    """Return what waits for the mail server to go to this operator, oldest first, with its name."""
    notify = identity.notify
    place = await notify.place(tenant)
    async with identity.db.begin(place.schema, read_only=True) as tx:
        rows = await tx.driver.fetch(
            "SELECT id, template, sealed FROM notify_mail WHERE state = 'waiting' ORDER BY id"
        )
    found = []
    for id_, template, sealed in rows:
        letter = msgspec.json.decode(place.open(id_, sealed), type=Letter)
        if letter.to == address:
            brand = place.brand_for("operator")
            rendered = notify.letters.render(template, locale, letter.values, brand)
            found.append((template.removeprefix("identity."), rendered))
    return found


async def staff_of(house: House, guild: TenantRef, *roles: str) -> Person:
    """Return an operator of the guild with these roles, signed in."""
    return await hired(house.identity, await house.players_client(guild), guild, *roles)


async def refresh_clock(house: House) -> None:
    """Let the app show another code."""
    house.clock.advance(timedelta(seconds=60))
