"""Inbox: events are taken in once, with their effect, and leave a link in a chain."""

from shared.inbox.inbox import Inbox, Taking, WentBack, chain_of, source_of
from shared.inbox.kept import (
    RETAKEN,
    Accepted,
    Break,
    BreakKind,
    CannotApply,
    Effect,
    InboxTables,
    UnknownType,
    accepted_content,
    break_content,
)

__all__ = [
    "RETAKEN",
    "Accepted",
    "Break",
    "BreakKind",
    "CannotApply",
    "Effect",
    "Inbox",
    "InboxTables",
    "Taking",
    "UnknownType",
    "WentBack",
    "accepted_content",
    "break_content",
    "chain_of",
    "source_of",
]
