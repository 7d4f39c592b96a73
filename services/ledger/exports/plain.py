"""JSON and CSV."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final

from services.ledger.exports.layout import Column, columns, lines
from shared.money import NOT_MEASURED

_BYTE_ORDER_MARK: Final = "\ufeff"  # without it Excel reads Hangul as something else


def render_json(report: Mapping[str, Any]) -> bytes:
    """The report itself, amounts in whole won, keys in its own order."""
    return (json.dumps(report, ensure_ascii=False, indent=2) + "\n").encode()


def render_csv(report: Mapping[str, Any]) -> bytes:
    """One header line and a row per line. Each column names its unit, since a CSV has no place for a unit line."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\r\n")
    shown = columns(report)
    writer.writerow(["사업명", "기금명", *(_heading_with_unit(column) for column in shown), "기준일", "기록시점"])
    for fund, line, figures in lines(report):
        dates = (report["as_of"], report["known_at"] or NOT_MEASURED)
        writer.writerow([_as_text(line), _as_text(fund), *(column.text(figures) for column in shown), *dates])
    return (_BYTE_ORDER_MARK + table.getvalue()).encode()


def _heading_with_unit(column: Column) -> str:
    unit = "%" if column.is_rate else "천원"
    if column.heading.endswith(")"):
        return f"{column.heading[:-1]}, {unit})"
    return f"{column.heading}({unit})"


def _as_text(name: str) -> str:
    """Keeps a spreadsheet from running a name that begins like a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
