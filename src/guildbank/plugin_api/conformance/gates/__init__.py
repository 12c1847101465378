"""The contract of the slots entry and middleware as a program."""
