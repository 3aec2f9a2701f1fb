"""What compiled kernels share: the compiler and its cache, random numbers, clock and cooling.

A kernel is a function over arrays that takes a number of steps and gives the interpreter free while
it runs. Python keeps the clock, the temperature, the best solutions and their publication. numba
takes a while to import: only `compiling` and modules that hold kernels import it, and only
processes that solve or make labels import those.
"""
