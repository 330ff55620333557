"""What exists: one package a stage, `assets.py` for Dagster, pure modules beside it."""
