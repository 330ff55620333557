"""Cleaning: which accepted events count, who is a machine, and what is known at D."""
