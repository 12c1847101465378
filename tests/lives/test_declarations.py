"""Every table that names a person is declared by its room, and the declarations are true."""

import pytest
from sqlalchemy import Table
from tests.studio import Studio

from guildbank.app.rooms import all_rooms, obstacles_of, personal_of
from guildbank.infra.database import tenant_metadata
from guildbank.infra.room import Obstacle, Personal
from guildbank.infra.schema import collect

NAMES_A_PERSON = frozenset({"player_id", "player", "person", "owner", "to_hash", "external_id"})
OF_A_PAYMENT = frozenset({"payment_id", "attempt_id"})
"""What belongs to a player's payment is the player's."""


def knowing(table: Table) -> bool:
    """Say whether the table's columns name persons, or rows that do."""
    names = {column.name for column in table.columns}
    return bool(names & (NAMES_A_PERSON | OF_A_PAYMENT))


def test_every_table_that_names_persons_is_declared_by_its_room() -> None:
    collect()
    declared = {room.name: {one.table for one in room.personal} for room in all_rooms()}
    missing = [
        table.name
        for table in tenant_metadata.sorted_tables
        if knowing(table) and table.name not in declared[table.name.partition("_")[0]]
    ]
    assert missing == [], "declare them in `personal` of their room: what is told, and erased"


def test_a_new_table_would_not_be_forgotten() -> None:
    collect()
    found = {table.name for table in tenant_metadata.sorted_tables if knowing(table)}
    assert {"identity_email", "wallets_limit", "payments_refund", "ledger_account"} <= found


def test_what_is_declared_exists_once_and_says_why_it_stays() -> None:
    collect()
    tables = [one.table for one in personal_of(all_rooms())]
    assert len(tables) == len(set(tables))
    assert set(tables) <= set(tenant_metadata.tables)
    silent = [one.table for one in personal_of(all_rooms()) if not one.erase and not one.kept]
    assert silent == []


@pytest.mark.parametrize("one", personal_of(all_rooms()), ids=lambda one: one.table)
async def test_its_statements_run(studio: Studio, player: str, one: Personal) -> None:
    key: object = [b"x"] if one.by == "address" else player
    for statement in (one.known, one.known_to_staff, *one.erase):
        if statement is not None:
            await studio.sql(statement, key)


@pytest.mark.parametrize("one", obstacles_of(all_rooms()), ids=lambda one: one.name)
async def test_an_obstacle_can_be_asked(studio: Studio, player: str, one: Obstacle) -> None:
    assert await studio.sql(one.statement, [player]) == []
