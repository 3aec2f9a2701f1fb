"""All that the author of a problem, a network or a method imports."""
