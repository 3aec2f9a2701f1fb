"""What every picture shares, of no problem in particular: colours, names, ticks, and HTML pages."""
