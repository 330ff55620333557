"""Publication: checks, the gate, the release and its announcement."""
