"""Receipts by mail, as a callback step of Guildbank."""
