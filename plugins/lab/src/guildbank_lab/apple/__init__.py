"""Apple on the wire: the App Store Server API, signed transactions and notifications."""
