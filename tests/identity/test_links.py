"""Accounts elsewhere are linked by who signed in of late or has the address, and not else."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pyotp
import pytest
from tests.house import House
from tests.identity.abroad import (
    PASSWORD,
    Game,
    assertion,
    client,
    done,
    open_game,
    refused,
)

from guildbank.kernel import Refusal
from guildbank.notify import MailboxMessage, list_mailbox

LINKS = "/v1/identities"
NUMBERS = iter(range(1_000))


@pytest.fixture
async def game(house: House) -> AsyncIterator[Game]:
    async with open_game(house, f"links-{next(NUMBERS)}") as game:
        yield game


async def newest_mail(game: Game) -> MailboxMessage:
    found = await list_mailbox(game.identity.notify, game.tenant, None, 10)
    assert not isinstance(found, Refusal), found
    return found[0]


async def mailed_code(game: Game) -> str:
    """Return the code of the newest mail."""
    newest = await newest_mail(game)
    found = re.search(r"^[0-9]{8}$", newest.message.text, re.MULTILINE)
    assert found is not None, newest.message.text
    return found.group()


async def offer(game: Game) -> str:
    """Let Ann, whose address is confirmed here, come by the mirror; return the ticket she gets."""
    answer = await game.vouch("ann", email="ann@player.test", verified="yes")
    assert refused(answer) == (409, "account_exists")
    return str(answer.json()["linkTicket"])


async def mailed(game: Game) -> tuple[str, str]:
    """Have a code mailed for the offer; return ticket and code."""
    body = {"linkTicket": await offer(game)}
    sent = done(await game.web.post("/v1/sign-in/link-codes", json=body))
    return sent["linkTicket"], await mailed_code(game)


@pytest.fixture
async def ann(game: Game) -> dict[str, str]:
    """Ann, who registered here and confirmed her address."""
    tokens = await game.register("ann-here", email="Ann@Player.test")
    await game.confirm(tokens["userId"])
    return tokens


async def test_a_player_links_an_account_and_comes_in_by_it(game: Game) -> None:
    tokens = await game.register("carol")
    who = client()
    async with game.player(tokens) as player:
        code = await game.code(who, sub="carol elsewhere")
        body = {"code": code, "codeVerifier": who.verifier}
        link = done(await player.post(LINKS, json=body))
        assert link["provider"] == "mirror"
        again = done(await player.post(LINKS, json=assertion("carol elsewhere")))
        assert again == link
    assert (await game.arrive("carol elsewhere"))["userId"] == tokens["userId"]


async def test_an_account_that_is_somebodys_stays_theirs(game: Game) -> None:
    await game.arrive("taken")
    tokens = await game.register("carol")
    async with game.player(tokens) as player:
        answer = await player.post(LINKS, json=assertion("taken"))
        assert refused(answer) == (409, "identity_in_use")
        assert done(await player.get(LINKS))["items"] == []


async def test_of_two_who_link_one_account_at_once_one_gets_it(game: Game) -> None:
    players = [game.player(await game.register(f"twin-{number}")) for number in range(6)]
    answers = await asyncio.gather(
        *(player.post(LINKS, json=assertion("one of a kind")) for player in players)
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 409, 409, 409, 409, 409]
    for player in players:
        await player.aclose()


async def test_linking_takes_a_recent_session(game: Game) -> None:
    tokens = await game.register("carol")
    game.clock.advance(timedelta(minutes=10))
    renewed = done(
        await game.web.post("/v1/sessions/refresh", json={"refreshToken": tokens["refreshToken"]})
    )
    async with game.player(renewed) as player:
        answer = await player.post(LINKS, json=assertion("carol elsewhere"))
        assert refused(answer) == (403, "step_up_required")
        answer = await player.delete(f"{LINKS}/idn_01kag3pyqmf9aag12vtrsy70ps")
        assert refused(answer) == (403, "step_up_required")
        assert done(await player.get(LINKS))["items"] == []


async def test_the_last_way_in_cannot_be_unlinked_also_not_two_at_once(game: Game) -> None:
    async with game.player(await game.arrive("first")) as player:
        (first,) = done(await player.get(LINKS))["items"]
        answer = await player.delete(f"{LINKS}/{first['id']}")
        assert refused(answer) == (409, "last_way_in")
        second = done(await player.post(LINKS, json=assertion("second")))
        answers = await asyncio.gather(
            *(player.delete(f"{LINKS}/{one['id']}") for one in (first, second))
        )
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        assert len(done(await player.get(LINKS))["items"]) == 1


async def test_an_account_that_was_unlinked_lets_its_player_in_no_more(game: Game) -> None:
    tokens = await game.register("carol")
    async with game.player(tokens) as player:
        link = done(await player.post(LINKS, json=assertion("carol elsewhere")))
        assert (await player.delete(f"{LINKS}/{link['id']}")).status_code == 204
        answer = await player.delete(f"{LINKS}/{link['id']}")
        assert refused(answer) == (404, "not_found")
    assert (await game.arrive("carol elsewhere"))["userId"] != tokens["userId"]


async def test_nobody_unlinks_the_account_of_another(game: Game) -> None:
    async with game.player(await game.arrive("victim")) as victim:
        done(await victim.post(LINKS, json=assertion("victim too")))
        links = done(await victim.get(LINKS))["items"]
        async with game.player(await game.register("mallory")) as mallory:
            answer = await mallory.delete(f"{LINKS}/{links[0]['id']}")
            assert refused(answer) == (404, "not_found")
        assert done(await victim.get(LINKS))["items"] == links


async def test_a_player_has_at_most_twenty_accounts_elsewhere(game: Game) -> None:
    async with game.player(await game.register("collector")) as player:
        for number in range(20):
            done(await player.post(LINKS, json=assertion(f"number {number}")))
        answer = await player.post(LINKS, json=assertion("one more"))
        assert refused(answer) == (409, "too_many_identities")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": "abc"},
        {"provider": "mirror"},
        {"code": "abc", "codeVerifier": "v" * 43, "provider": "mirror"},
    ],
)
async def test_half_a_proof_links_nothing(game: Game, body: dict[str, str]) -> None:
    async with game.player(await game.register("carol")) as player:
        assert refused(await player.post(LINKS, json=body)) == (422, "missing_field")


async def test_an_address_that_is_confirmed_here_links_nothing_by_itself(
    game: Game, ann: dict[str, str]
) -> None:
    answer = await game.vouch("ann", email="ANN@player.test", verified="yes")
    assert refused(answer) == (409, "account_exists")
    assert "/v1/identities" in answer.json()["detail"]
    assert "/v1/sign-in/link-codes" in answer.json()["detail"]
    assert await game.sql("SELECT count(*) FROM identity_external") == [(0,)]
    assert await game.sql("SELECT count(*) FROM identity_player") == [(1,)]


async def test_an_address_that_the_provider_does_not_vouch_for_tells_nothing(
    game: Game, ann: dict[str, str]
) -> None:
    """Else whoever has a provider of any kind could ask who has an account here."""
    known = await game.arrive("1", email="ann@player.test")
    unknown = await game.arrive("2", email="nobody@player.test")
    assert len({known["userId"], unknown["userId"], ann["userId"]}) == 3
    assert known.keys() == unknown.keys()


async def test_an_address_that_was_only_claimed_here_stops_nobody(game: Game) -> None:
    claimed = await game.register("claimer", email="ann@player.test")
    arrived = await game.arrive("ann", email="ann@player.test", verified="yes")
    assert arrived["userId"] != claimed["userId"]


async def test_who_gets_the_mailed_code_links_and_is_in(game: Game, ann: dict[str, str]) -> None:
    ticket, code = await mailed(game)
    body = {"linkTicket": ticket, "code": code}
    tokens = done(await game.web.post("/v1/sign-in/link", json=body))
    assert tokens["userId"] == ann["userId"]
    async with game.player(tokens) as player:
        (session, *_) = done(await player.get("/v1/sessions"))["items"]
        assert session["methods"] == ["external"]
    again = await game.arrive("ann", email="ann@player.test", verified="yes")
    assert again["userId"] == ann["userId"]
    assert refused(await game.web.post("/v1/sign-in/link", json=body)) == (401, "link_code_refused")


async def test_a_mailed_code_is_no_second_factor_and_links_nothing_before_it(
    game: Game, ann: dict[str, str]
) -> None:
    async with game.player(ann) as player:
        begun = done(await player.post("/v1/second-factor/totp"))
        now = pyotp.TOTP(begun["secret"]).at(game.identity.clock.now())
        body = {"enrolment": begun["enrolment"], "code": now}
        done(await player.post("/v1/second-factor/totp/confirm", json=body))
    ticket, code = await mailed(game)
    answer = await game.web.post("/v1/sign-in/link", json={"linkTicket": ticket, "code": code})
    assert refused(answer) == (401, "second_factor_required")
    assert answer.json()["methods"] == ["totp", "recovery_code"]
    # The account elsewhere is still nobody's: it is offered a code again.
    await offer(game)


async def test_who_signs_in_links_and_needs_no_mail(game: Game, ann: dict[str, str]) -> None:
    await offer(game)
    async with game.player(ann) as player:
        done(await player.post(LINKS, json=assertion("ann", email="ann@player.test")))
    assert (await game.arrive("ann"))["userId"] == ann["userId"]


async def test_the_mail_goes_to_the_address_here_and_says_by_what(
    game: Game, ann: dict[str, str]
) -> None:
    await mailed(game)
    newest = await newest_mail(game)
    assert newest.to == "Ann@player.test"
    assert "mirror" in newest.message.text


async def test_a_ticket_sends_one_mail_and_works_for_ten_minutes(
    game: Game, ann: dict[str, str]
) -> None:
    ticket = await offer(game)
    body = {"linkTicket": ticket}
    sent = done(await game.web.post("/v1/sign-in/link-codes", json=body))
    again = await game.web.post("/v1/sign-in/link-codes", json=body)
    assert refused(again) == (401, "link_code_refused")
    code = await mailed_code(game)
    game.clock.advance(timedelta(minutes=10))
    late = {"linkTicket": sent["linkTicket"], "code": code}
    assert refused(await game.web.post("/v1/sign-in/link", json=late)) == (401, "link_code_refused")


async def test_a_code_is_good_with_its_own_ticket_only(game: Game, ann: dict[str, str]) -> None:
    first, first_code = await mailed(game)
    second, _ = await mailed(game)
    crossed = {"linkTicket": second, "code": first_code}
    answer = await game.web.post("/v1/sign-in/link", json=crossed)
    assert refused(answer) == (401, "link_code_refused")
    own = {"linkTicket": first, "code": first_code}
    done(await game.web.post("/v1/sign-in/link", json=own))


async def test_guessing_at_the_code_is_stopped(game: Game, ann: dict[str, str]) -> None:
    ticket, code = await mailed(game)
    told = []
    for number in range(8):
        wrong = {"linkTicket": ticket, "code": f"{(int(code) + number + 1) % 10**8:08}"}
        told.append(refused(await game.web.post("/v1/sign-in/link", json=wrong)))
    assert (429, "login_throttled") in told
    assert await game.sql("SELECT count(*) FROM identity_external") == [(0,)]


async def test_a_suspended_player_is_not_linked(game: Game, ann: dict[str, str]) -> None:
    ticket, code = await mailed(game)
    await game.sql("UPDATE identity_player SET state = 'suspended'")
    body = {"linkTicket": ticket, "code": code}
    answer = await game.web.post("/v1/sign-in/link", json=body)
    assert refused(answer) == (403, "player_suspended")
    assert await game.sql("SELECT count(*) FROM identity_external") == [(0,)]


async def test_the_password_stays_good_after_linking(game: Game, ann: dict[str, str]) -> None:
    ticket, code = await mailed(game)
    done(await game.web.post("/v1/sign-in/link", json={"linkTicket": ticket, "code": code}))
    body = {"email": "ann@player.test", "password": PASSWORD}
    assert done(await game.web.post("/login", json=body))["userId"] == ann["userId"]
