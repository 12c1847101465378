"""A gate of the pipeline that holds purchases between a least and a most amount."""
