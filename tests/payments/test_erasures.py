"""Nobody is forgotten while something of theirs is under way, begun in the very same batch too."""

from datetime import timedelta

import pytest
from tests.payments.shop import Shop

from guildbank.app.rooms import all_rooms, obstacles_of
from guildbank.identity.usecases.lives.erase import Erase, request_erasure
from guildbank.identity.usecases.players.read_players import get_player
from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.usecases.refund import BeginRefund

OBSTACLES = obstacles_of(all_rooms())


async def erasure(shop: Shop, player: str) -> Erase:
    """Ask for an erasure, and return the act that does it."""
    asked = await request_erasure(
        shop.house.identity, shop.tenant, "app", player, timedelta(days=1)
    )
    assert not isinstance(asked, Refusal), asked
    return Erase("app", player, (), OBSTACLES)


async def state(shop: Shop, player: str) -> str:
    found = await get_player(shop.house.identity, shop.tenant, player)
    return found.code if isinstance(found, Refusal) else found.state


@pytest.mark.parametrize("first", ["the refund", "the erasure"])
async def test_an_erasure_waits_for_a_refund_that_is_begun_in_its_batch(
    shop: Shop, first: str
) -> None:
    player = await shop.player()
    intent = await shop.buy(player)
    (attempt,) = (await shop.dossier(intent)).attempts
    command = RefundCommand(payment_id=intent.id, amount_minor=None, money=None, reason=None)
    begin = BeginRefund(attempt, "app", new_id("key"), command, "tenant")
    acts = [begin, await erasure(shop, player)]
    turn = 1 if first == "the refund" else -1
    done = await shop.house.journal.submit_each(shop.tenant.schema, acts[::turn])
    begun, erased = done[::turn]
    assert isinstance(begun, Receipt), begun
    assert isinstance(erased, Refusal), erased
    assert (erased.code, erased.extra) == ("erasure_held", {"heldBy": ["refund_in_flight"]})
    assert await state(shop, player) == "active"


async def test_many_are_forgotten_in_one_batch(shop: Shop) -> None:
    players = [await shop.player() for _ in range(8)]
    acts = [await erasure(shop, player) for player in players]
    done = await shop.house.journal.submit_each(shop.tenant.schema, acts)
    assert all(isinstance(one, Receipt) for one in done), done
    assert {await state(shop, player) for player in players} == {"erased"}
