"""What crosses identity's door, by subject."""
