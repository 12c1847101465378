"""What a player has: balances by bucket, grants, spends and holds, behind gates."""
