"""Guildbank: an economy server for games on one double-entry journal."""
