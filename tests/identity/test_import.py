"""Players come along from another system, each line once, with the passwords that they had."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import bcrypt
import httpx
import pytest
from tests.house import House

from guildbank.identity.contracts.sign_in import LOGIN_FAILED
from guildbank.identity.usecases.lives.erase import request_erasure
from guildbank.identity.usecases.players.import_players import ImportLine, Taken, import_players
from guildbank.identity.usecases.sign_in.log_in import Credentials, log_in
from guildbank.infra.http import UNKNOWN_ADDRESS as ADDRESS
from guildbank.infra.passwords import Passwords, Verdict
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef

PASSWORD = "three lamps sing at dawn"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("import-home")


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await house.players_client(home) as client:
        yield client


async def came(house: House, home: TenantRef, *lines: ImportLine) -> list[str]:
    """Return for each line `new`, `again` or the code of its refusal."""
    outcomes = await import_players(house.identity, home, lines)
    return [
        one.code if isinstance(one, Refusal) else "again" if one.again else "new"
        for one in outcomes
    ]


async def test_a_player_signs_in_with_every_handle_and_the_password_from_before(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    line = ImportLine(
        external_id="old-1",
        username="Ada",
        email="ada@old.example",
        email_confirmed=True,
        password_hash=HASH,
        country="DE",
    )
    (taken,) = await import_players(house.identity, home, [line])
    assert isinstance(taken, Taken)
    for handle in ("ada", "ada@old.example"):
        body = {"username": handle, "password": PASSWORD}
        answer = await web.post("/account/login", json=body)
        assert answer.json()["userId"] == taken.player_id
    asked = {"email": "ada@old.example"}
    assert (await web.post("/v1/account/password/forgotten", json=asked)).status_code == 202
    machine = house.client(house.app(), await house.key(home, "players:read"))
    async with machine:
        found = await machine.get("/v1/players", params={"externalId": "old-1"})
    assert [one["id"] for one in found.json()["items"]] == [taken.player_id]


async def test_a_line_is_taken_once_however_often_and_in_parallel(
    house: House, home: TenantRef
) -> None:
    lines = [ImportLine(username=f"again{number}", password_hash=HASH) for number in range(50)]
    runs = await asyncio.gather(*(came(house, home, *lines) for _ in range(4)))
    for number in range(50):
        assert sorted(run[number] for run in runs) == ["again", "again", "again", "new"]


async def test_each_line_is_refused_for_itself_and_says_why(house: House, home: TenantRef) -> None:
    taken = ImportLine(
        external_id="t-1", username="taken", email="t@old.example", email_confirmed=True
    )
    assert await came(house, home, taken) == ["new"]
    assert await came(
        house,
        home,
        ImportLine(external_id="t-1", locale="en"),
        ImportLine(username="TAKEN"),
        ImportLine(username="tаken"),
        ImportLine(email="T@old.example", email_confirmed=True),
        ImportLine(email="t@old.example"),
        ImportLine(locale="en"),
        ImportLine(username="nobody", password_hash="$1$md5"),
        ImportLine(username="nobody", password_hash=HASH[:4] + "31" + HASH[6:]),
        ImportLine(email="no address"),
        ImportLine(username="land", country="QQ"),
        ImportLine(username="fine"),
        ImportLine(username="fine", locale="ru"),
    ) == [
        "external_id_taken",
        "username_taken",
        "username_taken",
        "email_taken",
        "new",
        "missing_field",
        "invalid_value",
        "invalid_value",
        "address_invalid",
        "unknown_country",
        "new",
        "username_taken",
    ]


async def test_a_line_whose_person_was_erased_brings_nobody_along_and_names_nobody(
    house: House, home: TenantRef
) -> None:
    line = ImportLine(username="forgotten-one", password_hash=HASH)
    (taken,) = await import_players(house.identity, home, [line])
    assert isinstance(taken, Taken)
    asked = await request_erasure(house.identity, home, "app_1", taken.player_id, timedelta(0))
    assert not isinstance(asked, Refusal)
    (outcome,) = await import_players(house.identity, home, [line])
    assert isinstance(outcome, Refusal)
    assert outcome.code == "player_erased"
    assert taken.player_id not in outcome.detail
    assert "forgotten-one" not in outcome.detail


async def test_a_wrong_password_costs_the_same_work_for_imported_players_and_for_nobody(
    house: House, web: httpx.AsyncClient
) -> None:
    """Counted in what is computed, since times are as the machine is."""
    tenant = await house.tenant("import-times")
    slow = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(7)).decode()
    lines = [
        ImportLine(username="slow", password_hash=slow),
        ImportLine(username="quick", password_hash=HASH),
        ImportLine(username="none"),
    ]
    assert await came(house, tenant, *lines) == ["new"] * 3
    worker = house.another()
    spent = Counted()
    worker = replace(worker, passwords=spent)
    for name in ("slow", "quick", "none", "nobody-here"):
        given = Credentials(handle=name, password="wrong wrong wrong", address=ADDRESS)
        assert await log_in(worker, tenant, given) == LOGIN_FAILED
    assert set(spent.work) == {(1, 2**7)}, spent.work
    given = Credentials(handle="slow", password=PASSWORD, address=ADDRESS)
    assert not isinstance(await log_in(worker, tenant, given), Refusal)
    worker.passwords.close()


class Counted(Passwords):
    """Passwords that count the argon2 hashes and the rounds of bcrypt of each comparison."""

    def __init__(self) -> None:
        super().__init__()
        self.work: list[tuple[int, int]] = []
        self._argons = self._rounds = 0

    async def verify(
        self, password: str, stored: str | None, bcrypt_cost: int | None = None
    ) -> Verdict:
        self._argons = self._rounds = 0
        verdict = await super().verify(password, stored, bcrypt_cost)
        if verdict is Verdict.WRONG:
            self.work.append((self._argons, self._rounds))
        return verdict

    def _verify(self, password: str, stored: str) -> Verdict:
        self._argons += stored.startswith("$argon2")
        return super()._verify(password, stored)

    def _verify_bcrypt(self, password: str, stored: str) -> Verdict:
        self._rounds += 2 ** int(stored[4:6])
        return super()._verify_bcrypt(password, stored)
