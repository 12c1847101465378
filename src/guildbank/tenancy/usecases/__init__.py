"""The verbs of tenancy, one a file."""
