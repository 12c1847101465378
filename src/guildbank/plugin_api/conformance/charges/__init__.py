"""The contract of the slot charge as a program."""
