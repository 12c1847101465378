"""A step of the pipeline that charges a fee by money, country and platform."""
