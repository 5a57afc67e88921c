"""Texts as structures: pure functions, nothing is executed."""
