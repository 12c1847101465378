"""Sign-in by tickets of Steam, as a plugin of Guildbank."""
