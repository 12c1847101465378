"""A payment provider plugin of Guildbank."""
