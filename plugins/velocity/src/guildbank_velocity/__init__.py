"""A gate of the pipeline that bounds what a player buys in a time."""
