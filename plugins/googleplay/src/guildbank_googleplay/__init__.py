"""Google Play as a payment provider of Guildbank."""
