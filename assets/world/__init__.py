"""A synthetic world with known truth: dirty landing zones, and who is who in them."""
