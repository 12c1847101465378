"""A decision on a player is cut at every point, in every way: it happened whole or not at all."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.faults.cuts import ACTIONS, VICTIM, Cut
from tests.house import House, open_house

from guildbank.app.rooms import all_rooms
from guildbank.identity import Identity, add_player
from guildbank.identity.contracts.sign_in import Entrant
from guildbank.identity.usecases.lives.change_state import (
    close_player,
    reinstate_player,
    suspend_player,
)
from guildbank.identity.usecases.lives.erase import erase_due, request_erasure
from guildbank.identity.usecases.sign_in.finish import Proof, finish_sign_in
from guildbank.infra.database import Database
from guildbank.infra.postgres import Cluster
from guildbank.infra.room import Personal
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Journal, Receipt
from guildbank.journal.usecases.verify import verify_journal
from guildbank.kernel import Refusal
from guildbank.ledger.reading.chained import CHAINED_TRANSFERS
from guildbank.ledger.usecases.prove import prove
from guildbank.wallets import BarWallets, Currency
from guildbank.wallets.contracts import Grant
from guildbank.wallets.usecases.currency import SaveCurrencyAct
from guildbank.wallets.usecases.grant import GrantAct

TITLE = "a player's suspension, return, closing or erasure cut at every point"
POINTS = (
    "journal_locked",
    "rows_loaded",
    "written",
    "before_commit",
    "after_commit",
)
WHO = "app_faults"
CURRENCIES = ("GEM", "ORE")
Decide = Callable[[Identity, TenantRef, str], Awaitable[object]]

# Of one player: the state by the register, by the standing and by each account; whether sessions go
# on; whether what was sealed can be opened; the erasure, and rows that name nobody any more.
LOOK = """
SELECT player.state,
       coalesce((SELECT state FROM identity_standing WHERE player_id = player.id), 'active'),
       ARRAY(SELECT coalesce(barred, 'active') FROM ledger_account WHERE owner = player.id),
       EXISTS (
           SELECT FROM identity_session WHERE player_id = player.id AND ended_at IS NULL
       ),
       EXISTS (SELECT FROM identity_person_key WHERE player_id = player.id),
       player.external_id IS NOT NULL,
       (SELECT erased_at IS NOT NULL FROM identity_erasure WHERE player_id = player.id),
       (SELECT swept_at IS NOT NULL FROM identity_erasure WHERE player_id = player.id),
       EXISTS (SELECT FROM identity_session WHERE player_id = player.id)
FROM identity_player AS player
WHERE player.id = $1
"""
END_OURSELVES = "SELECT pg_terminate_backend(pg_backend_pid()) WHERE $1::text IS NOT NULL"
BARS = {
    "active": "active", "suspended": "player_suspended", "closed": "player_closed",
    "erased": "player_closed",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A player as every table tells of them."""

    state: str
    standing: str
    marks: list[str]
    signed_in: bool
    has_key: bool
    has_name: bool
    erased: bool | None
    swept: bool | None
    has_sessions: bool

    def assert_of_one_mind(self) -> None:
        """State, standing and accounts say the same, and so do sessions and the key."""
        assert self.standing == self.state, self
        assert self.marks == [BARS[self.state]] * len(CURRENCIES), self
        assert self.state == "active" or not self.signed_in, self
        forgotten = self.state == "erased"
        assert (self.has_key, self.has_name) == (not forgotten, not forgotten), self
        assert bool(self.erased) == forgotten, self
        assert not (self.swept and not forgotten), self
        assert not (self.swept and self.has_sessions), self


@dataclass(frozen=True)
class Scene:
    """A tenant, and players in it who have coins and are signed in."""

    house: House
    tenant: TenantRef

    async def sql(self, text: str, *args: object) -> list[Any]:
        async with self.house.db.begin(self.tenant.schema) as tx:
            return list(await tx.driver.fetch(text, *args))

    async def look(self, player: str) -> Seen:
        (row,) = await self.sql(LOOK, player)
        return Seen(*row)

    async def person(self, name: str) -> str:
        """Add a player with coins of every currency, a sealed word, and a session."""
        identity = self.house.identity
        added = await add_player(identity, self.tenant, WHO, name)
        assert not isinstance(added, Refusal)
        player = added[0].id
        sealed = await identity.persons.seal(self.tenant, player, b'{"note": "for Bob"}')
        assert not isinstance(sealed, Refusal)
        for code in CURRENCIES:
            act = GrantAct(WHO, f"{name}-{code}", Grant(player, code, 10), sealed)
            assert isinstance(await self.house.journal.submit(self.tenant.schema, act), Receipt)
        await self.sign_in(player)
        return player

    async def sign_in(self, player: str) -> None:
        proof = Proof(entrant=Entrant(player, "active"), methods=("password",), device="Moonlit")
        tokens = await finish_sign_in(self.house.identity, self.tenant, proof)
        assert not isinstance(tokens, Refusal), tokens


@pytest.fixture(scope="module")
async def scene(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    url = cluster.create_database("test_faults_lives")
    folder = tmp_path_factory.mktemp("faults-lives")
    async with open_house(url, folder, (BarWallets(),), all_rooms()) as house:
        scene = Scene(house, await house.tenant("lives"))
        for code in CURRENCIES:
            act = SaveCurrencyAct(WHO, None, Currency(code=code, name=code), create=True)
            assert isinstance(await house.journal.submit(scene.tenant.schema, act), Receipt)
        yield scene


@pytest.fixture
async def victim(scene: Scene) -> AsyncIterator[Database]:
    db = Database(scene.house.url, pool_size=3, application=VICTIM)
    yield db
    await db.close()


async def suspend(identity: Identity, tenant: TenantRef, player: str) -> object:
    return await suspend_player(identity, tenant, WHO, player, "rude to Bob")


async def reinstate(identity: Identity, tenant: TenantRef, player: str) -> object:
    return await reinstate_player(identity, tenant, WHO, player)


async def close(identity: Identity, tenant: TenantRef, player: str) -> object:
    return await close_player(identity, tenant, WHO, player)


async def erase(identity: Identity, tenant: TenantRef, player: str) -> object:
    return await request_erasure(identity, tenant, WHO, player, timedelta())


DEEDS: dict[str, tuple[Decide, str, str]] = {
    "suspend": (suspend, "active", "suspended"),
    "reinstate": (reinstate, "suspended", "active"),
    "close": (close, "active", "closed"),
    "erase": (erase, "active", "erased"),
}
"""What is done, and the player's state before and after."""


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("deed", DEEDS)
async def test_a_decision_that_is_cut_leaves_every_table_of_one_mind(
    scene: Scene, victim: Database, tally: Counter[str], deed: str, point: str, action: str
) -> None:
    decide, before, after = DEEDS[deed]
    player = await scene.person(f"{deed}-{point}-{action}")
    if before == "suspended":
        await suspend(scene.house.identity, scene.tenant, player)
    cut = Cut(scene, point, ACTIONS[action], 1)
    journal = Journal(victim, probe=cut)
    worker = scene.house.another(journal)
    # Whatever the caller is told, the tables are what counts.
    with suppress(Exception):
        await decide(worker, scene.tenant, player)
    await journal.close()
    await worker.close()
    assert cut.left <= 0, "the point is not met at all"
    tally["cases: decision x point x action"] += 1
    seen = await scene.look(player)
    seen.assert_of_one_mind()
    assert seen.state in (before, after), seen
    tally["of these had happened"] += seen.state == after
    tally["of these were erased and not swept"] += seen.erased is True and not seen.swept
    if deed == "erase":
        # Nobody asks again: the job goes on with what was asked for.
        await erase_due(scene.house.identity)
        assert (await scene.look(player)).swept
    elif seen.state == before:
        assert not isinstance(await decide(scene.house.identity, scene.tenant, player), Refusal)
    seen = await scene.look(player)
    seen.assert_of_one_mind()
    assert seen.state == after
    if after == "active":
        await scene.sign_in(player)


@pytest.mark.parametrize("place", range(0, 30, 5))
async def test_a_sweep_that_is_cut_is_done_again_whole(
    scene: Scene, tally: Counter[str], place: int
) -> None:
    player = await scene.person(f"sweep-{place}")
    identity = scene.house.identity
    deadly = Personal("none", erase=(END_OURSELVES,))
    personal = (*identity.personal[:place], deadly, *identity.personal[place:])
    with pytest.raises(Exception, match=r"terminat|closed|connection"):
        await erase(replace(identity, personal=personal), scene.tenant, player)
    seen = await scene.look(player)
    seen.assert_of_one_mind()
    assert (seen.erased, seen.swept, seen.has_sessions) == (True, False, True)
    await erase_due(identity)
    seen = await scene.look(player)
    seen.assert_of_one_mind()
    assert seen.swept
    tally["sweeps cut between two tables, and done again"] += 1


async def test_the_journal_is_whole_and_the_proof_true_after_all_these_cuts(scene: Scene) -> None:
    await scene.person("the last one")
    db, schema = scene.house.db, scene.tenant.schema
    verified = await verify_journal(db, schema, [CHAINED_TRANSFERS])
    assert verified.damage is None, verified.damage
    proof = await prove(db, schema)
    assert proof.ok, proof.problems
