"""One script a performance claim, each against a peer measured in the same run."""
