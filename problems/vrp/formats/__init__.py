"""Files, arrays and tables of rich routing: one module a form, and what they share."""
