"""What counts as plain text everywhere: on forms, in events and in every database."""


def is_plain(text: str, *, allowed_controls: str = "") -> bool:
    """No control characters and no half of a surrogate pair: PostgreSQL and UTF-8 refuse some of them."""
    return not any(
        (ord(character) < 32 and character not in allowed_controls)
        or 0x7F <= ord(character) <= 0x9F
        or 0xD800 <= ord(character) <= 0xDFFF
        for character in text
    )
