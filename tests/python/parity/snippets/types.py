"""Element types."""

from tests.python.parity.declare import tried, variants

NAMES = ["boolean", "bf16", "f16", "f32", "f64", "i8", "i16", "i32", "i64"]
NAMES += ["u8", "u16", "u32", "u64", "string", "dynamic"]
NAMES += ["u1", "u2", "u3", "u4", "u6", "i4", "nf4", "f4e2m1", "f8e4m3", "f8e5m2", "f8e8m0"]


@variants(name=NAMES)
def type_repr(ov, name):
    return repr(getattr(ov.Type, name)), str(getattr(ov.Type, name))


@variants(name=NAMES)
def type_name(ov, name):
    return getattr(ov.Type, name).get_type_name(), getattr(ov.Type, name).to_string()


@variants(name=NAMES)
def type_sizes(ov, name):
    kind = getattr(ov.Type, name)
    return kind.size, kind.bitwidth, kind.get_size(), kind.get_bitwidth()


@variants(name=NAMES)
def type_is_real(ov, name):
    return getattr(ov.Type, name).is_real(), getattr(ov.Type, name).real


@variants(name=NAMES)
def type_is_integral(ov, name):
    kind = getattr(ov.Type, name)
    return kind.is_integral(), kind.is_integral_number(), kind.integral, kind.integral_number


@variants(name=NAMES)
def type_is_signed(ov, name):
    return getattr(ov.Type, name).is_signed(), getattr(ov.Type, name).signed


@variants(name=NAMES)
def type_is_quantized(ov, name):
    return getattr(ov.Type, name).is_quantized(), getattr(ov.Type, name).quantized


@variants(name=NAMES)
def type_is_static(ov, name):
    return getattr(ov.Type, name).is_static(), getattr(ov.Type, name).is_dynamic()


@variants(name=[name for name in NAMES if name != "bf16"])
def type_to_dtype(ov, np, name):
    return tried(lambda: np.dtype(getattr(ov.Type, name).to_dtype()).str)


def type_bf16_is_seen_as_float16(ov, np):
    return np.dtype(ov.Type.bf16.to_dtype()).str


@variants(dtype=["f4", "f8", "f2", "i1", "i8", "u2", "?", ">f4", "<i4", "S3", "U3", "c8", "O"])
def type_of_dtype(ov, np, dtype):
    return ov.Type(np.dtype(dtype))


def type_of_numpy_class(ov, np):
    return ov.Type(np.float32), ov.Type(np.int64), ov.Type(np.bool_), ov.Type(np.str_)


def type_of_builtin_class(ov):
    return ov.Type(float), ov.Type(bool), ov.Type(int)


def type_of_own_name(ov):
    return ov.Type("f32")


def type_of_dtype_name(ov):
    return ov.Type("float32")


def type_of_nonsense(ov):
    return ov.Type("nonsense")


def type_of_number(ov):
    return ov.Type(5)


def type_equality(ov):
    return ov.Type.f32 == ov.Type.f32, ov.Type.f32 == ov.Type.f64, ov.Type.f32 != ov.Type.f64


def type_equals_no_name(ov):
    return ov.Type.f32 == "f32"


def type_equals_numpy_class(ov, np):
    return ov.Type.f32 == np.float32, ov.Type.f32 == np.dtype("f4")


def type_is_hashable(ov, np):
    return {ov.Type.f32: 1}[ov.Type(np.float32)]


def type_compatible(ov):
    one = ov.Type.f32
    return one.compatible(ov.Type.dynamic), one.compatible(ov.Type.f64), one.compatible(one)


def type_merge(ov):
    one = ov.Type.f32
    return one.merge(ov.Type.dynamic), one.merge(ov.Type.f64), ov.Type.dynamic.merge(one)
