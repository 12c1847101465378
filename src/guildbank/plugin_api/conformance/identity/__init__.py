"""The contract of identity providers as a program."""
