"""What problems of several kinds share: files in YAML, exact decimals, annealing, deadlines."""
