"""Vouchers that were paid for elsewhere, as a payment provider of Guildbank."""
