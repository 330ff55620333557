"""Features: what is known of users, items and their relations as of a cut."""
