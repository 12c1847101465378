"""What crosses the door of payments, by subject."""
