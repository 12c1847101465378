"""Google on the wire: the Android Publisher API, access tokens, and pushes of Pub/Sub."""
