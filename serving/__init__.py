"""How a release is packed, read and answered."""
