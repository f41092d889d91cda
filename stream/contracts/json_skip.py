"""JSON that is passed over, not read: where a value ends, as native code.

What is accepted here `msgspec` accepts too; the reverse need not hold. So a caller that is told "no" hands the text to
msgspec, whose word is final. Each function takes the text, the place to begin at, and the end of the record; none
reads behind that end but `plain_end`, which needs a quote after the last record to stop at.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stream.native.jit import Bytes, native
from stream.native.text import equal

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
MINUS: Final = 0x2D
PLUS: Final = 0x2B
POINT: Final = 0x2E
ZERO: Final = 0x30
NINE: Final = 0x39

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
_NULL: Final = np.frombuffer(b"null", np.uint8)
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)
_ESCAPED: Final = np.array([byte in b'"\\/bfnrt' for byte in range(256)], np.bool_)


@native
def after_blanks(text: Bytes, at: int, end: int) -> int:
    """Where the next byte is that is no blank; `end` if there is none."""
    while at < end and text[at] <= _SPACE and _BLANK[text[at]]:
        at += 1
    return at


@native
def after_byte(text: Bytes, at: int, end: int, byte: int) -> int:
    """Behind this byte, before which there may be blanks; `BAD` where another comes."""
    at = after_blanks(text, at, end)
    return at + 1 if at < end and text[at] == byte else BAD


@native
def plain_end(text: Bytes, at: int) -> int:
    """The first byte that is not printable ASCII, or is a quote or a backslash."""
    while _IN_STRING[text[at]] == 1:
        at += 1
    return at


@native
def after_string(text: Bytes, at: int, end: int) -> int:
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
def _after_escape(text: Bytes, at: int, end: int) -> int:
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
def after_digits(text: Bytes, at: int, end: int) -> int:
    """Behind the digits that begin here; `at` itself if there are none."""
    while at < end and ZERO <= text[at] <= NINE:
        at += 1
    return at


@native
def _after_number(text: Bytes, at: int, end: int) -> int:
    if at < end and text[at] == MINUS:
        at += 1
    whole = after_digits(text, at, end)
    if whole == at or (text[at] == ZERO and whole > at + 1):
        return BAD
    at = whole
    if at < end and text[at] == POINT:
        fraction = after_digits(text, at + 1, end)
        if fraction == at + 1:
            return BAD
        at = fraction
    if at < end and text[at] | _SPACE == ord("e"):
        at += 1
        if at < end and (text[at] == PLUS or text[at] == MINUS):
            at += 1
        exponent = after_digits(text, at, end)
        if exponent == at:
            return BAD
        at = exponent
    return at


@native
def _after_word(text: Bytes, at: int, end: int, word: Bytes) -> int:
    size = len(word)
    return at + size if at + size <= end and equal(text, at, word, 0, size) else BAD


@native
def after_null(text: Bytes, at: int, end: int) -> int:
    """Behind ``null``."""
    return _after_word(text, at, end, _NULL)


@native
def _after_scalar(text: Bytes, at: int, end: int) -> int:
    if text[at] == QUOTE:
        return after_string(text, at + 1, end)
    if text[at] == _NULL[0]:
        return after_null(text, at, end)
    if text[at] == _TRUE[0]:
        return _after_word(text, at, end, _TRUE)
    if text[at] == _FALSE[0]:
        return _after_word(text, at, end, _FALSE)
    return _after_number(text, at, end)


@native
def _after_key(text: Bytes, at: int, end: int) -> int:
    """Behind a key and its colon, and the blanks around it."""
    at = after_byte(text, at, end, QUOTE)
    if at != BAD:
        at = after_string(text, at, end)
    return after_byte(text, at, end, COLON) if at != BAD else BAD


@native
def _closed(text: Bytes, at: int, end: int, depth: int, objects: int) -> tuple[int, int, int]:
    """Behind a value: pass over what it closes, and over the comma and the key of the next one, if there is one.

    Gives where that one begins, or the outermost one has ended; how many are open; and which are objects.
    """
    while at != BAD and depth > 0:
        at = after_blanks(text, at, end)
        if at < end and text[at] == COMMA:
            return _after_key(text, at + 1, end) if objects & 1 else at + 1, depth, objects
        at = after_byte(text, at, end, OBJECT_END if objects & 1 else _ARRAY_END)
        depth -= 1
        objects >>= 1
    return at, depth, objects


@native
def after_value(text: Bytes, at: int, end: int) -> int:
    """Behind a value of any kind; `BAD` where there is none."""
    depth = objects = 0  # how many are open, and a bit for each: whether it is an object
    while True:
        at = after_blanks(text, at, end)
        if at >= end:
            return BAD
        opened = text[at]
        if opened == OBJECT or opened == _ARRAY:  # noqa: PLR1714, SIM109 - native code has no sets
            if depth == NESTING_MAX:
                return BAD
            depth += 1
            objects = 2 * objects + (1 if opened == OBJECT else 0)
            at = after_blanks(text, at + 1, end)
            if at < end and text[at] != (OBJECT_END if opened == OBJECT else _ARRAY_END):
                at = _after_key(text, at, end) if opened == OBJECT else at
                if at == BAD:
                    return BAD
                continue
        else:
            at = _after_scalar(text, at, end)
        at, depth, objects = _closed(text, at, end, depth, objects)
        if at == BAD or depth == 0:
            return at
