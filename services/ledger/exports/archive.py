"""Zip archives without a trace of the moment they were made."""

import io
from collections.abc import Callable
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)  # of what a zip archive can say
_PLAIN_FILE: Final = 0o600 << 16


def without_moment(archive: bytes, rewrite: Callable[[str, bytes], bytes] = lambda _name, content: content) -> bytes:
    """The same entries in the same order with a fixed time; `rewrite` may change an entry's content."""
    target = io.BytesIO()
    with ZipFile(io.BytesIO(archive)) as source, ZipFile(target, "w") as copy:
        for entry in source.infolist():
            fixed = ZipInfo(entry.filename, _EARLIEST)
            # HWPX wants its mimetype first and stored, so each entry keeps its method.
            fixed.compress_type = ZIP_STORED if entry.compress_type == ZIP_STORED else ZIP_DEFLATED
            fixed.external_attr = _PLAIN_FILE
            fixed.create_system = 3
            copy.writestr(fixed, rewrite(entry.filename, source.read(entry)))
    return target.getvalue()
