"""A step of the pipeline that charges taxes by the buyer's country."""
