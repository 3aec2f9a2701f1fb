"""Compiled ruin and recreate for routing; importing this package does not import numba."""
