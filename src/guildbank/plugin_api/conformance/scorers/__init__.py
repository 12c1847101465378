"""The contract of the slot scorer as a program."""
