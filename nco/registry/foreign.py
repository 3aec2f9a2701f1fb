"""Files of problems that are not solved here, so that they are refused as what they are."""

import re

KINDS = {  # what a text shows at its beginning: what it is
    r"(?im)\A(\s*\*.*\n)*\s*NAME\s.*\n\s*ROWS\s": "an MPS file: a mixed-integer program",
    r"(?i)\A\s*(\\.*\n\s*)*(maximize|minimize|max|min)\s": "an LP file: a mixed-integer program",
    r"(?i)\A\s*<\?xml": "an XML file",
    r"(?i)\A\s*<(!doctype )?html": "a web page, perhaps the message of a server",
}


def kind(text: str) -> str | None:
    """What a text of another problem is; None where it is none of those known here."""
    begin = text[:4000]
    return next((name for pattern, name in KINDS.items() if re.search(pattern, begin)), None)
