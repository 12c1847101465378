"""Sign-in by OpenID Connect and OAuth 2, as plugins of Guildbank."""
