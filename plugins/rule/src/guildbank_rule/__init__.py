"""A gate of the pipeline that decides by rules in CEL."""
