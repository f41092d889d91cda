"""JSON that is passed over, not read: where a value ends, as native code.

What is accepted here `msgspec` accepts too; the reverse need not hold. So a caller that is told "no" hands the text to
msgspec, whose word is final. Each function takes the text, the place to begin at, and the end of the record; none
reads behind that end but `plain_end`, which needs a quote after the last record to stop at.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream.native.jit import native

Text = NDArray[np.uint8]

#: Given in place of an end where the text is no JSON, or JSON too unusual to be judged here.
BAD: Final = -1

#: Objects and arrays may be nested so deeply: one bit of a number each, below its sign.
NESTING_MAX: Final = 62

QUOTE: Final = 0x22
COLON: Final = 0x3A
COMMA: Final = 0x2C
OBJECT: Final = 0x7B
OBJECT_END: Final = 0x7D
_ARRAY: Final = 0x5B
_ARRAY_END: Final = 0x5D
_BACKSLASH: Final = 0x5C
_SPACE: Final = 0x20
_MINUS: Final = 0x2D
_PLUS: Final = 0x2B
_POINT: Final = 0x2E
_ZERO: Final = 0x30
_NINE: Final = 0x39

# What each byte may do in a string: 1 stands as it is and is printable ASCII, 2 stands as it is, 0 does not.
_IN_STRING: Final = np.array(
    [
        0 if byte < _SPACE or byte in {QUOTE, _BACKSLASH} else 1 if byte < 0x7F else 2  # noqa: PLR2004 - DEL
        for byte in range(256)
    ],
    np.uint8,
)
_BLANK: Final = np.array([byte in b" \t\n\r" for byte in range(256)], np.bool_)
_HEX: Final = np.array([byte in b"0123456789abcdefABCDEF" for byte in range(256)], np.bool_)
_ESCAPED: Final = np.array([byte in b'"\\/bfnrt' for byte in range(256)], np.bool_)


@native
def after_blanks(text: Text, at: int, end: int) -> int:
    """Where the next byte is that is no blank; `end` if there is none."""
    while at < end and (text[at] == _SPACE or text[at] == 10 or text[at] == 13 or text[at] == 9):
        at += 1
    return at


@native
def plain_end(text: Text, at: int) -> int:
    """The first byte that is not printable ASCII, or is a quote or a backslash."""
    while _IN_STRING[text[at]] == 1:
        at += 1
    return at


@native
def after_string(text: Text, at: int, end: int) -> int:
    """Behind the closing quote of a string, whose opening quote is before `at`.

    Bytes that are no UTF-8 are passed over, as msgspec does where nobody asks for the string.
    """
    while at < end:
        if _IN_STRING[text[at]]:
            at += 1
        elif text[at] == QUOTE:
            return at + 1
        elif text[at] == _BACKSLASH:
            at = _after_escape(text, at + 1, end)
            if at == BAD:
                return BAD
        else:
            return BAD
    return BAD


@native
def _after_escape(text: Text, at: int, end: int) -> int:
    if at < end and _ESCAPED[text[at]]:
        return at + 1
    if at + 5 > end or text[at] != ord("u"):
        return BAD
    for place in range(at + 1, at + 5):
        if not _HEX[text[place]]:
            return BAD
    # Halves of surrogate pairs must fit together: not judged here.
    if text[at + 1] | _SPACE == ord("d") and text[at + 2] >= ord("8"):
        return BAD
    return at + 5


@native
def after_digits(text: Text, at: int, end: int) -> int:
    """Behind the digits that begin here; `at` itself if there are none."""
    while at < end and _ZERO <= text[at] <= _NINE:
        at += 1
    return at


@native
def _after_number(text: Text, at: int, end: int) -> int:
    if at < end and text[at] == _MINUS:
        at += 1
    whole = after_digits(text, at, end)
    if whole == at or (text[at] == _ZERO and whole > at + 1):
        return BAD
    at = whole
    if at < end and text[at] == _POINT:
        fraction = after_digits(text, at + 1, end)
        if fraction == at + 1:
            return BAD
        at = fraction
    if at < end and text[at] | _SPACE == ord("e"):
        at += 1
        if at < end and (text[at] == _PLUS or text[at] == _MINUS):
            at += 1
        exponent = after_digits(text, at, end)
        if exponent == at:
            return BAD
        at = exponent
    return at


@native
def after_literal(text: Text, at: int, end: int) -> int:
    """Behind ``null``, ``true`` or ``false``."""
    if at + 4 > end:
        return BAD
    first, second, third, fourth = text[at], text[at + 1], text[at + 2], text[at + 3]
    if first == ord("n") and second == ord("u") and third == ord("l") and fourth == ord("l"):
        return at + 4
    if first == ord("t") and second == ord("r") and third == ord("u") and fourth == ord("e"):
        return at + 4
    if (
        at + 5 <= end
        and first == ord("f")
        and second == ord("a")
        and third == ord("l")
        and fourth == ord("s")
        and text[at + 4] == ord("e")
    ):
        return at + 5
    return BAD


@native
def _after_scalar(text: Text, at: int, end: int) -> int:
    if text[at] == QUOTE:
        return after_string(text, at + 1, end)
    if text[at] >= ord("a"):
        return after_literal(text, at, end)
    return _after_number(text, at, end)


@native
def _after_key(text: Text, at: int, end: int) -> int:
    """Behind a key and its colon, and the blanks around it."""
    at = after_blanks(text, at, end)
    if at >= end or text[at] != QUOTE:
        return BAD
    at = after_string(text, at + 1, end)
    if at == BAD:
        return BAD
    at = after_blanks(text, at, end)
    return at + 1 if at < end and text[at] == COLON else BAD


@native
def after_value(text: Text, at: int, end: int) -> int:
    """Behind a value of any kind that begins at `at`, which is no blank; `BAD` where there is none."""
    depth = objects = 0  # how many are open, and a bit for each: whether it is an object
    while True:
        at = after_blanks(text, at, end)
        if at >= end:
            return BAD
        opened = text[at]
        if opened == OBJECT or opened == _ARRAY:
            if depth == NESTING_MAX:
                return BAD
            depth += 1
            objects = 2 * objects + (1 if opened == OBJECT else 0)
            inside = after_blanks(text, at + 1, end)
            if inside >= end:
                return BAD
            # The end of an array is the bracket two behind, of an object the brace two behind.
            if text[inside] == opened + 2:
                at = inside
            else:
                at = _after_key(text, inside, end) if opened == OBJECT else inside
                if at == BAD:
                    return BAD
                continue
        else:
            at = _after_scalar(text, at, end)
            if at == BAD or depth == 0:
                return at
            at = after_blanks(text, at, end)
        # Behind a value, or at the end of an empty one.
        while True:
            if at >= end:
                return BAD
            if text[at] == COMMA:
                at = _after_key(text, at + 1, end) if objects & 1 else at + 1
                if at == BAD:
                    return BAD
                break
            if text[at] != (OBJECT_END if objects & 1 else _ARRAY_END):
                return BAD
            at += 1
            depth -= 1
            objects >>= 1
            if depth == 0:
                return at
            at = after_blanks(text, at, end)
