"""Random seeds: the recipe's seed gives one for each purpose."""

from __future__ import annotations

import hashlib


def derive(seed: int, purpose: str) -> int:
    """Return the seed for one purpose, such as "sampling". A new purpose does not change the other seeds.

    Example:
        >>> derive(0, "model") == derive(0, "sampling")
        False
    """
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:4], "big")
