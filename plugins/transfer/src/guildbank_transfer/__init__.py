"""Bank transfers that an operator confirms, as a payment provider of Guildbank."""
