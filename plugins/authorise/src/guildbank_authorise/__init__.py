"""A gate of the pipeline that asks the game's own server before money is taken."""
