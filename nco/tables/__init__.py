"""Tables in and out: CSV and Excel files and pandas' frames, whatever problem they are of.

`files` reads a file into `table.Table`s, `frames` a DataFrame. `columns` finds out which column is
which by what a problem's ``sheet.py`` declares (`forms`), and `reading` gives it the numbers
(`figures`) and names in them. `writing` makes files of a table of a solution. Free of torch, numpy
and pandas at import time; formulas are never computed: what a file holds is values.
"""
