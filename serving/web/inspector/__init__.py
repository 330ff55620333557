"""The inspector: one page that shows what the service would answer, and why."""
