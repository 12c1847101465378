"""The verbs of second factors, one a file."""
