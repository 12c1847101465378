"""A callback that tells a server of the tenant's what was committed, by signed webhooks."""
