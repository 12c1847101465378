"""Steam's wallet as a payment provider of Guildbank."""
