"""The execution report as a file: JSON for machines, CSV, XLSX and HWPX for people.

The same report gives the same bytes, today and tomorrow, so that a re-opened report can be proved unchanged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.ledger.exports.hwpx_document import render_hwpx
from services.ledger.exports.plain import render_csv, render_json
from services.ledger.exports.workbook import render_xlsx

__all__ = ["FORMATS", "Format", "UnknownFormatError", "file_name", "render"]


@dataclass(frozen=True, slots=True)
class Format:
    media_type: str
    render: Callable[[Mapping[str, Any]], bytes]


class UnknownFormatError(ValueError):
    """There is no export in the format asked for."""


FORMATS: Final[Mapping[str, Format]] = {
    "json": Format("application/json", render_json),
    "csv": Format("text/csv; charset=utf-8", render_csv),
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", render_xlsx),
    "hwpx": Format("application/hwp+zip", render_hwpx),
}


def render(report: Mapping[str, Any], format: str) -> bytes:
    """The report in one of FORMATS. Raises UnknownFormatError."""
    return _known(format).render(report)


def file_name(report: Mapping[str, Any], format: str) -> str:
    """An ASCII name any mail system and browser keeps, such as execution-2025-04-11.xlsx."""
    _known(format)
    return f"{report['report']}-{report['as_of']}.{format}"


def _known(format: str) -> Format:
    try:
        return FORMATS[format]
    except KeyError:
        raise UnknownFormatError(f"{format!r} is not one of {', '.join(FORMATS)}") from None
