"""Imported as `nco.problems`: a bare `problems` would collide with other people's code."""

if __name__ == "problems":
    raise ImportError("import nco.problems, not problems")
