"""Compiled ruin and recreate for rich routing: windows, fleets, depots, backhauls, prizes."""
