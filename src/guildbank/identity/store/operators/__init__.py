"""SQL about operators, by subject; each statement sees the schema of one plane."""
