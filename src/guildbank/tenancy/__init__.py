"""Tenants: each one a schema of its own behind a wall."""
