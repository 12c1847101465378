"""How a player's statement is shown."""

from guildbank.app.client import Client


def show(server: Client, player: str, currency: str | None, limit: int) -> None:
    """Print the newest lines of a player's statement."""
    raise NotImplementedError
