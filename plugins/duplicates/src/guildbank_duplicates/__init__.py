"""A gate of the pipeline that refuses a purchase that was just made."""
