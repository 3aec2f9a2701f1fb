"""The arithmetic of the checker: schedules, and what no plan can do; shared with no solver."""
