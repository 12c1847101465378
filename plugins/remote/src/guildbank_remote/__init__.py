"""Steps of the pipeline that ask a server of the tenant's own, in any language."""
