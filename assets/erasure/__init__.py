"""Erasure: the one rewrite of what is stored, so that nothing of a user is left in any file."""
