"""Element types of tensors: `coinfer.Type`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

# name, repr, dtype, bits, floating, signed; first the native enumeration's, in its order. The
# others are of packed weights and the like: models may have such constants, tensors cannot.
_TABLE: tuple[tuple[str, str, str | None, int, bool, bool], ...] = (
    ("dynamic", "dynamic", None, 0, False, False),
    ("boolean", "char", "bool", 8, False, True),
    ("bf16", "bfloat16", "float16", 16, True, True),
    ("f16", "float16", "float16", 16, True, True),
    ("f32", "float32", "float32", 32, True, True),
    ("f64", "double64", "float64", 64, True, True),
    ("i8", "int8_t", "int8", 8, False, True),
    ("i16", "int16_t", "int16", 16, False, True),
    ("i32", "int32_t", "int32", 32, False, True),
    ("i64", "int64_t", "int64", 64, False, True),
    ("u8", "uint8_t", "uint8", 8, False, False),
    ("u16", "uint16_t", "uint16", 16, False, False),
    ("u32", "uint32_t", "uint32", 32, False, False),
    ("u64", "uint64_t", "uint64", 64, False, False),
    ("string", "string", "S", 256, False, False),
    ("u1", "uint1_t", "uint8", 1, False, False),
    ("u2", "uint2_t", "uint8", 2, False, False),
    ("u3", "uint3_t", "uint8", 3, False, False),
    ("u4", "uint4_t", "uint8", 4, False, False),
    ("u6", "uint6_t", "uint8", 6, False, False),
    ("i4", "int4_t", "int8", 4, False, True),
    ("nf4", "nfloat4", "uint8", 4, False, False),
    ("f4e2m1", "f4e2m1", "uint8", 4, True, True),
    ("f8e4m3", "f8e4m3", "uint8", 8, True, True),
    ("f8e5m2", "f8e5m2", "uint8", 8, True, True),
    ("f8e8m0", "f8e8m0", "uint8", 8, True, True),
)
_QUANTIZED = ("i8", "u8", "i32", "i4", "nf4", "f4e2m1", "f8e4m3", "f8e5m2", "f8e8m0")
#: How many types tensors can have.
_NATIVE = 15


class Type:
    """The type of one tensor element, e.g. `Type.f32`.

    There is one object for each type: `Type(np.float32) is Type.f32`. A bf16 tensor is seen through
    numpy as float16 of the same bits, because numpy has no bfloat16.

    Thread safety: immutable.
    """

    __slots__ = ("_bits", "_dtype", "_floating", "_index", "_name", "_repr", "_signed")

    bf16: ClassVar[Type]
    boolean: ClassVar[Type]
    dynamic: ClassVar[Type]
    f16: ClassVar[Type]
    f4e2m1: ClassVar[Type]
    f8e4m3: ClassVar[Type]
    f8e5m2: ClassVar[Type]
    f8e8m0: ClassVar[Type]
    f32: ClassVar[Type]
    f64: ClassVar[Type]
    i16: ClassVar[Type]
    i32: ClassVar[Type]
    i4: ClassVar[Type]
    i64: ClassVar[Type]
    i8: ClassVar[Type]
    nf4: ClassVar[Type]
    string: ClassVar[Type]
    u1: ClassVar[Type]
    u16: ClassVar[Type]
    u2: ClassVar[Type]
    u3: ClassVar[Type]
    u32: ClassVar[Type]
    u4: ClassVar[Type]
    u6: ClassVar[Type]
    u64: ClassVar[Type]
    u8: ClassVar[Type]

    _index: int
    _name: str
    _repr: str
    _dtype: np.dtype[Any] | None
    _bits: int
    _floating: bool
    _signed: bool

    def __new__(cls, dtype: Any) -> Type:
        """The element type of a numpy dtype, or of anything that numpy takes for one.

        Raises TypeError for what is no dtype, RuntimeError for a dtype that tensors cannot have.
        """
        if isinstance(dtype, Type):
            return dtype
        wanted = np.dtype(dtype)
        if wanted.kind in "SU":
            return cls.string
        found = _BY_DTYPE.get(wanted.newbyteorder("="))
        if found is None:
            if wanted.name == "bfloat16":
                return cls.bf16
            from coinfer._coinfer import Error

            raise Error(f"the dtype {wanted} is not an element type of tensors")
        return found

    def to_dtype(self) -> np.dtype[Any]:
        """The numpy dtype of `Tensor.data`; float16 for bf16. Raises IndexError for `dynamic`."""
        if self._dtype is None:
            raise IndexError("the element type 'dynamic' has no dtype")
        return self._dtype

    def get_type_name(self) -> str:
        """The name, "f32" or "boolean" for example."""
        return self._name

    def to_string(self) -> str:
        """The same as `get_type_name()`."""
        return self._name

    def get_size(self) -> int:
        """Bytes of one element, rounded up."""
        return (self._bits + 7) // 8

    def get_bitwidth(self) -> int:
        """Bits of one element."""
        return self._bits

    def is_static(self) -> bool:
        """True for all but `dynamic`."""
        return self._index != 0

    def is_dynamic(self) -> bool:
        """True for `dynamic` only."""
        return self._index == 0

    def is_real(self) -> bool:
        """True for floating-point types."""
        return self._floating

    def is_integral(self) -> bool:
        """True for all types that are not floating-point, as OpenVINO has it."""
        return not self._floating

    def is_integral_number(self) -> bool:
        """The same without boolean."""
        return self.is_integral() and self._name != "boolean"

    def is_signed(self) -> bool:
        """True for types that hold negative numbers, and for boolean."""
        return self._signed

    def is_quantized(self) -> bool:
        """True for the types of quantised models: i8, u8, i32, and those of weights."""
        return self._name in _QUANTIZED

    def compatible(self, other: Type) -> bool:
        """True when this and `other` are equal, or one is `dynamic`."""
        return self is other or self.is_dynamic() or other.is_dynamic()

    def merge(self, other: Type) -> Type | None:
        """The type that both this and `other` can be; None when they exclude each other."""
        if not self.compatible(other):
            return None
        return other if self.is_dynamic() else self

    @property
    def type_name(self) -> str:
        """The same as `get_type_name()`."""
        return self._name

    @property
    def size(self) -> int:
        """The same as `get_size()`."""
        return self.get_size()

    @property
    def bitwidth(self) -> int:
        """The same as `get_bitwidth()`."""
        return self._bits

    @property
    def real(self) -> bool:
        """The same as `is_real()`."""
        return self.is_real()

    @property
    def integral(self) -> bool:
        """The same as `is_integral()`."""
        return self.is_integral()

    @property
    def integral_number(self) -> bool:
        """The same as `is_integral_number()`."""
        return self.is_integral_number()

    @property
    def signed(self) -> bool:
        """The same as `is_signed()`."""
        return self.is_signed()

    @property
    def quantized(self) -> bool:
        """The same as `is_quantized()`."""
        return self.is_quantized()

    def __repr__(self) -> str:
        return f"<Type: '{self._repr}'>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_by_name, (self._name,))

    def __copy__(self) -> Type:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Type:
        return self


def _by_name(name: str) -> Type:
    found = getattr(Type, name)
    assert isinstance(found, Type)
    return found


def _make_all() -> tuple[Type, ...]:
    made = []
    for index, (name, shown, dtype, bits, floating, signed) in enumerate(_TABLE):
        one = object.__new__(Type)
        one._index, one._name, one._repr, one._bits = index, name, shown, bits
        one._floating, one._signed = floating, signed
        one._dtype = None if dtype is None else np.dtype(dtype)
        setattr(Type, name, one)
        made.append(one)
    return tuple(made)


#: All types; first those of tensors, in the order of the native enumeration.
ALL = _make_all()
_BY_DTYPE = {
    one._dtype: one for one in ALL[:_NATIVE] if one._name not in ("bf16", "dynamic", "string")
}
Type.__module__ = "coinfer"
