"""Compiled local search for tours: 2-opt and Or-opt with neighbour lists, and small kicks."""
