"""A gate of the pipeline that lets purchases through by country."""
