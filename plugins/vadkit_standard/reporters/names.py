"""Names from users, made safe to print."""


def printable(text: str) -> str:
    """Replace each control character and unpaired surrogate by a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)
