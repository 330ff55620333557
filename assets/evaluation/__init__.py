"""Evaluation: cuts through time, and how every system does at them."""
