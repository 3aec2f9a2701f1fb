"""Many machines: batches, labels, training and sweeps on a Ray cluster (the extra `ray`)."""
