"""Payment companies to play with: a server that speaks as they do and fails as they fail."""
