"""A game's player is one player here, however often and from however many places it is added."""

import asyncio

import pytest
from tests.house import House

from guildbank.identity import (
    PLAYERS,
    AddPlayer,
    Player,
    add_player,
    find_player,
    get_player,
    list_players,
)
from guildbank.journal import Journal, fetch_rows
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("players-home")


async def added(house: House, home: TenantRef, external_id: str) -> tuple[Player, bool]:
    outcome = await add_player(house.identity, home, "app_1", external_id)
    assert not isinstance(outcome, Refusal)
    return outcome


async def test_adding_again_finds_the_same_player(house: House, home: TenantRef) -> None:
    first, new = await added(house, home, "user-1")
    again, newer = await added(house, home, "user-1")
    assert (new, newer) == (True, False)
    assert again == first
    assert first.id.startswith("player_")
    assert await get_player(house.identity, home, first.id) == first
    assert await find_player(house.identity, home, "user-1") == first


async def test_many_at_once_from_two_processes_make_one_player(
    house: House, home: TenantRef
) -> None:
    other_journal = Journal(house.db)
    other = house.another(other_journal)
    outcomes = await asyncio.gather(
        *(
            add_player(identity, home, "app_1", "racer")
            for identity in (house.identity, other)
            for _ in range(20)
        )
    )
    await other_journal.close()
    players = [outcome for outcome in outcomes if not isinstance(outcome, Refusal)]
    assert len(players) == 40
    assert len({player.id for player, _ in players}) == 1
    assert sum(new for _, new in players) == 1


async def test_one_batch_with_the_same_id_twice_makes_one_player(
    house: House, home: TenantRef
) -> None:
    acts = [AddPlayer("app_1", name) for name in ("twin", "twin", "only")]
    outcomes = await house.journal.submit_each(home.schema, acts)
    assert [isinstance(outcome, Refusal) for outcome in outcomes] == [False, True, False]
    async with house.db.begin(home.schema) as tx:
        found = await fetch_rows(tx.driver, PLAYERS, [act.player_id for act in acts])
    assert set(found) == {acts[0].player_id, acts[2].player_id}


async def test_the_games_id_never_enters_the_chain(house: House, home: TenantRef) -> None:
    player, _ = await added(house, home, "jane.doe@example.com")
    async with house.db.begin(home.schema) as tx:
        rows = await tx.driver.fetch(
            "SELECT entry::text AS whole, kind FROM journal_entry AS entry WHERE data LIKE $1",
            f"%{player.id}%",
        )
        leaked = await tx.driver.fetchval(
            "SELECT count(*) FROM journal_entry AS entry WHERE entry::text LIKE '%jane.doe%'"
        )
    assert [row["kind"] for row in rows] == ["identity.player_created"]
    assert leaked == 0


async def test_a_tenants_players_do_not_exist_in_another(house: House, home: TenantRef) -> None:
    other = await house.tenant("players-other")
    here, _ = await added(house, home, "everywhere")
    there, new = await added(house, other, "everywhere")
    assert new
    assert there.id != here.id
    missing = await get_player(house.identity, other, here.id)
    assert isinstance(missing, Refusal)
    assert missing.code == "not_found"


async def test_ids_of_no_form_are_not_found(house: House, home: TenantRef) -> None:
    for id_ in ("", "player_", "player_x", "pay_01kag3pyqmf9aag12vtrsy70ps", "a\x00b", "🂡"):
        missing = await get_player(house.identity, home, id_)
        assert isinstance(missing, Refusal), id_


async def test_players_are_listed_oldest_first(house: House) -> None:
    home = await house.tenant("players-listed")
    ids = [(await added(house, home, f"listed-{number}"))[0].id for number in range(5)]
    first = await list_players(house.identity, home, limit=3)
    rest = await list_players(house.identity, home, after=first[-1].id, limit=3)
    assert [player.id for player in first + rest] == ids
