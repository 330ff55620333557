"""Ingest: from files in any state to the lake, with an account of every record."""
