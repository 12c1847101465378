"""A payment company in a process of its own: API, hosted checkout, dashboard and webhooks."""
