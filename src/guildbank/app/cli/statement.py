"""How a player's statement is shown."""

from guildbank.app.cli.screen import fail, table
from guildbank.app.client import Client

_PREFIX = "player_"


def show(server: Client, player: str, currency: str | None, limit: int) -> None:
    """Print the newest lines of the statement of a player, by either id."""
    player_id = player if player.startswith(_PREFIX) else _by_external_id(server, player)
    page = server.get(f"/v1/players/{player_id}/statement", currency=currency, limit=limit)
    columns = ("at", "kind", "currency", "bucket", "amount", "balance", "total", "transactionId")
    table(columns, ([line[column] for column in columns] for line in page["items"]))


def _by_external_id(server: Client, external_id: str) -> str:
    found = server.get("/v1/players", externalId=external_id)["items"]
    if not found:
        raise fail(f"There is no player {external_id!r} in this tenant.")
    return str(found[0]["id"])
