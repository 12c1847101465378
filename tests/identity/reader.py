"""A player who registers, signs in and reads mail, for tests of what is mailed."""

from base64 import urlsafe_b64decode
from collections.abc import Callable

import httpx
import msgspec
from tests.house import House

from guildbank.identity import Profile, get_profile
from guildbank.kernel import Refusal
from guildbank.notify import MailboxMessage, list_mailbox
from guildbank.tenancy import TenantRef

PASSWORD, OTHER = "three lamps sing at dawn", "seven ropes hum at dusk"


class Person:
    """A player who reads mail."""

    def __init__(self, house: House, home: TenantRef, web: httpx.AsyncClient, name: str) -> None:
        self.house, self.home, self.web = house, home, web
        self.name = name
        self.address = f"{name}@mail.example"
        self.token = ""

    async def registers(self, **body: str) -> "Person":
        wanted = {"username": self.name, "email": self.address, "password": PASSWORD, **body}
        answer = await self.web.post("/register", json=wanted)
        assert answer.status_code == 201, answer.text
        return self

    async def signs_in(self, handle: str | None = None, password: str = PASSWORD) -> httpx.Response:
        body = {"username": handle or self.name, "password": password}
        answer = await self.web.post("/account/login", json=body)
        if answer.status_code == 200:
            self.token = answer.json()["token"]
        return answer

    async def asks(self, method: str, path: str, **body: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.web.request(method, f"/v1/account{path}", json=body, headers=headers)

    async def profile(self) -> Profile:
        """Return what is known of the player who signed in."""
        claims = msgspec.json.decode(urlsafe_b64decode(f"{self.token.split('.')[1]}=="))
        found = await get_profile(self.house.identity, self.home, claims["sub"])
        assert not isinstance(found, Refusal)
        return found

    async def mail(self, address: str | None = None) -> list[MailboxMessage]:
        """Return what came, the newest first."""
        found = await list_mailbox(
            self.house.identity.notify, self.home, None, 50, address or self.address
        )
        assert not isinstance(found, Refusal)
        return list(found)

    async def link(self, template: str, address: str | None = None) -> str:
        """Return the token of the newest mail of the template."""
        for one in await self.mail(address):
            if one.template == f"identity.{template}":
                return one.message.links[-1].partition("token=")[2]
        raise LookupError(template)

    async def confirms(self) -> "Person":
        token = await self.link("confirm_email")
        assert done(await self.asks("POST", "/email/confirm", token=token))
        return self

    async def calls(self) -> int:
        """Return how a call with the newest token is answered."""
        headers = {"authorization": f"Bearer {self.token}"}
        return (await self.web.get("/v1/sessions", headers=headers)).status_code


Meet = Callable[[str], Person]


def done(answer: httpx.Response) -> bool:
    assert answer.is_success, answer.text
    return True


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
