"""Seeds: one for each purpose, all from the recipe's seed."""

from __future__ import annotations

import hashlib


def derive(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, so that one more stage does not shift the others."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:4], "big")
