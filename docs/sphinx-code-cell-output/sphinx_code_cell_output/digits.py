"""Numbers that are compared, and rewritten, to the digits that a block states."""

import re
from decimal import Decimal

NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")
BLANKS = re.compile(r"[ \t]+")


def same(stated: str, found: str, *, digits: bool) -> bool:
    """Compare to the letter; with `digits`, compare numbers to the digits stated.

    With `digits`, a run of blanks counts as one: the columns of a table depend on its digits.
    """
    if not digits:
        return stated == found
    pairs = zip(NUMBER.findall(stated), NUMBER.findall(found), strict=False)
    return words(stated) == words(found) and all(rounds_to(*p) for p in pairs)


def words(text: str) -> list[str]:
    """Return the text between the numbers, with one blank for each run of them."""
    return NUMBER.split(BLANKS.sub(" ", text))


def rounds_to(stated: str, found: str) -> bool:
    """Whether a number rounds to the stated one. Whole numbers must be equal."""
    if not re.search(r"\.\d|e", stated):
        return stated == found
    unit = Decimal(1).scaleb(int(Decimal(stated).as_tuple().exponent))
    return abs(Decimal(stated) - Decimal(found)) <= unit / 2


def decimals(number: str) -> int:
    """Return the number of digits after the decimal point."""
    return len(number.partition("e")[0].partition(".")[2])


def rounded(found: str, stated: str) -> str:
    """Return an output with the digits that its block states.

    If the block states as many numbers, each sets the digits of its own; or else the one with the
    most digits sets those of all.
    """
    before, now = NUMBER.findall(stated), NUMBER.findall(found)
    if not any(map(decimals, before)):
        return found
    if len(before) != len(now):
        before = [max(before, key=decimals)] * len(now)
    between = NUMBER.split(found)
    numbers = [like(number, old) for number, old in zip(now, before, strict=True)]
    return "".join(part for pair in zip(between, [*numbers, ""], strict=True) for part in pair)


def like(number: str, stated: str) -> str:
    """Return a number with as many digits after the point as the stated one, at most."""
    wanted = decimals(stated)
    if not 0 < wanted < decimals(number):
        return number
    if rounds_to(stated, number):
        return stated
    short = f"{Decimal(number):.{wanted}{'e' if 'e' in number else 'f'}}"
    mantissa, mark, exponent = short.partition("e")
    return f"{mantissa}e{int(exponent):+03d}" if mark else short
