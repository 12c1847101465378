"""Robots, throw-away addresses and breached passwords are kept out; people are not."""

import io
from collections.abc import AsyncIterator, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from disposable_email_domains import blocklist
from tests.house import House
from tests.servers.turnstile import SECRET, TurnstileServer
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from guildbank.identity import Identity
from guildbank.identity.contracts.players import Account
from guildbank.identity.contracts.protection import Action
from guildbank.identity.strength import read_password
from guildbank.identity.usecases.guests.make import make_guest
from guildbank.identity.usecases.guests.upgrade import upgrade
from guildbank.identity.usecases.players.register import Registration, register
from guildbank.identity.usecases.protection.check import check_new_password
from guildbank.identity.usecases.protection.keep import WantedCaptcha, set_protection
from guildbank.identity.usecases.sign_in.finish import Visitor, Welcome
from guildbank.identity.usecases.sign_in.log_in import Credentials, log_in
from guildbank.infra.breached import FILE_NAME, load_list
from guildbank.infra.http.client_address import read_address
from guildbank.kernel import Refusal
from guildbank.plugin_host import Plugins
from guildbank.tenancy import TenantRef

PASSWORD = "three lamps sing at dawn"
HOME_ADDRESS = read_address("203.0.113.7")
NUMBERS = iter(range(1_000))


@pytest.fixture
async def home(house: House) -> TenantRef:
    return await house.tenant(f"protection-{next(NUMBERS)}")


@pytest.fixture
async def cloudflare() -> AsyncIterator[TurnstileServer]:
    async with TurnstileServer() as server:
        yield server


@pytest.fixture
async def worker(
    house: House, cloudflare: TurnstileServer, tmp_path: Path
) -> AsyncIterator[Identity]:
    worker = house.another(egress=cloudflare.egress(), plugins=Plugins.discover(), data=tmp_path)
    yield worker
    await worker.close()


async def guarded(
    worker: Identity, home: TenantRef, *actions: Action, secret: str = SECRET
) -> None:
    captcha = WantedCaptcha(
        provider="turnstile",
        site_key="0x4AAA-public",
        settings={"secret_key": secret},
        actions=actions,
    )
    done = await set_protection(worker, home, "app_1", "refuse", captcha)
    assert not isinstance(done, Refusal), done


async def sign_up(
    worker: Identity, home: TenantRef, captcha: str | None = None, **more: Any
) -> Account | Refusal:
    wanted = {"username": f"player{next(NUMBERS)}", "password": PASSWORD, **more}
    return await register(worker, home, Registration(**wanted, captcha=captcha), HOME_ADDRESS)


async def sign_in(
    worker: Identity, home: TenantRef, name: str, password: str = PASSWORD, **more: Any
) -> Welcome | Refusal:
    sent = Credentials(handle=name, password=password, address=HOME_ADDRESS, **more)
    return await log_in(worker, home, sent)


def code(answer: object) -> str:
    return answer.code if isinstance(answer, Refusal) else type(answer).__name__


async def test_registering_needs_a_captcha_that_was_solved_and_works_once(
    worker: Identity, home: TenantRef, cloudflare: TurnstileServer
) -> None:
    await guarded(worker, home, "register")
    asked = await sign_up(worker, home)
    assert isinstance(asked, Refusal)
    assert asked.code == "captcha_required"
    assert asked.extra == {"provider": "turnstile", "siteKey": "0x4AAA-public"}
    solved = cloudflare.solve()
    assert code(await sign_up(worker, home, solved)) == "Account"
    assert code(await sign_up(worker, home, solved)) == "captcha_failed"
    assert code(await sign_up(worker, home, "made up")) == "captcha_failed"
    assert cloudflare.addresses[0] == "203.0.113.7"


async def test_what_is_refused_anyway_uses_no_captcha_up(
    worker: Identity, home: TenantRef, cloudflare: TurnstileServer
) -> None:
    await guarded(worker, home, "register")
    solved = cloudflare.solve()
    assert code(await sign_up(worker, home, solved, password="password1")) == "weak_password"
    away = f"x@{min(blocklist)}"
    assert code(await sign_up(worker, home, solved, email=away)) == "disposable_address"
    assert code(await sign_up(worker, home, solved)) == "Account"


async def test_while_the_captcha_cannot_be_checked_nobody_gets_past(
    worker: Identity, house: House, home: TenantRef, cloudflare: TurnstileServer
) -> None:
    await guarded(worker, home, "register", secret="0x4AAAAAAA-a-wrong-secret")
    assert code(await sign_up(worker, home, cloudflare.solve())) == "captcha_unavailable"
    unplugged = house.another()
    assert code(await sign_up(unplugged, home, "x")) == "captcha_unavailable"
    await unplugged.close()


async def test_signing_in_needs_a_captcha_after_failures_and_none_before_or_from_a_known_device(
    worker: Identity, home: TenantRef, cloudflare: TurnstileServer
) -> None:
    for name in ("alice", "bob"):
        assert code(await sign_up(worker, home, username=name)) == "Account"
    await guarded(worker, home, "login")
    known = await sign_in(worker, home, "alice")
    assert isinstance(known, Welcome)
    for _ in range(3):
        assert code(await sign_in(worker, home, "alice", "wrong")) == "login_failed"
    assert code(await sign_in(worker, home, "alice")) == "captcha_required"
    # Nobody locks the owner out, nor other players.
    device = {"device_token": known.device_token}
    assert code(await sign_in(worker, home, "alice", **device)) == "Welcome"
    assert code(await sign_in(worker, home, "bob")) == "Welcome"
    solved = {"captcha": cloudflare.solve()}
    assert code(await sign_in(worker, home, "alice", "wrong", **solved)) == "login_failed"
    assert code(await sign_in(worker, home, "alice", **solved)) == "captcha_failed"
    assert code(await sign_in(worker, home, "alice", captcha=cloudflare.solve())) == "Welcome"
    assert code(await sign_in(worker, home, "alice")) == "Welcome"


async def test_a_name_that_nobody_has_asks_for_a_captcha_just_the_same(
    worker: Identity, home: TenantRef
) -> None:
    await guarded(worker, home, "login")
    for _ in range(3):
        assert code(await sign_in(worker, home, "nobody-there", "wrong")) == "login_failed"
    assert code(await sign_in(worker, home, "nobody-there", "wrong")) == "captcha_required"


async def test_one_address_that_tries_many_accounts_needs_a_captcha(
    worker: Identity, home: TenantRef
) -> None:
    await guarded(worker, home, "login")
    codes = [code(await sign_in(worker, home, f"victim{n}", "wrong")) for n in range(22)]
    assert codes == ["login_failed"] * 20 + ["captcha_required"] * 2


async def test_addresses_that_live_for_minutes_are_refused_below_their_domain_too(
    worker: Identity, home: TenantRef
) -> None:
    domain = "mailinator.com"
    assert domain in blocklist
    for host in (domain, f"inbox.{domain}", domain.upper()):
        assert code(await sign_up(worker, home, email=f"x@{host}")) == "disposable_address"
    for host in (f"not-{domain}", "example.com", "gmail.com"):
        assert code(await sign_up(worker, home, email=f"x@{host}")) == "Account", host


async def test_a_tenant_may_take_such_addresses(worker: Identity, home: TenantRef) -> None:
    assert not isinstance(await set_protection(worker, home, "app_1", "allow", None), Refusal)
    assert code(await sign_up(worker, home, email="x@mailinator.com")) == "Account"


async def test_a_password_of_a_breach_is_refused_without_asking_anybody(
    worker: Identity, home: TenantRef, cloudflare: TurnstileServer, tmp_path: Path
) -> None:
    assert code(await sign_up(worker, home)) == "Account"
    line = sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest().upper()
    source = io.BytesIO(f"{line}:2\n".encode())
    load_list(source, tmp_path / FILE_NAME, at_least=1, progress=lambda *_: None)
    refused = await check_new_password(worker, PASSWORD)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("breached_password", "password")
    assert code(await sign_up(worker, home)) == "breached_password"
    assert code(await sign_up(worker, home, password=PASSWORD + " again")) == "Account"
    assert cloudflare.asked == []


def test_the_commonest_passwords_are_refused_without_any_list() -> None:
    common: Sequence[str] = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= 8]
    assert len(common) > 3_000
    assert [one for one in common[::25] if isinstance(read_password(one), str)] == []


async def test_while_the_list_of_breaches_is_damaged_no_password_is_set(
    worker: Identity, home: TenantRef, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"half a file")
    assert code(await sign_up(worker, home)) == "too_busy"


async def test_the_settings_of_a_captcha_are_checked_kept_and_never_shown(
    house: House, home: TenantRef
) -> None:
    app = house.app(house.another(plugins=Plugins.discover()))
    key = await house.key(home, "protection:read", "protection:write")
    captcha = {
        "provider": "turnstile",
        "siteKey": "0x4AAA-public",
        "settings": {"secret_key": SECRET},
        "actions": ["register"],
    }
    async with house.client(app, key) as web:
        before = (await web.get("/v1/protection")).json()
        assert before == {"disposableAddresses": "refuse", "captcha": None, "changedAt": None}
        for wrong, field in (
            ({"provider": "sandbox"}, "captcha.provider"),
            ({"settings": {}}, "captcha.settings"),
            ({"settings": {"secret_key": "short"}}, "captcha.settings.secret_key"),
            ({"actions": ["dance"]}, "captcha.actions.0"),
        ):
            answer = await web.put("/v1/protection", json={"captcha": {**captcha, **wrong}})
            assert (answer.status_code, answer.json()["field"]) == (422, field)
            assert SECRET not in answer.text
        done = await web.put("/v1/protection", json={"captcha": captcha})
        assert done.status_code == 200, done.text
        kept = {"settings": {"hostnames": ["play.example"]}, "actions": ["login"]}
        done = await web.put("/v1/protection", json={"captcha": {**captcha, **kept}})
        shown = done.json()["captcha"]
        assert shown["secretsSet"] == ["secret_key"]
        assert shown["settings"] == {"hostnames": ["play.example"]}
        assert SECRET not in done.text
    async with house.db.begin(home.schema) as tx:
        entries = await tx.driver.fetch("SELECT data::text FROM journal_entry")
        sealed = await tx.driver.fetchval("SELECT captcha_settings FROM identity_protection")
    assert SECRET not in str(entries)
    assert SECRET.encode() not in sealed


async def test_a_guest_who_registers_solves_the_captcha_that_registering_asks_for(
    worker: Identity, home: TenantRef, cloudflare: TurnstileServer
) -> None:
    await guarded(worker, home, "register")
    guest = await make_guest(worker, home, Visitor(address=HOME_ADDRESS))
    assert not isinstance(guest, Refusal)
    player = guest.welcome.tokens.player_id

    async def grow(captcha: str | None = None) -> str:
        wanted = Registration(username="grown-up", password=PASSWORD, captcha=captcha)
        return code(await upgrade(worker, home, player, None, wanted, HOME_ADDRESS))

    assert await grow() == "captcha_required"
    assert await grow("made up") == "captcha_failed"
    assert await grow(cloudflare.solve()) == "Account"
