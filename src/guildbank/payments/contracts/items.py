"""What players bought with coins, as far as payments take it back: the port Items."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from guildbank.journal import Need, Stage
from guildbank.ledger import SpentPart

if TYPE_CHECKING:
    from guildbank.infra.database import Tx


class Item(Protocol):
    """Something that one spend bought, and that can be taken from the player again."""

    @property
    def spend(self) -> int:
        """The entry of the spend."""
        ...

    def needs(self) -> Iterable[Need]:
        """Return the rows that decide whether the item is still there."""
        ...

    def take(self, stage: Stage) -> Mapping[str, object] | None:
        """Write that the item is gone, and return what the entry says of it, without free text.

        None where it is not there any more, or was used up: then nothing is written.
        """
        ...


class Items(Protocol):
    """Who sells things for coins knows what became of them; payments asks by this port.

    It never writes by itself: what is taken, the reversal of its spend and the claw-back of the
    coins are one commit.
    """

    async def bought(self, tx: "Tx", player_id: str, spends: Sequence[SpentPart]) -> Sequence[Item]:
        """Return what these spends of the player bought and can be taken, in the order in which it
        is to be. Of what is left out nothing is taken.
        """
        ...
