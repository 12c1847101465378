"""A gate of the pipeline that lets players buy whose age is confirmed."""
