"""DLPack in and out, which OpenVINO's Python API does not have."""

from tests.python.parity.declare import different


class _Exporter:
    """An object that is nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **keywords):
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@different(says="values")
def input_by_dlpack(single, x2):
    return single([_Exporter(x2)])[0]


@different(says="values")
def input_by_dlpack_in_a_dict(sub, a, b):
    return sub({"x": _Exporter(a), "y": b})[0]


@different(says="DLPack")
def tensor_by_dlpack(ov, a):
    return ov.Tensor(_Exporter(a)).data


@different(says="DLPack")
def array_of_a_tensor(ov, a, np):
    tensor = ov.Tensor(a)
    view = np.from_dlpack(tensor)
    return view, np.shares_memory(view, tensor.data)


@different(says="DLPack")
def array_of_a_result(request, a, b, np):
    request.infer([a, b])
    return np.from_dlpack(request.get_output_tensor(0))
