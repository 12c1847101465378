"""The verbs of wallets, one a file, and the parts that they work with."""

from collections.abc import Sequence
from dataclasses import dataclass

from guildbank.approvals import FourEyes
from guildbank.identity import Persons
from guildbank.infra.database import Database
from guildbank.journal import Journal
from guildbank.pipelines import Pipelines
from guildbank.wallets.contracts import Gate


@dataclass(frozen=True, slots=True)
class Wallets:
    """What the verbs need; the app makes one. `gates` may veto whatever leaves a wallet.

    `pipelines` know the tenants' hooks; without them there are none.
    """

    db: Database
    journal: Journal
    persons: Persons
    gates: Sequence[Gate]
    four_eyes: FourEyes
    pipelines: Pipelines | None = None
