"""Training: what every method shares, the data, and Lightning's command line."""
