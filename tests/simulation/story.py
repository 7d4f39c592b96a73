"""A run in words. Nothing in it is left to chance, so two runs of one seed tell the same story."""

from tests.simulation.run import Report


def lines(report: Report) -> list[str]:
    told = []
    for number, (action, outcome) in enumerate(zip(report.actions, report.outcomes, strict=True), start=1):
        told.append(f"{number:4}. {action.told()}" + (f" -> {outcome}" if outcome else ""))
    if report.broken:
        told.append(f"      BROKEN: {report.broken}")
    return told


def short_story(short: Report, lived: Report, *, seed: int, command: str) -> str:
    """What is printed of a failure: where, how to see it again, and the fewest steps that lead there."""
    return "\n".join(
        [
            f"Seed {seed} breaks a law at step {len(lived.actions)}: {lived.broken}",
            f"Again: {command}",
            f"The story, shrunk from {len(lived.actions)} steps to {len(short.actions)}:",
            *lines(short),
        ]
    )
