"""Models: what is fitted on each cut, candidates and their features."""
