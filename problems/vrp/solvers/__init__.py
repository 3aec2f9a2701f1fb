"""Plans of rich routing: their construction, and models for PyVRP, OR-Tools and the kernels."""
