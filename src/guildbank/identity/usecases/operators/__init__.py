"""Operators: how they come in, stay in, and who may change whom."""
