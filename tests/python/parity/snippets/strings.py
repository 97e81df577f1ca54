"""String tensors and models of strings."""

from tests.python.parity.declare import different, tried, variants


def string_tensor_of_list(ov):
    tensor = ov.Tensor(["a", "bc"])
    return tensor.element_type, tensor.shape, tensor.str_data


def string_tensor_of_bytes(ov):
    return ov.Tensor([b"a", b"bc"]).bytes_data


def string_tensor_of_nested_list(ov):
    tensor = ov.Tensor([["a", "b"], ["c", "d"]])
    return tensor.shape, tensor.str_data


@variants(dtype=["U", "S", "O"])
def string_tensor_of_array(ov, np, dtype):
    tensor = ov.Tensor(np.array(["ab", "c"]).astype(dtype))
    return tensor.element_type, tensor.bytes_data, tensor.str_data


@variants(shared=[True, False])
def string_tensor_of_strided_array(ov, np, shared):
    return ov.Tensor(np.array(["a", "b", "c", "d"])[::2], shared_memory=shared).str_data


def string_tensor_of_fortran_order(ov, np):
    return ov.Tensor(np.asfortranarray(np.array([["a", "b"], ["c", "d"]]))).str_data


def string_tensor_is_never_shared(ov, np):
    texts = np.array(["ab", "c"])
    tensor = ov.Tensor(texts, shared_memory=True)
    texts[0] = "x"
    return tensor.str_data


def string_tensor_sizes(ov, np):
    tensor = ov.Tensor(np.array(["ab", "c"]))
    return tensor.size, tensor.byte_size, tensor.is_continuous()


def string_tensor_of_type_and_shape(ov):
    tensor = ov.Tensor(ov.Type.string, [2])
    return tensor.shape, tensor.str_data


def string_tensor_data(ov):
    return ov.Tensor(["a", "bc"]).data


def string_tensor_data_is_a_copy(ov):
    tensor = ov.Tensor(["a", "bc"])
    tensor.str_data[0] = "x"
    return tensor.str_data


def string_tensor_unicode(ov):
    tensor = ov.Tensor(["größe", "日本"])
    return tensor.str_data, tensor.bytes_data


def string_tensor_of_empty_strings(ov):
    return ov.Tensor(["", ""]).str_data


@different(corrupts="The bytes are not initialised; empty strings are empty.", memory=True)
def string_tensor_of_empty_bytes(ov):
    return ov.Tensor(["", ""]).bytes_data


def string_tensor_with_nul(ov):
    return ov.Tensor([b"a\0b", b"c"]).bytes_data


def string_tensor_zero_d(ov, np):
    tensor = ov.Tensor(np.array("abc"))
    return tensor.shape, tensor.str_data


def string_tensor_set_str_data(ov):
    tensor = ov.Tensor(["a", "b"])
    tensor.str_data = ["xyz", "w"]
    return tensor.str_data


def string_tensor_set_bytes_data(ov, np):
    tensor = ov.Tensor(["a", "b"])
    tensor.bytes_data = np.array([b"q", b"rst"])
    return tensor.bytes_data


def string_tensor_set_too_many(ov):
    ov.Tensor(["a", "b"]).str_data = ["a", "b", "c"]


def string_tensor_set_numbers(ov, np):
    ov.Tensor(["a", "b"]).bytes_data = np.array([1, 2])


def number_tensor_has_no_strings(ov, a):
    return tried(lambda: ov.Tensor(a).bytes_data), tried(lambda: ov.Tensor(a).str_data)


def number_tensor_takes_no_strings(ov, a):
    ov.Tensor(a).str_data = ["a"]


def string_tensor_copies(ov):
    target = ov.Tensor(ov.Type.string, [1])
    ov.Tensor(["a", "b"]).copy_to(target)
    return target.str_data


def string_tensor_region(ov):
    return tried(lambda: ov.Tensor(ov.Tensor(["a", "b", "c"]), [1], [3]).str_data)


def string_tensor_reshape(ov):
    tensor = ov.Tensor(["a", "b", "c", "d"])
    tensor.shape = [2, 2]
    return tensor.str_data


def strings_call_with_list(strings):
    return strings(["a", "bc"])[0]


def strings_call_with_dict(strings):
    return strings({"x": ["a", "bc"]})["y"]


@variants(dtype=["U", "S"])
def strings_call_with_array(strings, np, dtype):
    return strings(np.array(["ab", "c"]).astype(dtype))[0]


@variants(share=[True, False])
def strings_call_with_objects(strings, np, share):
    return strings(np.array(["ab", "c"], object), share_inputs=share)[0]


def strings_in_a_dict_with_objects(strings_request, np):
    return strings_request.infer({0: np.array(["ab", "c"], object)})[0]


def strings_call_strided(strings, np):
    return strings(np.array(["a", "b", "c", "d"])[::2])[0]


@different(
    corrupts="The strides of the array are not heeded.", right=lambda np: np.array(["a", "c"])
)
def strings_call_strided_unshared(strings, np):
    return strings(np.array(["a", "b", "c", "d"])[::2], share_inputs=False)[0]


@different(
    corrupts="The strides of the array are not heeded.", right=lambda np: np.array(["a", "c"])
)
def strings_of_a_tensor_set_strided(ov, np):
    tensor = ov.Tensor(["x", "y"])
    tensor.str_data = np.array(["a", "b", "c", "d"])[::2]
    return tensor.str_data


def strings_call_unshared(strings, np):
    return strings(np.array(["ab", "c"]), share_inputs=False)[0]


def strings_not_decoded(strings):
    return strings(["a", "bc"], decode_strings=False)[0]


def strings_shared_outputs_are_copies(strings, np):
    first = strings(np.array(["ab", "c"]), share_outputs=True)[0]
    strings(np.array(["x", "y"]))
    return first


def strings_call_with_tensor(ov, strings):
    return strings(ov.Tensor(["a", "b"]))[0]


def strings_infer_list(strings_request):
    return strings_request.infer(["a", "b"])[0]


def strings_infer_bytes(strings_request):
    return strings_request.infer({"x": [b"a", b"b"]})[0]


def strings_input_tensor(strings_request):
    strings_request.infer(["a", "bc"])
    inputs, outputs = strings_request.get_input_tensor(), strings_request.get_output_tensor()
    return inputs.str_data, outputs.bytes_data


def strings_given_numbers(strings, np):
    return strings(np.array([1.0, 2.0], np.float32))


@different(says="no number")
def numbers_given_strings(single, np):
    return single(np.array(["a", "b"]))


def numbers_given_text_tensor(ov, single):
    return single(ov.Tensor(["a", "b"]))


def bytes_that_are_no_text(strings):
    return strings([b"\xff\xfea", b"ok\xc3", b"\xc3\x28"])[0]


def str_data_of_bytes_that_are_no_text(ov, np):
    tensor = ov.Tensor(ov.Type.string, [2])
    tensor.bytes_data = np.array([b"\xff\xfe", b"ok\xc3"])
    return tensor.str_data
