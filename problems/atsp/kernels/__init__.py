"""Compiled search of tours whose legs have a direction."""
