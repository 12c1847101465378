"""The plugin `night-guard` of Guildbank."""
