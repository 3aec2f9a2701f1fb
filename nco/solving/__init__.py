"""The way of one answer: options, schedule, portfolio, incumbents, certificate, solution."""
