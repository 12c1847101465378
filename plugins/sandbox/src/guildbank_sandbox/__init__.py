"""The sandbox: a payment company to play with, and the plugin that speaks to it."""
