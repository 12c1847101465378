"""SQL of identity: players, keys, and the keys of persons."""
