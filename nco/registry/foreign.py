"""Files of problems that are not solved here, so that they are refused as what they are."""

import re

WINDOWS = "with time windows"
KINDS = {  # what a text shows at its beginning: what it is
    r"\A\s*\S+\s+VEHICLE\s+NUMBER\s+CAPACITY\s": f"a Solomon file: vehicle routing {WINDOWS}",
    # vehicles, capacity, speed; then the depot, which is task 0
    r"\A\s*\d+\s+\d+\s+\d+\s*\n\s*0(\s+-?\d+){5}\s+0\s+0\s+0\s*\n": "a Li and Lim file: pickup "
    f"and delivery {WINDOWS}",
    r"(?im)\A(\s*\*.*\n)*\s*NAME\s.*\n\s*ROWS\s": "an MPS file: a mixed-integer program",
    r"(?i)\A\s*(\\.*\n\s*)*(maximize|minimize|max|min)\s": "an LP file: a mixed-integer program",
    r"(?i)\A\s*<\?xml": "an XML file",
    r"(?i)\A\s*<(!doctype )?html": "a web page, perhaps the message of a server",
}


def kind(text: str) -> str | None:
    """What a text of another problem is; None where it is none of those known here."""
    begin = text[:4000]
    return next((name for pattern, name in KINDS.items() if re.search(pattern, begin)), None)
