"""Tensors of every constructor, what they tell, and what they copy."""

from tests.python.parity.declare import different, tried, variants

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]


@variants(dtype=DTYPES)
def tensor_of_array_has_its_type(ov, np, dtype):
    tensor = ov.Tensor(np.array([0, 1, 3], dtype))
    return tensor.element_type, tensor.shape, tensor.data


def tensor_of_array_is_a_copy(ov, np, a):
    tensor = ov.Tensor(a)
    a[0, 0] = 9
    return tensor.data, np.shares_memory(tensor.data, a)


def tensor_shared_sees_changes(ov, np, a):
    tensor = ov.Tensor(a, shared_memory=True)
    a[0, 0] = 9
    return tensor.data, np.shares_memory(tensor.data, a)


def tensor_shared_writes_to_the_array(ov, a):
    ov.Tensor(a, shared_memory=True).data[0, 1] = 7
    return a


def tensor_shared_by_position(ov, np, a):
    return np.shares_memory(ov.Tensor(a, True).data, a)


def tensor_shared_outlives_the_name(ov, np):
    return ov.Tensor(np.arange(5, dtype=np.float32), shared_memory=True).data


def tensor_of_transposed(ov, a):
    return ov.Tensor(a.T).data


def tensor_of_strided(ov, a):
    return ov.Tensor(a[:, ::2]).data


def tensor_of_negative_strides(ov, a):
    return ov.Tensor(a[::-1, ::-1]).data


def tensor_of_fortran_order(ov, np, a):
    return ov.Tensor(np.asfortranarray(a)).data


def tensor_of_broadcast(ov, np):
    return ov.Tensor(np.broadcast_to(np.float32([1, 2]), (3, 2))).data


def tensor_shared_transposed(ov, a):
    return ov.Tensor(a.T, shared_memory=True)


def tensor_shared_strided(ov, a):
    return ov.Tensor(a[:, ::2], shared_memory=True)


def tensor_shared_negative_strides(ov, a):
    return ov.Tensor(a[::-1], shared_memory=True)


def tensor_shared_contiguous_slice(ov, np, a):
    tensor = ov.Tensor(a[1:], shared_memory=True)
    return tensor.data, np.shares_memory(tensor.data, a)


@different(corrupts="The bytes are taken as if they were little-endian.", right=lambda a: a)
def tensor_of_big_endian(ov, a):
    return ov.Tensor(a.astype(">f4")).data


def tensor_of_read_only_copies(ov, read_only):
    return ov.Tensor(read_only).data


@different(says="read-only")
def tensor_shared_read_only(ov, read_only):
    return ov.Tensor(read_only, shared_memory=True).data


def tensor_of_zero_d(ov, np):
    tensor = ov.Tensor(np.array(3.0))
    return tensor.shape, tensor.size, tensor.data


def tensor_shared_zero_d(ov, np):
    return ov.Tensor(np.array(3.0), shared_memory=True).data


@variants(shape=[(0,), (0, 3), (2, 0, 3)])
def tensor_of_empty_array(ov, np, shape):
    tensor = ov.Tensor(np.zeros(shape, np.float32))
    return tensor.shape, tensor.size, tensor.byte_size, tensor.data


def tensor_shared_empty(ov, np):
    return ov.Tensor(np.zeros((0, 3), np.float32), shared_memory=True).data


def tensor_of_complex(ov, np):
    return ov.Tensor(np.array([1 + 2j]))


def tensor_of_objects(ov, np):
    return ov.Tensor(np.array([object()]))


def tensor_of_dates(ov, np):
    return ov.Tensor(np.array(["2020-01-01"], "M8[D]"))


def tensor_of_structs(ov, np):
    return ov.Tensor(np.zeros(2, [("a", "f4")]))


@variants(value=[[1, 2, 3], [1.0, 2], [True, False], [[1, 2], [3, 4]], [[[1]]], [1, 2.5]])
def tensor_of_list(ov, value):
    tensor = ov.Tensor(value)
    return tensor.element_type, tensor.shape, tensor.data


def tensor_of_empty_list(ov):
    return tried(lambda: ov.Tensor([]).shape)


def tensor_of_ragged_list(ov):
    return ov.Tensor([[1], [2, 3]])


def tensor_of_list_of_objects(ov):
    return ov.Tensor([object()])


def tensor_of_list_of_arrays(ov, np):
    return ov.Tensor([np.float32([1, 2]), np.float32([3, 4])]).data


def tensor_of_nothing(ov):
    return ov.Tensor()


def tensor_of_type_and_shape(ov):
    tensor = ov.Tensor(ov.Type.f32, [2, 3])
    return tensor, tensor.byte_size, tensor.is_continuous()


@variants(shape=[[2, 3], (2, 3), [], [0], [2, 0]])
def tensor_of_type_and_shape_like(ov, shape):
    tensor = ov.Tensor(ov.Type.i32, shape)
    return tensor.shape, tensor.size, tensor.data.shape


def tensor_of_type_and_shape_object(ov):
    return ov.Tensor(ov.Type.f64, ov.Shape([1, 2]))


def tensor_of_dtype_and_shape(ov, np):
    return ov.Tensor(np.float32, ov.Shape([2, 3])), ov.Tensor(np.dtype("i8"), [1])


def tensor_of_dtype_name_and_shape(ov):
    return ov.Tensor("float32", [2, 3])


def tensor_of_type_by_keyword(ov):
    return ov.Tensor(type=ov.Type.u8, shape=ov.Shape([4]))


def tensor_of_dynamic_type(ov):
    return ov.Tensor(ov.Type.dynamic, [1])


@variants(shape=[[-1], [1.5], ["a"], 5, None])
def tensor_of_wrong_shape(ov, shape):
    return ov.Tensor(ov.Type.f32, shape)


def tensor_of_bf16(ov):
    tensor = ov.Tensor(ov.Type.bf16, [2])
    return tensor.element_type, tensor.data.dtype.str, tensor.byte_size


def tensor_of_boolean(ov):
    return ov.Tensor(ov.Type.boolean, [2]).data.dtype.str


def tensor_of_array_and_shape(ov, np, a):
    tensor = ov.Tensor(a, [3, 2])
    return tensor.data, np.shares_memory(tensor.data, a)


def tensor_of_array_shape_and_type(ov, np, a):
    tensor = ov.Tensor(a, [24], ov.Type.u8)
    return tensor.data, np.shares_memory(tensor.data, a)


def tensor_of_array_and_shape_object(ov, a):
    return ov.Tensor(a, ov.Shape([6])).data


def tensor_of_array_and_smaller_shape(ov, a):
    return ov.Tensor(a, [2]).data


@different(corrupts="Memory behind the array is the tensor's; here it is an error.", memory=True)
def tensor_of_array_and_larger_shape(ov, a):
    return ov.Tensor(a, [100])


def tensor_of_strided_array_and_shape(ov, a):
    return ov.Tensor(a.T, [6])


def tensor_region(ov, np, a):
    first = ov.Tensor(a)
    region = ov.Tensor(first, [0, 1], [2, 3])
    return region.shape, region.data, np.shares_memory(region.data, first.data)


def tensor_region_is_not_dense(ov, a):
    region = ov.Tensor(ov.Tensor(a), [0, 1], [2, 3])
    return region.is_continuous(), tuple(region.strides), region.byte_size


def tensor_region_writes_through(ov, a):
    first = ov.Tensor(a)
    ov.Tensor(first, [1, 0], [2, 2]).data[:] = -1
    return first.data


def tensor_region_of_region(ov, a):
    region = ov.Tensor(ov.Tensor(ov.Tensor(a), [0, 1], [2, 3]), [1, 0], [2, 1])
    return region.data


@variants(corners=[([0, 1], [2, 4]), ([0], [2]), ([1, 1], [0, 2]), ([0, 0, 0], [1, 1, 1])])
def tensor_region_out_of_range(ov, a, corners):
    return tried(lambda: ov.Tensor(ov.Tensor(a), *corners).shape)


def tensor_region_copy_to(ov, a):
    target = ov.Tensor(ov.Type.f32, [2, 2])
    ov.Tensor(ov.Tensor(a), [0, 1], [2, 3]).copy_to(target)
    return target.data


def tensor_region_of_shared(ov, np, a):
    return np.shares_memory(ov.Tensor(ov.Tensor(a, True), [0, 0], [1, 3]).data, a)


def tensor_of_port(ov, sub):
    tensor = ov.Tensor(sub.input(0))
    return tensor.shape, tensor.element_type


def tensor_of_port_and_array(ov, np, sub, a):
    tensor = ov.Tensor(sub.input(0), a)
    return tensor.data, np.shares_memory(tensor.data, a)


def tensor_of_port_and_larger_array(ov, np, sub):
    return ov.Tensor(sub.input(0), np.arange(25, dtype=np.float32).reshape(5, 5)).data


@different(corrupts="Memory behind the array is read; here it is an error.", memory=True)
def tensor_of_port_and_small_array(ov, np, sub):
    return ov.Tensor(sub.input(0), np.zeros((2, 3), np.int8))


def tensor_of_dynamic_port(ov, dynamic):
    return ov.Tensor(dynamic.input(0)).shape


def tensor_repr(ov, a):
    return repr(ov.Tensor(a)), repr(ov.Tensor(ov.Type.string, [1]))


def tensor_equality(ov, a):
    tensor = ov.Tensor(a)
    return tensor == ov.Tensor(a), tensor == tensor, tensor != ov.Tensor(a)


def tensor_has_no_len(ov, a):
    return len(ov.Tensor(a))


def strides_text(ov, a):
    strides = ov.Tensor(a).strides
    return str(strides), repr(strides), strides == (12, 4), strides == [12, 4], strides != [4]


def strides_of_a_list(ov):
    return list(ov.Strides([3, 1])), len(ov.Strides([])), type(ov.Strides([2])).__name__


def tensor_strides(ov, a):
    return tuple(ov.Tensor(a).strides), tuple(ov.Tensor(a).get_strides())


def tensor_getters(ov, a):
    one = ov.Tensor(a)
    return one.get_shape(), one.get_element_type(), one.get_size(), one.get_byte_size()


def tensor_data_is_the_same_memory(ov, np, a):
    tensor = ov.Tensor(a)
    return np.shares_memory(tensor.data, tensor.data), tensor.data is tensor.data


def tensor_data_outlives_the_tensor(ov, a):
    return ov.Tensor(a).data.copy()


def tensor_data_is_not_assignable(ov, a):
    ov.Tensor(a).data = a


def tensor_shape_grows(ov, np):
    tensor = ov.Tensor(np.float32([1, 2]))
    tensor.shape = [2, 3]
    return tensor.shape, tensor.data.shape


def tensor_shape_shrinks(ov, a):
    tensor = ov.Tensor(a)
    tensor.shape = [1, 3]
    return tensor.data


def tensor_set_shape_of_shape(ov, a):
    tensor = ov.Tensor(a)
    tensor.set_shape(ov.Shape([6]))
    return tensor.data


def tensor_shape_to_empty_and_back(ov, a):
    tensor = ov.Tensor(a)
    tensor.shape = [0, 3]
    empty = tensor.data.shape
    tensor.shape = [2, 3]
    return empty, tensor.shape


def tensor_shape_of_shared_cannot_grow(ov, a):
    ov.Tensor(a, shared_memory=True).shape = [100]


def tensor_shape_of_shared_shrinks(ov, np, a):
    tensor = ov.Tensor(a, shared_memory=True)
    tensor.shape = [2]
    return tensor.data, np.shares_memory(tensor.data, a)


@variants(shape=[[-1], "text", 5, [1.5]])
def tensor_shape_wrong(ov, a, shape):
    ov.Tensor(a).shape = shape


def tensor_shape_of_region(ov, a):
    ov.Tensor(ov.Tensor(a), [0, 1], [2, 3]).shape = [4]


def tensor_copy_to(ov, a):
    target = ov.Tensor(ov.Type.f32, [2, 3])
    ov.Tensor(a).copy_to(target)
    return target.data


def tensor_copy_to_reshapes(ov, a):
    target = ov.Tensor(ov.Type.f32, [1])
    ov.Tensor(a).copy_to(target)
    return target.data


def tensor_copy_to_other_type(ov, a):
    ov.Tensor(a).copy_to(ov.Tensor(ov.Type.f64, [2, 3]))


def tensor_copy_to_shared_too_small(ov, np, a):
    ov.Tensor(a).copy_to(ov.Tensor(np.zeros(2, np.float32), shared_memory=True))


def tensor_copy_to_array(ov, a):
    ov.Tensor(a).copy_to(a)


def tensor_copy_from_tensor(ov, a):
    target = ov.Tensor(ov.Type.f32, [2, 3])
    target.copy_from(ov.Tensor(a))
    return target.data


def tensor_copy_from_array(ov, a):
    target = ov.Tensor(ov.Type.f32, [2, 3])
    target.copy_from(a)
    return target.data


def tensor_copy_from_transposed(ov, a):
    target = ov.Tensor(ov.Type.f32, [3, 2])
    target.copy_from(a.T)
    return target.data


def tensor_copy_from_reshapes(ov, a):
    target = ov.Tensor(ov.Type.f32, [1])
    target.copy_from(a)
    return target.shape


def tensor_copy_from_list(ov):
    target = ov.Tensor(ov.Type.i64, [2])
    target.copy_from([1, 2])
    return target.data


def tensor_copy_from_other_type(ov, a):
    ov.Tensor(ov.Type.f64, [2, 3]).copy_from(a)


def tensor_copy_from_text(ov):
    ov.Tensor(ov.Type.f32, [1]).copy_from("text")


def tensor_copy_module(ov, np, a):
    import copy

    tensor = ov.Tensor(a)
    other = copy.copy(tensor)
    deep = copy.deepcopy(tensor)
    tensor.data[0, 0] = 5
    return other.data, deep.data


def tensor_as_array(ov, np, a):
    return np.asarray(ov.Tensor(a).data), np.array(ov.Tensor(a).data).flags.owndata
