"""Players of a shop who ask for their money back, and operators who answer."""

from typing import Any

from tests.payments.shop import Shop

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.requests import (
    AskCommand,
    GrantCommand,
    RejectCommand,
    RequestReason,
)
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.ask_refund import ask_refund
from guildbank.payments.usecases.decide_request import (
    grant_request,
    reject_request,
    withdraw_request,
)
from guildbank.payments.usecases.read_requests import ShownRequest, get_request


def refused(outcome: object) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


async def try_asking(
    shop: Shop, intent: Intent, minor: int | None = None, key: str | None = None, **more: Any
) -> ShownRequest | Refusal:
    """Ask as the player who paid, or as somebody else."""
    player = more.pop("player", intent.player_id)
    told = {"reason": RequestReason.BY_MISTAKE, "text": None, "money": None, **more}
    command = AskCommand(payment_id=intent.id, amount_minor=minor, **told)
    return await ask_refund(shop.payments, shop.tenant, player, key or new_id("key"), command)


async def ask(shop: Shop, intent: Intent, minor: int | None = None, **more: Any) -> ShownRequest:
    asked = await try_asking(shop, intent, minor, **more)
    assert not isinstance(asked, Refusal), asked
    return asked


async def try_granting(
    shop: Shop, one: ShownRequest, minor: int | None = None, key: str | None = None, by: str = "op"
) -> ShownRequest | Refusal:
    command = GrantCommand(
        request_id=one.request.id, amount_minor=minor, money=None, note="once is a mistake"
    )
    made = await grant_request(shop.payments, shop.tenant, by, key or new_id("key"), command)
    assert not isinstance(made, Receipt), "nothing asks for a second person here"
    return made


async def grant(shop: Shop, one: ShownRequest, minor: int | None = None) -> ShownRequest:
    made = await try_granting(shop, one, minor)
    assert not isinstance(made, Refusal), made
    return made


async def reject(shop: Shop, one: ShownRequest, key: str | None = None) -> ShownRequest | Refusal:
    command = RejectCommand(request_id=one.request.id, answer="They are spent.", note="all spent")
    return await reject_request(shop.payments, shop.tenant, "op", key or new_id("key"), command)


async def withdraw(
    shop: Shop, one: ShownRequest, player: str | None = None
) -> ShownRequest | Refusal:
    whose = player or one.request.player_id
    return await withdraw_request(shop.payments, shop.tenant, whose, one.request.id)


async def seen(shop: Shop, one: ShownRequest) -> ShownRequest:
    found = await get_request(shop.payments, shop.tenant, one.request.id)
    assert not isinstance(found, Refusal), found
    return found
