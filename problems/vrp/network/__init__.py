"""Rich routing for networks: tensors, columns, mixtures of constraints, orders of routes."""
