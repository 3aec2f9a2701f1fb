"""Solvers of mixed fleets: ruin and recreate, OR-Tools and PyVRP."""
