"""What the lab is told when it starts."""

from pathlib import Path

import msgspec


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """`url` is how browsers and Guildbank reach the lab; `seed` decides every id that it makes.

    With a `state` all is kept in that file, and the next lab goes on from it.
    """

    url: str
    seed: int = 1
    silence_seconds: float = 60.0
    late_seconds: float = 1.0
    retry_seconds: float = 1.0
    allow_remote_webhooks: bool = False
    state: Path | None = None
