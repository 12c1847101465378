"""Sign-in by what Telegram signs, as a plugin of Guildbank."""
