"""The verbs of the store, one a file, and the parts that they work with."""

from dataclasses import dataclass

from guildbank.infra.database import Database
from guildbank.journal import Journal


@dataclass(frozen=True, slots=True)
class Store:
    """What the verbs need; the app makes one."""

    db: Database
    journal: Journal
