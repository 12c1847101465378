"""What is read of the ledger, one question a file. Writing is done by acts of the rooms above."""
