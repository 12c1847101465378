"""A fraud scorer of the pipeline: a table of rules with weights, each explained."""
