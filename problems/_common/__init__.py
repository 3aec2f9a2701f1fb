"""What problems of several kinds share: case files in YAML, and annealing."""
