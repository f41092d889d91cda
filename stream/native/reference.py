"""Tuples that native functions are given by reference: one word a call, however many arrays there are in them.

A native call passes every field of a tuple by value, and each array as seven words. With the dozens of arrays that a
batch works on, laying out arguments took longer than the functions did. So their addresses, shapes and numbers are
put in one array of words, made once; a native function gets where it lies, and reads from it what it uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np import arrayobj

Fields = TypeVar("Fields", bound=tuple[object, ...])

_WORD: Final = ir.IntType(64)


class _Reference:
    """What stands for a tuple: it is read like one, and native code reads the words."""

    __slots__ = ("address", "fields", "native_type", "words")

    def __init__(self, fields: Any) -> None:
        words: list[Any] = []
        firsts: list[int] = []
        kept: list[object] = []
        for name, field in zip(fields._fields, fields, strict=True):
            held: Any = by_reference(field) if isinstance(field, tuple) else field
            firsts.append(len(words))
            kept.append(held)
            if isinstance(held, np.ndarray):
                assert held.flags.c_contiguous, f"{name} is not contiguous"
                words += [held.ctypes.data, *held.shape]
            elif isinstance(held, _Reference):
                words.append(held.address)
            elif isinstance(held, float):
                words.append(int(np.float64(held).view(np.int64)))
            else:
                words.append(held)
        self.fields = fields._make(kept)
        self.words = np.array(words, np.int64)
        self.address: int = self.words.ctypes.data
        self.native_type = _type_of_fields(self.fields, firsts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fields, name)


class _ReferenceType(types.Type):
    """The type of a reference: the names of the fields, their types, and the first word of each."""

    def __init__(self, name: str, fields: tuple[tuple[str, types.Type, int], ...]) -> None:
        super().__init__(f"Reference({name})")
        self.fields = fields

    @property
    def key(self) -> object:
        return self.name, self.fields

    def field(self, name: str) -> tuple[types.Type, int] | None:
        for known, kind, at in self.fields:
            if known == name:
                return kind, at
        return None


#: Types found once, for numba takes longer over them than over all else here.
_types: Final[dict[object, _ReferenceType]] = {}


def _type_of_fields(fields: Any, firsts: Sequence[int]) -> _ReferenceType:
    forms = [(one.dtype.char, one.ndim) if isinstance(one, np.ndarray) else _form(one) for one in fields]
    key = (type(fields), *forms)
    found = _types.get(key)
    if found is None:
        kinds = zip(fields._fields, map(numba.typeof, fields), firsts, strict=True)
        found = _types[key] = _ReferenceType(type(fields).__name__, tuple(kinds))
    return found


def _form(held: object) -> object:
    return id(held.native_type) if isinstance(held, _Reference) else type(held)


def by_reference(fields: Fields) -> Fields:
    """The same named tuple, of which a native function that is called with it gets no more than where it lies.

    Its fields are numbers, contiguous writable arrays, and named tuples of them; they are read as before. It must stay
    alive while the function runs, which sees what becomes of the arrays meanwhile.

    >>> from typing import NamedTuple
    >>> from stream.native.jit import native
    >>> class Sums(NamedTuple):
    ...     of: np.ndarray
    ...     factor: float
    >>> @native
    ... def add_up(sums):
    ...     total = 0.0
    ...     for one in sums.of:
    ...         total += sums.factor * one
    ...     return total
    >>> sums = by_reference(Sums(np.array([1, 2, 3]), 0.5))
    >>> add_up(sums), sums.factor
    (3.0, 0.5)
    """
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined] # made from the environment
        return fields
    return cast("Fields", _Reference(fields))


# From here on it is numba that calls, and its stubs know none of it.


@typeof_impl.register(_Reference)
def _type_of(reference: _Reference, _: Any) -> _ReferenceType:
    return reference.native_type


register_model(_ReferenceType)(models.OpaqueModel)


@unbox(_ReferenceType)
def _unboxed(_: Any, reference: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(reference, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, cgutils.voidptr_t))


@infer_getattr
class _FieldTypes(AttributeTemplate):
    key = _ReferenceType

    def generic_resolve(self, reference: _ReferenceType, name: str) -> types.Type | None:  # type: ignore[override]
        found = reference.field(name)
        return None if found is None else found[0]


@lower_getattr_generic(_ReferenceType)
def _field(context: Any, builder: Any, reference: _ReferenceType, address: Any, name: str) -> Any:
    found = reference.field(name)
    assert found is not None
    kind, at = found
    words = builder.bitcast(address, _WORD.as_pointer())
    # The words never change while a native function runs, whatever it writes elsewhere.
    never = builder.module.add_metadata([])

    def word(number: int, of: Any) -> Any:
        place = builder.gep(words, [_WORD(at + number)], inbounds=True)
        value = builder.load(builder.bitcast(place, of.as_pointer()))
        value.set_metadata("invariant.load", never)
        return value

    if not isinstance(kind, types.Array):
        return word(0, context.get_value_type(kind))
    made = arrayobj.make_array(kind)(context, builder)
    item = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [word(1 + axis, _WORD) for axis in range(kind.ndim)]
    strides = [_WORD(item)]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = word(0, context.get_data_type(kind.dtype).as_pointer())
    arrayobj.populate_array(made, data=data, shape=shape, strides=strides, itemsize=item, meminfo=None)
    return made._getvalue()  # noqa: SLF001 - the only way to have an array as a value
