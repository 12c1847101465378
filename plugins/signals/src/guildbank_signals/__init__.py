"""A step of the pipeline that notes where a purchase comes from and who shares the device."""
