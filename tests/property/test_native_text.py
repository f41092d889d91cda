"""Native writers write what the plain Python forms give, read back what was written, and touch nothing beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.contracts.money import from_minor
from stream.contracts.times import DAY, MOMENT_MAX, MOMENT_MIN, time_text
from stream.native.text import (
    INT_SIZE_MAX,
    MOMENT_SIZE_MAX,
    MONEY_SIZE_MAX,
    ROUNDED_SIZE_MAX,
    equal,
    put,
    put_hex,
    put_int,
    put_moment,
    put_money,
    put_rounded,
)
from stream.native.varint import (
    VARINT_SIZE_MAX,
    WORD_SIZE_MAX,
    get_word,
    put_varint,
    put_word,
    skip_words,
    varint_size,
)
from stream.native.words import RUN, get_int32, get_int64, put_int32, put_int64, put_run
from stream.state.compact import WORD, read_variable, signed, variable

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
int64s = st.integers(INT64_MIN, INT64_MAX) | st.integers(0, 18).map(lambda digits: 10**digits)
moments = (
    st.integers(MOMENT_MIN, MOMENT_MAX)
    | st.integers(MOMENT_MIN // 1000, MOMENT_MAX // 1000).map(lambda second: second * 1000)
    | st.integers(MOMENT_MIN // DAY, MOMENT_MAX // DAY).map(lambda day: day * DAY)
)
starts = st.integers(0, 9)
texts = st.binary(max_size=100)

UNTOUCHED = 0xA5


def written(write, start, *arguments, room=200):
    """What a writer wrote from `start` on; fails if it changed a byte before that or after its end."""
    out = np.full(room, UNTOUCHED, np.uint8)
    end = write(out, start, *arguments)
    assert (out[:start] == UNTOUCHED).all()
    assert (out[end:] == UNTOUCHED).all()
    return out[start:end].tobytes()


def array(data):
    return np.frombuffer(bytearray(data), np.uint8)


@given(starts, moments)
@example(0, MOMENT_MIN)
@example(0, MOMENT_MAX)
@example(0, -1)
def test_a_moment_is_the_text_of_time_text(start, moment):
    text = written(put_moment, start, moment)
    assert text.decode() == time_text(moment)
    assert len(text) <= MOMENT_SIZE_MAX


def test_every_day_of_the_400_years_after_which_the_calendar_repeats():
    first = 946_684_800_000  # 2000-01-01
    for day in range(146_097):
        moment = first + day * DAY
        assert written(put_moment, 0, moment, room=24).decode() == time_text(moment)


@given(starts, int64s, st.integers(0, 4))
@example(0, INT64_MIN, 0)
@example(0, INT64_MIN, 2)
@example(0, -5, 2)
def test_an_amount_is_the_text_of_from_minor(start, minor, exponent):
    text = written(put_money, start, minor, exponent)
    assert text.decode() == from_minor(minor, exponent)
    assert len(text) <= MONEY_SIZE_MAX


@given(starts, int64s)
@example(0, INT64_MIN)
@example(0, INT64_MAX)
@example(0, 0)
def test_a_number_is_its_decimal_digits(start, number):
    text = written(put_int, start, number)
    assert text.decode() == str(number)
    assert len(text) <= INT_SIZE_MAX


@given(starts, int64s, int64s)
def test_hex_digits_are_those_of_128_bits_without_a_sign(start, high, low):
    assert written(put_hex, start, high, low).decode() == f"{high % 2**64:016x}{low % 2**64:016x}"


@given(starts, int64s)
def test_64_bits_are_little_endian_and_read_back(start, value):
    data = written(put_int64, start, value)
    assert data == value.to_bytes(8, "little", signed=True)
    assert get_int64(array(b"?" * start + data), start) == value


@given(starts, st.integers(-(2**31), 2**32 - 1))
def test_32_bits_are_little_endian_and_read_back_with_a_sign(start, value):
    data = written(put_int32, start, value)
    assert data == (value % 2**32).to_bytes(4, "little")
    assert get_int32(array(b"?" * start + data), start) == int.from_bytes(data, "little", signed=True)


@given(starts, starts, texts)
def test_bytes_are_copied_from_anywhere_to_anywhere(start, source, text):
    assert written(put, start, array(b"<" * source + text + b">"), source, len(text)) == text


@given(starts, starts, texts)
def test_runs_are_copied_and_at_most_one_is_not_full(start, source, text):
    out = np.full(200, UNTOUCHED, np.uint8)
    end = put_run(out, start, array(b"<" * source + text + bytes(RUN)), source, len(text))
    assert (end, out[start:end].tobytes()) == (start + len(text), text)
    assert (out[:start] == UNTOUCHED).all()
    assert (out[end + RUN - 1 :] == UNTOUCHED).all()


@given(starts, starts, texts)
def test_bytes_are_equal_to_themselves_whatever_stands_around(one, other, text):
    assert equal(array(b"<" * one + text + b"1"), one, array(b">" * other + text + b"2"), other, len(text))


@given(starts, starts, texts.filter(len), st.data())
def test_one_bit_makes_bytes_unequal(one, other, text, data):
    changed = bytearray(text)
    changed[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not equal(array(b"=" * one + text), one, array(b"=" * other + changed), other, len(text))


@given(starts, st.integers(0, 62).flatmap(lambda bits: st.integers(0, 2**bits - 1)))
@example(0, 2**62 - 1)
def test_a_varint_is_zigzag_in_groups_of_seven_bits(start, number):
    data = written(put_varint, start, number)
    assert len(data) == varint_size(number) <= VARINT_SIZE_MAX
    assert [byte >> 7 for byte in data] == [1] * (len(data) - 1) + [0]
    assert sum((byte & 127) << 7 * place for place, byte in enumerate(data)) == 2 * number


int64s_of_all_sizes = int64s | st.integers(0, 64).map(lambda bits: signed(2**bits)) | st.integers(-300, 300)


@given(starts, int64s_of_all_sizes)
@example(0, INT64_MIN)
@example(0, INT64_MAX)
@example(0, -1)
def test_64_bits_in_few_bytes_are_those_of_the_plain_form(start, number):
    data = written(put_word, start, number)
    assert data == variable([number & WORD])
    assert len(data) <= WORD_SIZE_MAX
    assert get_word(array(b"\x80" * start + data), start) == (number, start + len(data))


@given(starts, st.lists(st.integers(0, WORD), max_size=4).map(variable), st.binary(max_size=12), st.integers(0, 4))
@example(0, b"\x80" * 9 + b"\0", b"", 1)
@example(0, b"\x80" * 10 + b"\0", b"", 1)
def test_numbers_are_passed_over_where_the_plain_form_reads_them(start, numbers, rest, count):
    data = b"=" * start + bytes(numbers) + rest
    try:
        _, end = read_variable(data, start, count)
    except (IndexError, ValueError):
        end = -1
    assert skip_words(array(data + b"\0"), start, len(data), count) == end


@pytest.mark.golden
@pytest.mark.parametrize(
    ("number", "data"), [(0, [0]), (1, [2]), (63, [126]), (64, [128, 1]), (8191, [254, 127]), (8192, [128, 128, 1])]
)
def test_varints_of_the_protocol_buffers_guide(number, data):
    assert list(written(put_varint, 0, number)) == data


@settings(max_examples=2_000)
@given(
    st.floats(-5, 5)
    | st.floats(-4e9, 4e9)
    | st.floats(-2e-4, 2e-4)
    # Just in the middle of two, as a double can be, and as near to it as it can be.
    | st.builds(lambda odd, power: (2 * odd + 1) / 2**power, st.integers(-(10**7), 10**7), st.integers(1, 9))
    | st.builds(lambda millionths, off: millionths / 1e6 + off, st.integers(0, 10**9), st.sampled_from((5e-7, -5e-7)))
)
@example(0.0)
@example(-0.0)
@example(-1e-9)
@example(9.95e-05)
@example(0.0001)
def test_a_rounded_number_is_written_as_python_writes_it(number):
    out = np.zeros(ROUNDED_SIZE_MAX, np.uint8)
    assert bytes(out[: put_rounded(out, 0, number)]).decode() == repr(round(number, 6))
