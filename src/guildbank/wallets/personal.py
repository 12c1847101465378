"""What wallets know of persons beside their coins."""

from guildbank.infra.room import Personal

PERSONAL = (
    Personal(
        "wallets_limit",
        "SELECT currency, per_day FROM wallets_limit WHERE player = $1 ORDER BY currency",
        kept="A number under the id of a player whom nobody knows any more.",
    ),
)
