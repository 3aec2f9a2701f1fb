"""Labelled sets: instances with good solutions, stored compactly and made again from seeds."""
