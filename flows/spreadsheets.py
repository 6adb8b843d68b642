"""What a spreadsheet would run instead of showing it."""

from __future__ import annotations

# OWASP, "CSV Injection": the four signs, what some programs skip before them, and the signs' wide forms, which East Asian input methods write.
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def is_formula(text: str) -> bool:
    """Whether a cell with this text may be taken for a formula when it is opened or edited."""
    return text.startswith(BEGINS_A_FORMULA)
