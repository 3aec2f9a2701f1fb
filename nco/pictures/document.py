"""An HTML file that needs nothing else: its own script, style and data, and no others.

Its content security policy forbids scripts and styles other than its own, and everything from
elsewhere; only images may stand in it as data.
"""

import base64
import hashlib
import json
from html import escape
from typing import Any

DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}<script type="application/json" id="{name}">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def document(title: str, body: str, style: str, script: str, name: str, data: Any) -> str:
    """The whole file.

    Args:
        title: plain text, which is escaped.
        body: HTML, in which every word of a user's is escaped already.
        style, script: the file's only ones.
        name: the id of the element from which the script reads `data`.
        data: plain data.
    """
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return DOCUMENT.format(
        policy=escape(policy),
        title=escape(title),
        style=style,
        body=body,
        name=name,
        data=as_json(data),
        script=script,
    )


def as_json(data: Any) -> str:
    """For a script element, which ends at the first ``</script`` whatever stands around it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028")


def _hash(text: str) -> str:
    """As a content security policy names an inline script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
