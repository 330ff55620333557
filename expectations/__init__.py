"""What every stored table must keep: checks derived from its schema, run by Great Expectations."""
