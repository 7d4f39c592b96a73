"""Namespaces of Linux: a network or a set of mounts that is this process's own and its children's."""

import ctypes
import os
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWNET: Final = 0x40000000


class NoNamespaces(Exception):
    """This machine or this user cannot make them; the message says why."""


def unshare(kind: int) -> None:
    """Move the calling thread into a new one, so do it before there are other threads. Raises NoNamespaces."""
    if ctypes.CDLL(None, use_errno=True).unshare(kind):
        raise NoNamespaces(f"they cannot be made: {os.strerror(ctypes.get_errno())}")


def enter(namespace: int) -> None:
    """Move into the one this descriptor refers to. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
