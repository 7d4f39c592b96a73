"""Delta debugging: the fewest recorded actions that still break the same law."""

from collections.abc import Callable, Sequence

from tests.simulation.actions import Action

Breaks = Callable[[Sequence[Action]], bool]


def shrink(actions: Sequence[Action], breaks: Breaks, *, most_replays: int) -> list[Action]:
    """Leave out ever smaller parts as long as what remains still breaks the law."""
    kept = list(actions)
    size = max(1, len(kept) // 2)
    replays = 0
    while replays < most_replays:
        left_out_something = False
        start = 0
        while start < len(kept) and replays < most_replays:
            fewer = kept[:start] + kept[start + size :]
            replays += 1
            if fewer and breaks(fewer):
                kept, left_out_something = fewer, True
            else:
                start += size
        if size == 1 and not left_out_something:
            break
        size = max(1, size // 2)
    return kept
