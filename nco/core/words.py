"""Numbers in the sentences that people read; files and JSON have them in full."""

LARGE = 1e6  # from which on the places after the point say nothing
EXACT = 1e15  # floats beyond it are no longer exact to a unit


def number(value: float) -> str:
    """A number as people write it: ``1,250``, ``0.05``, ``12.5``, ``190.798``.

    Six digits, and at most two after the point from a million on. Beyond 15 digits or a millionth,
    where only a power of ten is legible, there is one.
    """
    if value == 0:
        return "0"
    if isinstance(value, int) and abs(value) < EXACT:
        return f"{value:,}"
    if not 1e-6 <= abs(value) < EXACT:
        return f"{value:.4g}"
    text = f"{value:.2f}" if abs(value) >= LARGE else f"{value:.6g}"
    if "e" in text:
        text = f"{value:.12f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    whole, _, part = text.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    whole = f"{int(whole):,}"
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def amount(value: float, unit: str = "") -> str:
    """A number and what it is measured in: ``190.798 km``."""
    return f"{number(value)} {unit}" if unit else number(value)


def average(value: float, error: float) -> str:
    """A mean that is known to within an error, to a digit more than the error has: ``175.38``."""
    from math import floor, log10

    if not 0 < error < abs(value):
        return number(value)
    places = max(1 - floor(log10(error)), 0)
    return f"{value:,.{places}f}" if places <= 6 else number(value)
