"""Runnable experiments, one YAML a file; a package only so that they travel in the wheel."""
