"""Apple's App Store as a payment provider of Guildbank."""
