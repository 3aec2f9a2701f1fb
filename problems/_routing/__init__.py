"""What the routing problems share: files, distances, routes, bounds and solver adapters."""
