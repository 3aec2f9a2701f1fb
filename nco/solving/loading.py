"""Links torch without holding the interpreter's lock, so that importing it stops no other thread.

The import takes seconds, for most of one of which the dynamic linker would hold the lock. A foreign
call releases it; the import then finds the library there.
"""

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

LIBRARIES = ("libtorch_global_deps.so", "libtorch_cpu.so")


def link() -> None:
    """Loads the large libraries of torch where it is not imported yet; nothing but on Linux."""
    found = importlib.util.find_spec("torch")
    if "torch" in sys.modules or sys.platform != "linux" or found is None or found.origin is None:
        return
    load = ctypes.CDLL(None).dlopen
    load.restype, load.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    for name in LIBRARIES:  # one that is not there is for the import to find, or to miss
        load(os.fsencode(Path(found.origin).parent / "lib" / name), os.RTLD_NOW)
