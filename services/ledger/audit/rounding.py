"""Whether a printed figure is the exact one, at the precision it is printed with."""

from decimal import Decimal
from enum import Enum, auto
from fractions import Fraction

from shared.money import NEGATIVE_SIGN, divide_half_up


class Verdict(Enum):
    AGREES = auto()
    TRUNCATED = auto()  # cut off at a printed decimal instead of rounded
    ROUNDING_DIFFERENCE = auto()
    WRONG = auto()


def decimals_of(printed: Decimal) -> int:
    exponent = printed.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def half_up(exact: Fraction, decimals: int) -> Decimal:
    scaled = exact * 10**decimals
    return Decimal(divide_half_up(scaled.numerator, scaled.denominator)).scaleb(-decimals)


def cut_off(exact: Fraction, decimals: int) -> Decimal:
    return Decimal(int(exact * 10**decimals)).scaleb(-decimals)


def judge_rate(printed: Decimal, exact: Fraction) -> Verdict:
    decimals = decimals_of(printed)
    if half_up(exact, decimals) == printed or _padded_with_zero(printed, exact, decimals):
        return Verdict.AGREES
    if decimals >= 1 and cut_off(exact, decimals) == printed:
        return Verdict.TRUNCATED
    return Verdict.WRONG


def judge_amount(printed: Decimal, exact: Fraction, *, tolerance: int, decimals: int = 0) -> Verdict:
    """`tolerance` is the rounding difference allowed, in units of the last of the printed `decimals`."""
    difference = abs(Fraction(printed) - Fraction(half_up(exact, decimals))) * 10**decimals
    if difference == 0:
        return Verdict.AGREES
    return Verdict.ROUNDING_DIFFERENCE if difference <= tolerance else Verdict.WRONG


def agrees(printed: Decimal, exact: Fraction) -> bool:
    """Whether `printed` shows `exact`, be it rounded or cut off: enough to recognise a formula, not to pass it."""
    decimals = decimals_of(printed)
    return printed in (half_up(exact, decimals), cut_off(exact, decimals)) or _padded_with_zero(
        printed, exact, decimals
    )


def print_figure(value: Decimal | Fraction, decimals: int) -> str:
    """The figure as the tables print it: thousands separators and △."""
    rounded = half_up(Fraction(value), decimals)
    return f"{NEGATIVE_SIGN if rounded < 0 else ''}{abs(rounded):,.{decimals}f}"


def _padded_with_zero(printed: Decimal, exact: Fraction, decimals: int) -> bool:
    """12.90 among rates of one decimal: the second was added, not measured."""
    return decimals >= 2 and half_up(exact, 1) == printed
