"""What counts as plain text everywhere: on forms, in events and in every database."""

import re
from typing import Final

CONTROLS_AND_SURROGATES: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def is_plain(text: str, *, allowed_controls: str = "") -> bool:
    """No control characters and no half of a surrogate pair: PostgreSQL and UTF-8 refuse some of them."""
    if text.isascii() and text.isprintable():  # settles most texts, which are ids, at once
        return True
    return set(CONTROLS_AND_SURROGATES.findall(text)) <= set(allowed_controls)
