"""Robots are kept out: captchas, addresses and passwords are checked before anything is made."""
