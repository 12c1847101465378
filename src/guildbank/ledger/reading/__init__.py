"""SQL of the ledger's read path: walks along the offset indexes, never over the whole table."""
