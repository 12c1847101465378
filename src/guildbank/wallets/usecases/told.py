"""Which entries after-hooks are told of, by the pipeline of the verb, and whose they are.

What settles, undoes or ends an operation is not among them.
"""

from collections.abc import Callable, Mapping

import msgspec

from guildbank.journal import Entry
from guildbank.ledger import HOUSE
from guildbank.wallets.contracts import MovedFacts, PostedFacts
from guildbank.wallets.usecases.grant import GRANTED
from guildbank.wallets.usecases.hold import HELD
from guildbank.wallets.usecases.post import POSTED
from guildbank.wallets.usecases.spend import SPENT

_MOVED = msgspec.json.Decoder(MovedFacts)
_POSTED = msgspec.json.Decoder(PostedFacts)


def _player(entry: Entry) -> str:
    return _MOVED.decode(entry.data).player


def _first_player(entry: Entry) -> str:
    """Return the player by whom the hooks that were asked before were chosen, if there is one."""
    sides = (
        side for one in _POSTED.decode(entry.data).transfers for side in (one.debit, one.credit)
    )
    return next((side.owner for side in sides if side.owner != HOUSE), "")


TOLD: Mapping[str, tuple[str, Callable[[Entry], str]]] = {
    SPENT: ("spend", _player),
    HELD: ("spend", _player),
    GRANTED: ("grant", _player),
    POSTED: ("transfer", _first_player),
}
