"""The verbs of wallets that can wait for a second person: what is shown of them, and done then."""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.approvals import Approvable, Measured
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Receipt
from guildbank.kernel import Refusal
from guildbank.ledger import HOUSE, Address
from guildbank.wallets.contracts import Grant, MovedFacts, Post, PostedFacts, Reverse, Spend
from guildbank.wallets.http.moves import GRANT, REVERSE, SPEND
from guildbank.wallets.http.postings import POST, posting_view, reversal_view
from guildbank.wallets.http.views import moved_view
from guildbank.wallets.usecases.grant import GrantAct
from guildbank.wallets.usecases.operate import Request, Stored, make_act
from guildbank.wallets.usecases.pass_hooks import PassedAct
from guildbank.wallets.usecases.post import PostAct
from guildbank.wallets.usecases.reverse import ReverseAct
from guildbank.wallets.usecases.spend import SpendAct

_MOVED = msgspec.json.Decoder(MovedFacts)
_POSTED = msgspec.json.Decoder(PostedFacts)


class _Either(msgspec.Struct):
    transfers: msgspec.Raw = msgspec.Raw()


_EITHER = msgspec.json.Decoder(_Either)


async def _act(
    services: Any, _tenant: TenantRef | None, by: str, stored: Stored[Any]
) -> Act | Refusal:
    """Return the operation's act without a key: that is the request's already.

    Hooks said what they have to say when it was asked for.
    """
    act = make_act(services.wallets, by, Request(stored.operation, None), stored.sealed)
    if stored.passed is None or isinstance(act, Refusal):
        return act
    return PassedAct(act, stored.passed)


def _moved(data: bytes) -> Measured:
    facts = _MOVED.decode(data)
    return Measured(facts.player, {facts.currency: facts.amount})


def _posted(data: bytes) -> Measured:
    """Measure a posting: the player is named where it concerns one alone."""
    amounts: dict[str, int] = {}
    players: set[str] = set()
    for one in _POSTED.decode(data).transfers:
        amounts[one.credit.asset] = amounts.get(one.credit.asset, 0) + one.amount
        players |= {side.owner for side in (one.debit, one.credit) if side.owner != HOUSE}
    return Measured(players.pop() if len(players) == 1 else None, amounts)


def _reversed(data: bytes) -> Measured:
    return _posted(data) if bytes(_EITHER.decode(data).transfers) else _moved(data)


def _show_move(stored: Stored[Any]) -> Mapping[str, Any]:
    one = stored.operation
    return {"playerId": one.player_id, "currency": one.currency, "amount": one.amount}


def _show_reverse(stored: Stored[Reverse]) -> Mapping[str, Any]:
    one = stored.operation
    parts = [{"leg": part.leg, "amount": part.amount} for part in one.parts or ()]
    shown = {"transactionId": one.transaction_id, "playerId": one.player_id, "amount": one.amount}
    return {**shown, "legs": parts} if parts else shown


def _show_post(stored: Stored[Post]) -> Mapping[str, Any]:
    return {
        "legs": [
            {
                "from": _side(leg.debit),
                "to": _side(leg.credit),
                "currency": leg.credit.asset,
                "amount": leg.amount,
            }
            for leg in stored.operation.legs
        ]
    }


def _side(side: Address) -> Mapping[str, str]:
    if side.owner == HOUSE:
        return {"house": side.bucket}
    return {"playerId": side.owner, "bucket": side.bucket}


def _answer_moved(receipt: Receipt) -> Any:
    return moved_view(receipt)


APPROVABLES = (
    Approvable(
        verb=GrantAct.verb,
        permission=GRANT,
        meaning="Give a player free coins.",
        command=Stored[Grant],
        show=_show_move,
        act=_act,
        measure=_moved,
        sealed=lambda stored: stored.sealed,
        answer=_answer_moved,
    ),
    Approvable(
        verb=SpendAct.verb,
        permission=SPEND,
        meaning="Take a player's coins for something in the game.",
        command=Stored[Spend],
        show=_show_move,
        act=_act,
        measure=_moved,
        sealed=lambda stored: stored.sealed,
        answer=_answer_moved,
    ),
    Approvable(
        verb=ReverseAct.verb,
        permission=REVERSE,
        meaning="Undo a spend, capture, grant or raw posting.",
        command=Stored[Reverse],
        show=_show_reverse,
        act=_act,
        measure=_reversed,
        sealed=lambda stored: stored.sealed,
        answer=reversal_view,
    ),
    Approvable(
        verb=PostAct.verb,
        permission=POST,
        meaning="Post legs between players and the house's accounts.",
        command=Stored[Post],
        show=_show_post,
        act=_act,
        measure=_posted,
        sealed=lambda stored: stored.sealed,
        answer=posting_view,
    ),
)
