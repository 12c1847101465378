"""The only all-seeing place: wiring, HTTP application, worker and command line."""
