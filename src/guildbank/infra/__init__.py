"""Adapters to the world: database, HTTP, configuration, keys, jobs. They know no product."""
