"""Names that anybody may have given, made fit to be shown."""


def printable(text: str) -> str:
    """With a question mark for each control character and half of a character."""
    return "".join(character if character.isprintable() else "?" for character in text)
