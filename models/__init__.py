"""Imported as `nco.models`: a bare `models` would collide with other people's code."""

if __name__ == "models":
    raise ImportError("import nco.models, not models")
