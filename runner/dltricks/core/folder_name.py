"""Which names can be a folder on every system."""

from __future__ import annotations

import re

RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, which ignores what follows the first dot, and spaces before it."""
LONGEST = 100
"""Characters of a name; in UTF-8 twice as many bytes at most."""


def name_problem(name: str) -> str | None:
    """Why a name cannot name a folder on every system, or None if it can."""
    if not name:
        return "it is empty"
    if len(name) > LONGEST or len(name.encode("utf-8", "surrogatepass")) > 2 * LONGEST:
        return f"it is longer than {LONGEST} characters (or {2 * LONGEST} bytes)"
    if not name.isprintable():
        return "it contains control or invisible characters"
    bad = re.search(r'[/\\<>:"|?*]', name)
    if bad:
        return f"it contains {bad[0]!r}"
    if name[0] in ". " or name[-1] in ". ":
        return "it begins or ends with a dot or a space"
    if RESERVED.fullmatch(name):
        return "Windows reserves it"
    return None
