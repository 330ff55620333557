"""Features: interactions, users and items as of a cut. Every function is written once, in narwhals."""
