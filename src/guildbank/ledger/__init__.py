"""Accounts, postings, holds, lots and the proof that every unit is accounted for."""
