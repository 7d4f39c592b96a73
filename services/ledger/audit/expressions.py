"""Arithmetic over cells, and the small language of formulas in table headers such as C=B-A or D/B."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Generic, TypeVar

K = TypeVar("K")
L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Reference(Generic[K]):
    key: K


@dataclass(frozen=True, slots=True)
class Constant:
    value: Fraction


@dataclass(frozen=True, slots=True)
class Operation(Generic[K]):
    operator: str
    left: "Expression[K]"
    right: "Expression[K]"


@dataclass(frozen=True, slots=True)
class Sum(Generic[K]):
    keys: tuple[K, ...]


Expression = Reference[K] | Constant | Operation[K] | Sum[K]


def evaluate(expression: Expression[K], value_of: Callable[[K], Fraction | None]) -> Fraction | None:
    """The exact value; None for an unmeasured operand or a zero divisor. A Sum leaves the unmeasured out."""
    match expression:
        case Reference(key):
            return value_of(key)
        case Constant(value):
            return value
        case Sum(keys):
            measured = [term for key in keys if (term := value_of(key)) is not None]
            return sum(measured, Fraction(0)) if measured else None
        case Operation(operator, left_side, right_side):
            left, right = evaluate(left_side, value_of), evaluate(right_side, value_of)
            if left is None or right is None or (operator == "/" and right == 0):
                return None
            return _OPERATIONS[operator](left, right)


_OPERATIONS: Final[dict[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}


def references(expression: Expression[K]) -> Iterator[K]:
    match expression:
        case Reference(key):
            yield key
        case Sum(keys):
            yield from keys
        case Operation(_, left, right):
            yield from references(left)
            yield from references(right)


def operators(expression: Expression[K]) -> Iterator[str]:
    match expression:
        case Operation(operator, left, right):
            yield operator
            yield from operators(left)
            yield from operators(right)
        case Sum():
            yield "+"


def has_constant(expression: Expression[K]) -> bool:
    match expression:
        case Constant():
            return True
        case Operation(_, left, right):
            return has_constant(left) or has_constant(right)
    return False


def bind(expression: Expression[K], place: Callable[[K], L]) -> Expression[L]:
    """The same arithmetic over other operands, such as the cells of one row instead of columns."""
    match expression:
        case Reference(key):
            return Reference(place(key))
        case Sum(keys):
            return Sum(tuple(place(key) for key in keys))
        case Operation(operator, left, right):
            return Operation(operator, bind(left, place), bind(right, place))
        case Constant():
            return expression


def spell(expression: Expression[K], text_of: Callable[[K], str]) -> str:
    """The arithmetic with its figures filled in, for a sentence."""
    match expression:
        case Reference(key):
            return text_of(key)
        case Constant(value):
            return str(value)
        case Sum(keys):
            return " + ".join(text_of(key) for key in keys)
        case Operation(operator, left, right):
            tight = operator in "*/"
            left_text = _bracketed(left, text_of, "+-" if tight else "")
            right_text = _bracketed(right, text_of, "+-*/" if tight else "+-")
            return f"{left_text} {_PRINTED_OPERATORS[operator]} {right_text}"


_PRINTED_OPERATORS: Final = {"+": "+", "-": "−", "*": "×", "/": "÷"}


def _bracketed(expression: Expression[K], text_of: Callable[[K], str], looser: str) -> str:
    """In brackets where the expression's own operator is one of the `looser`."""
    text = spell(expression, text_of)
    operator = next(operators(expression), "")
    return f"({text})" if operator and operator in looser else text


def in_per_cent(expression: Expression[K]) -> Expression[K]:
    return Operation("*", expression, Constant(Fraction(100)))


_CIRCLED: Final = "①-⑳㉠-㉻ⓐ-ⓩⒶ-Ⓩ"
_LABEL: Final = re.compile(rf"[A-Za-z][0-9]?(?![A-Za-z0-9가-힣])|[{_CIRCLED}]")
_NUMBER: Final = re.compile(r"[0-9]+")
_SYMBOLS: Final = {"×": "*", "x": "*", "÷": "/", "−": "-", "–": "-", "－": "-", "＋": "+", "／": "/", "＝": "="}


class NotAFormulaError(ValueError):
    """The text is ordinary words."""


def parse_formula(text: str) -> tuple[str | None, Expression[str] | None]:
    """The label a header gives its column and the formula of labels it states, either of which may be missing.

    "(A)" is a label, "(C/A)" a formula, "(C=B-A)" both. Raises NotAFormulaError.
    """
    tokens = _tokens(text)
    while _wrapped(tokens):
        tokens = tokens[1:-1]
    if not tokens:
        raise NotAFormulaError(text)
    if len(tokens) > 1 and tokens[1] == "=" and _LABEL.fullmatch(tokens[0]):
        return tokens[0].upper(), _Parser(tokens[2:]).parse()
    expression = _Parser(tokens).parse()
    match expression:
        case Reference(label):
            return label, None
        case Constant():
            raise NotAFormulaError(text)
    return None, expression


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
        elif (match := _NUMBER.match(text, position)) or (character != "x" and (match := _LABEL.match(text, position))):
            tokens.append(match.group())
            position = match.end()
        elif _SYMBOLS.get(character, character) in "()+-*/=":
            tokens.append(_SYMBOLS.get(character, character))
            position += 1
        else:
            raise NotAFormulaError(text)
    return tokens


def _wrapped(tokens: list[str]) -> bool:
    """Whether one pair of brackets holds everything."""
    if len(tokens) < 2 or tokens[0] != "(" or tokens[-1] != ")":
        return False
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0:
            return index == len(tokens) - 1
    return False


class _Parser:
    """Recursive descent over + - * / and brackets."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    def parse(self) -> Expression[str]:
        expression = self._chain("+-", lambda: self._chain("*/", self._operand))
        if self.position != len(self.tokens):
            raise NotAFormulaError("".join(self.tokens))
        return expression

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self.position += 1
        return token

    def _chain(self, operators: str, operand: Callable[[], Expression[str]]) -> Expression[str]:
        expression = operand()
        while (operator := self._peek()) and operator in operators:
            self._take()
            expression = Operation(operator, expression, operand())
        return expression

    def _operand(self) -> Expression[str]:
        mark = self._take()
        if mark == "(":
            inner = self._chain("+-", lambda: self._chain("*/", self._operand))
            if self._take() != ")":
                raise NotAFormulaError("".join(self.tokens))
            return inner
        if _NUMBER.fullmatch(mark):
            return Constant(Fraction(int(mark)))
        if mark and _LABEL.fullmatch(mark):
            return Reference(mark.upper())
        raise NotAFormulaError("".join(self.tokens))
