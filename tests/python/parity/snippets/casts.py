"""Values that are not yet of the input's type, order or shape."""

from tests.python.parity.declare import different, tried, variants

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
MODELS = ["float32", "float16", "int8", "int32", "int64", "uint8", "bool"]


@variants(dtype=DTYPES)
def shared_array_of(single, np, dtype):
    return single(np.array([1, 0], dtype))[0]


@variants(dtype=DTYPES)
def unshared_array_of(single, np, dtype):
    return single.create_infer_request().infer(np.array([1, 0], dtype))[0]


@variants(model=MODELS)
def shared_floats_for(typed, np, model):
    return typed(model)(np.float64([1, 3]))[0]


@variants(model=MODELS)
def unshared_floats_for(typed, np, model):
    return typed(model).create_infer_request().infer(np.float64([1, 3]))[0]


@variants(model=MODELS)
def own_type_for(typed, np, model):
    return typed(model)(np.array([1, 0], model))[0]


@variants(model=MODELS)
def input_and_output_tensors_of(typed, model):
    request = typed(model).create_infer_request()
    return request.get_input_tensor().element_type, request.get_output_tensor().element_type


def fractions_are_cut(typed, np):
    return typed("int32")(np.float32([1.9, -1.9]))[0]


def large_integers_wrap(typed, np):
    return typed("uint8")(np.array([300, 1], np.int64))[0]


def large_integers_wrap_unshared(typed, np):
    return typed("int8").create_infer_request().infer(np.array([300, 1], np.int64))[0]


@different(
    corrupts="Integers of 64 bits are cut to 32.",
    right=lambda np: np.array([2**40, -(2**40)], np.int64),
)
def integers_beyond_32_bits(typed, np):
    return typed("int64")(np.array([2**40, -(2**40)], np.int64))[0]


def bool_for_floats(single, np):
    return single({"x": np.array([True, False])})[0]


def floats_for_bool(typed, np):
    return typed("bool")(np.float32([0.0, 2.5]))[0]


def nan_and_infinity(single, np):
    return single(np.float32([np.nan, np.inf]))[0]


def double_beyond_float(single, np):
    return single(np.float64([1e300, 0]))[0]


def complex_array(single, np):
    return single(np.array([1 + 2j, 0], np.complex64))


@different(says="no number")
def date_array(single, np):
    return single(np.array(["2020-01-01", "2020-01-02"], "M8[D]"))


def object_array_of_numbers(single, np):
    return tried(lambda: single(np.array([1.0, 2.0], object))[0])


def object_array_of_objects(single, np):
    return single(np.array([object(), object()]))


def object_array_unshared(single, np):
    return single.create_infer_request().infer(np.array([object(), object()]))


@different(says="no number")
def struct_array(single, np):
    return single(np.zeros(2, [("a", "f4")]))


@different(says="no number")
def text_array(single, np):
    return single(np.array(["a", "b"]))


def big_endian_shared(sub, a, b):
    return sub([a.astype(">f4"), b])[0]


def big_endian_unshared(request, a, b):
    return request.infer([a.astype(">f4"), b])[0]


def big_endian_integers(single, np):
    return single(np.array([1, 2], ">i4"))[0]


def fortran_order(sub, np, a, b):
    return sub([np.asfortranarray(a), b])[0]


def fortran_order_unshared(request, np, a, b):
    return request.infer([np.asfortranarray(a), b])[0]


def transposed(sub, np, b):
    return sub([np.arange(6, dtype=np.float32).reshape(3, 2).T, b])[0]


def transposed_wrong_shape(sub, a, b):
    return sub([a.T, b])


def strided(sub, np, b):
    return sub([np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2], b])[0]


def strided_unshared(request, np, b):
    return request.infer([np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2], b])[0]


def negative_strides(sub, a, b):
    return sub([a[::-1, ::-1], b])[0]


def negative_strides_unshared(request, a, b):
    return request.infer([a[::-1, ::-1], b])[0]


def negative_strides_cast(sub, a, b):
    return sub([a[::-1].astype("f8")[:, ::-1], b])[0]


def broadcast_view(sub, np, b):
    return sub([np.broadcast_to(np.float32([1, 2, 3]), (2, 3)), b])[0]


def unaligned(single, np):
    raw = np.zeros(9, np.uint8)
    array = raw[1:].view(np.float32)
    array[:] = [1, -2]
    return single(array)[0]


def read_only_array(sub, read_only, b):
    return sub([read_only, b])[0]


def read_only_unshared(request, read_only, b):
    return request.infer([read_only, b])[0]


def read_only_cast(sub, np, read_only, b):
    array = read_only.astype("i4")
    array.flags.writeable = False
    return sub([array, b])[0]


def array_from_bytes(single, np):
    return single(np.frombuffer(np.float32([1, 2]).tobytes(), np.float32))[0]


@variants(shape=[(3, 2), (2, 3, 1), (6,), (1, 2, 3), (2, 0), (2, 2)])
def wrong_shape_shared(sub, np, b, shape):
    return sub({"x": np.ones(shape, np.float32), "y": b})


@variants(shape=[(3, 2), (2, 3, 1), (6,), (1, 2, 3), (2, 2), (4, 4)])
def wrong_shape_unshared(request, np, b, shape):
    return request.infer({"x": np.ones(shape, np.float32), "y": b})


def wrong_shape_then_right(request, np, a, b):
    failed = tried(request.infer, {"x": np.ones((3, 3), np.float32), "y": b})
    return failed, request.infer([a, b])[0]


def wrong_shape_of_a_call_then_right(sub, np, a, b):
    failed = tried(sub, {"x": np.ones((3, 3), np.float32), "y": b})
    return failed, sub([a, b])[0]


def wrong_name_then_right(request, a, b):
    return tried(request.infer, {"q": a}), request.infer([a, b])[0]


def tensor_of_wrong_type(ov, sub, a, b):
    return sub([ov.Tensor(a.astype("f8")), b])


def tensor_of_wrong_shape(ov, sub, np, b):
    return sub([ov.Tensor(np.ones((3, 3), np.float32)), b])


def tensor_of_wrong_type_unshared(ov, request, a, b):
    return request.infer([ov.Tensor(a.astype("i4")), b])


def tensor_region_as_input(ov, sub, np, b):
    whole = ov.Tensor(np.arange(8, dtype=np.float32).reshape(2, 4))
    return tried(lambda: sub([ov.Tensor(whole, [0, 1], [2, 4]), b])[0])


def value_none(sub, b):
    return sub({"x": None, "y": b})


def value_object(sub, b):
    return sub({"x": object(), "y": b})


@different(says="no number")
def value_text(sub, b):
    return sub({"x": "text", "y": b})


def value_dict(sub, a, b):
    return sub({"x": {"z": a}, "y": b})


def value_scalar_for_an_array(sub, b):
    return sub({"x": 3, "y": b})
