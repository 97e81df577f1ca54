"""What a call takes: containers of inputs and their keys."""

from tests.python.parity.declare import different, tried, variants


def dict_by_name(sub, a, b):
    return sub({"x": a, "y": b})


def dict_by_name_in_other_order(sub, a, b):
    return sub({"y": b, "x": a})[0]


def dict_by_index(sub, a, b):
    return sub({0: a, 1: b})[0]


def dict_by_port(sub, a, b):
    return sub({sub.input(0): a, sub.input(1): b})[0]


def dict_by_mixed_keys(sub, a, b):
    return sub({0: a, "y": b})[0], sub({sub.input("x"): a, 1: b})[0]


def dict_by_numpy_index(np, sub, a, b):
    return tried(lambda: sub({np.int64(0): a, np.int64(1): b})[0])


def dict_by_bool(sub, a, b):
    return sub({False: a, True: b})[0]


@variants(key=["q", 5, ""])
def dict_unknown_key(sub, a, key):
    return sub({"x": a, key: a})


@different(says="unknown input")
def dict_negative_index(sub, a):
    return sub({"x": a, -1: a})


@different(says="unknown input")
def dict_name_of_an_output(sub, a):
    return sub({"x": a, "difference": a})


@variants(key=[1.5, None, b"x", (0,)])
def dict_key_of_no_kind(sub, a, key):
    return sub({key: a})


@variants(key=["q", 5, 1.5])
def dict_unknown_key_unshared(request, a, key):
    return request.infer({"x": a, key: a})


def dict_empty(sub, a, b):
    sub([a, b])
    return sub({})[0]


def dict_is_not_changed(sub, a, b):
    given = {"x": a.astype("f8"), "y": b}
    sub(given)
    return list(given), given["x"].dtype.str


def partial_dict_keeps_the_rest(request, a, b):
    request.infer({"x": a, "y": b})
    return request.infer({"x": b})[0]


def partial_dict_of_the_second(request, a, b):
    request.infer([a, b])
    return request.infer({1: a})[0], request.infer({"y": b})[0]


def partial_dict_of_a_call(sub, a, b):
    sub({"x": a, "y": b})
    return sub({"x": b})[0]


def partial_dict_first(np, request, a):
    request.get_input_tensor(1).data[:] = 2
    return request.infer({"x": a})[0]


def partial_list_keeps_the_rest(request, a, b):
    request.infer([a, b])
    return request.infer([b])[0]


def partial_tuple_keeps_the_rest(request, a, b):
    request.infer((a, b))
    return request.infer((b,))[0]


def partial_shared(request, a, b):
    request.infer([a, b], share_inputs=True)
    return request.infer({"x": b}, share_inputs=True)[0]


def none_runs_with_what_is_set(request, a, b):
    request.infer([a, b])
    return request.infer()[0], request.infer(None)[0]


def none_for_a_call(sub, a, b):
    sub([a, b])
    return sub()[0], sub(None)[0]


def none_with_tensor_data_written(request, a):
    request.get_tensor("x").data[:] = a
    request.get_tensor("y").data[:] = 1
    return request.infer()[0]


def list_of_arrays(sub, a, b):
    return sub([a, b])[0]


def tuple_of_arrays(sub, a, b):
    return sub((a, b))[0]


def list_too_long(sub, a):
    return sub([a, a, a])


def tuple_too_long(request, a):
    return request.infer((a, a, a))


def list_of_tensors(ov, sub, a, b):
    return sub([ov.Tensor(a), ov.Tensor(b)])[0]


def list_of_mixed(ov, sub, a, b):
    return sub([a, ov.Tensor(b)])[0]


def list_with_none(sub, a):
    return sub([a, None])


def list_empty(request, a, b):
    request.infer([a, b])
    return request.infer([])[0]


def list_is_not_changed(sub, a, b):
    given = [a, b]
    sub(given)
    return len(given), given[0] is a


def one_array(single, x2):
    return single(x2)[0]


def one_array_unshared(single, x2):
    return single.create_infer_request().infer(x2)[0]


def one_array_for_two_inputs(sub, a):
    return sub(a)


def one_tensor(ov, single, x2):
    return single(ov.Tensor(x2))[0]


def one_tensor_for_two_inputs(ov, sub, a):
    return sub(ov.Tensor(a))


def one_array_in_a_list(single, x2):
    return single([x2])[0], single((x2,))[0]


@different(says="values")
def one_list_of_numbers(single):
    return single([1.0, -2.0])[0]


@different(says="values")
def list_of_numbers_in_a_dict(sub, a, b):
    return sub({"x": a.tolist(), "y": b})[0]


@different(says="values")
def list_of_integers_unshared(request, b):
    return request.infer({"x": [[1, 2, 3], [4, 5, 6]], "y": b})[0]


def tuple_of_numbers_is_two_inputs(single):
    return single((1.0, -2.0))


def list_of_ragged(single):
    return single([[1.0], [2.0, 3.0]])


def scalar_for_a_vector(single):
    return single(3)


@variants(value=[3, 2.5, True])
def scalar_for_a_scalar(scalar, value):
    return scalar(value)[0], scalar.create_infer_request().infer(value)[0]


def scalar_in_a_dict(scalar):
    return scalar({"x": 3})[0], scalar({0: 4.0}, share_inputs=False)[0]


@variants(kind=["float32", "float64", "int64", "uint8"])
def numpy_scalar(scalar, np, kind):
    return scalar(np.dtype(kind).type(3))[0]


def numpy_zero_d(scalar, np):
    return scalar(np.array(2.0, np.float32))[0], scalar(np.array(5))[0]


def scalar_of_complex(scalar):
    return scalar(1 + 2j)


@variants(value=[object, {"a": 1}.keys(), {1, 2}, iter([1])])
def one_value_of_no_kind(single, value):
    return single(value)


@different(says="no number")
def one_value_of_text(single):
    return single("text")


@different(says="no number")
def one_value_of_bytes(single):
    return single(b"text")


class _Wrapped:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


def array_interface(single, x2):
    return single(_Wrapped(x2))[0]


def array_interface_in_a_dict(sub, a, b):
    return sub({"x": _Wrapped(a), "y": b})[0]


def array_interface_unshared(request, a, b):
    return request.infer({"x": _Wrapped(a), "y": _Wrapped(b)})[0]


def array_interface_cast(single):
    import numpy

    return single(_Wrapped(numpy.array([1, -2])))[0]


@different(says="values")
def memory_view(single, np):
    return single(memoryview(np.float32([1, -3])))[0]


@different(says="values")
def array_module(single):
    import array

    return single(array.array("f", [1, -3]))[0]


def mapping_proxy(sub, a, b):
    from types import MappingProxyType

    return sub(MappingProxyType({"x": a, "y": b}))[0]


def user_dict(request, a, b):
    from collections import UserDict

    return request.infer(UserDict({"x": a, "y": b}))[0]


def chain_map(request, a, b):
    from collections import ChainMap

    return request.infer(ChainMap({"x": a}, {"y": b}), share_inputs=True)[0]


def ordered_dict(sub, a, b):
    from collections import OrderedDict

    return sub(OrderedDict(y=b, x=a))[0]


def default_dict(sub, a, b):
    from collections import defaultdict

    return sub(defaultdict(list, x=a, y=b))[0]


def generator_of_arrays(sub, a, b):
    return sub(x for x in (a, b))


def array_subclass(single, np, x2):
    class Special(np.ndarray):
        pass

    return single(x2.view(Special))[0]


def masked_array(single, np, x2):
    return single(np.ma.masked_array(x2, mask=[0, 0]))[0]


def matrix_of_wrong_rank(single, np):
    return single(np.matrix([1.0, 2.0], dtype=np.float32))


def too_many_arguments(sub, a, b):
    return sub([a, b], True, True, True)


def unknown_argument(sub, a, b):
    return sub([a, b], nonsense=True)


def inputs_by_keyword(sub, a, b):
    return sub(inputs=[a, b], share_inputs=True, share_outputs=False, decode_strings=False)[0]


def flags_are_truthy(sub, a, b):
    return sub([a, b], share_inputs=1, share_outputs=0)[0]


def infer_new_request_takes_the_same(sub, a, b):
    return sub.infer_new_request({"x": a, "y": b})[0], sub.infer_new_request([a, b])[0]


def infer_new_request_of_nothing(sub):
    return sub.infer_new_request()[0].shape


@variants(nothing=[[], (), {}, None])
def nothing_given_to_one_input(single, np, nothing):
    request = single.create_infer_request()
    request.infer([np.float32([1, 2])])
    return tried(lambda: request.infer(nothing)[0])
