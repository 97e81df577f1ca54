"""Shape, Dimension, PartialShape."""

from tests.python.parity.declare import different, tried, variants


@variants(lengths=[[1, 2], (3,), [], "[1,2]", "[1, 2]", "[]"])
def shape_made_of(ov, lengths):
    return ov.Shape(lengths), str(ov.Shape(lengths)), len(ov.Shape(lengths))


def shape_of_nothing(ov):
    return ov.Shape(), len(ov.Shape())


@variants(lengths=[[-1], [1.5], ["a"], 5, None, [None]])
def shape_not_made_of(ov, lengths):
    return ov.Shape(lengths)


_WRONG = [
    "[?]",
    "x",
    "[1,x,3]",
    "[1,?]",
    "...",
    "[1.5]",
    "[-1]",
    "[+3]",
    "[2..3]",
    "1x",
    "[1,2",
    "1,2]",
    "{1,2}",
    "[[1,2]]",
    "[,]",
    "[1,]",
]


@variants(text=[*_WRONG, "[1 2]", "[99999999999999999999]", " [1,2] ", ""])
def shape_of_wrong_text(ov, text):
    return ov.Shape(text)


def shape_of_array(ov, np):
    return ov.Shape(np.array([1, 2]))


def shape_of_numpy_integers(ov, np):
    return ov.Shape([np.int64(2), np.int32(3)])


@variants(other=[[1, 2], (1, 2), [1, 3], [1], "[1,2]", 5, None])
def shape_equals(ov, other):
    return tried(lambda: ov.Shape([1, 2]) == other)


def shape_equals_shape(ov):
    return ov.Shape([1, 2]) == ov.Shape([1, 2]), ov.Shape([1, 2]) != ov.Shape([1, 2])


def shape_equals_partial_shape(ov):
    return ov.Shape([1, 2]) == ov.PartialShape([1, 2])


@variants(index=[0, 1, -1, -2])
def shape_index(ov, index):
    return ov.Shape([1, 2])[index]


@different(corrupts="What lies behind it is read; here it is an IndexError.", memory=True)
def shape_index_out_of_range(ov):
    return ov.Shape([1, 2])[5]


def shape_slice(ov):
    shape = ov.Shape([1, 2, 3, 4])
    return shape[1:], shape[::2], shape[:-1], shape[::-1]


def shape_iterates(ov):
    return list(ov.Shape([1, 2])), tuple(ov.Shape([3]))


def shape_set_item(ov):
    shape = ov.Shape([1, 2])
    shape[0] = 5
    return shape


def shape_is_not_hashable(ov):
    return hash(ov.Shape([1]))


def shape_contains(ov):
    return 2 in ov.Shape([1, 2]), 5 in ov.Shape([1, 2])


def shape_unpacks(ov):
    first, second = ov.Shape([4, 5])
    return first, second


def shape_to_string(ov):
    return ov.Shape([1, 2]).to_string()


def shape_for_numpy(ov, np):
    return np.zeros(tuple(ov.Shape([2, 1]))).shape, np.prod(list(ov.Shape([2, 3])))


def dimension_unknown(ov):
    one = ov.Dimension()
    return one, one.is_dynamic, one.is_static, one.min_length, one.max_length


def dimension_dynamic(ov):
    return ov.Dimension.dynamic(), ov.Dimension(-1)


def dimension_known(ov):
    one = ov.Dimension(3)
    return one, one.is_dynamic, one.get_length(), one.get_min_length(), one.get_max_length()


def dimension_interval(ov):
    one = ov.Dimension(1, 4)
    return one, one.is_static, one.min_length, one.max_length


@variants(text=["1..4", "?", "-1", "5", "..4", "2..", "x"])
def dimension_of_text(ov, text):
    return ov.Dimension(text)


@variants(text=["", " "])
def dimension_of_empty_text(ov, text):
    return ov.Dimension(text), ov.PartialShape([1, text])


def dimension_half_open(ov):
    return ov.Dimension(2, -1), ov.Dimension(0, 7)


def dimension_length_of_interval(ov):
    return ov.Dimension(1, 4).get_length()


@variants(other=[3, 4, "3", None, 3.0])
def dimension_equals(ov, other):
    return tried(lambda: ov.Dimension(3) == other)


def dimension_equals_interval(ov):
    return ov.Dimension(1, 4) == ov.Dimension(1, 4), ov.Dimension(1, 4) == (1, 4)


def dimension_compatible(ov):
    one = ov.Dimension(3)
    return one.compatible(ov.Dimension(1, 4)), one.compatible(ov.Dimension(4))


def dimension_relaxes(ov):
    one, some = ov.Dimension(3), ov.Dimension(1, 4)
    return some.relaxes(one), one.relaxes(some), one.refines(some), one.relaxes(one)


def dimension_same_scheme(ov):
    return ov.Dimension().same_scheme(ov.Dimension(-1)), ov.Dimension(3).same_scheme(
        ov.Dimension(4)
    )


def dimension_len(ov):
    return len(ov.Dimension(3))


def dimension_is_no_int(ov):
    return int(ov.Dimension(3))


def dimension_str(ov):
    return str(ov.Dimension(1, 4)), str(ov.Dimension()), ov.Dimension(3).to_string()


EXTENTS = [[1, -1], (1, 2), [], "[1,?,1..4]", "[...]", "?", [1, "?", "1..3"], [(1, 4)], [(1, -1)]]


@variants(extents=EXTENTS)
def partial_made_of(ov, extents):
    return ov.PartialShape(extents)


@variants(extents=[[1, (1, 2, 3)], [1, "x"], [1.5], 5, None, "[1", {1: 2}])
def partial_not_made_of(ov, extents):
    return ov.PartialShape(extents)


def partial_of_nothing(ov):
    return ov.PartialShape()


def partial_of_shape(ov):
    return ov.PartialShape(ov.Shape([1, 2]))


def partial_of_dimensions(ov):
    return ov.PartialShape([ov.Dimension(2), ov.Dimension(1, 3), ov.Dimension()])


def partial_dynamic(ov):
    one = ov.PartialShape.dynamic()
    return one, one.is_dynamic, one.rank


def partial_dynamic_of_rank(ov):
    return ov.PartialShape.dynamic(rank=2), ov.PartialShape.dynamic(ov.Dimension(3))


def partial_is_static(ov):
    return ov.PartialShape([1, 2]).is_static, ov.PartialShape([1, -1]).is_static


def partial_rank(ov):
    return ov.PartialShape([1, -1]).rank, ov.PartialShape([1, -1]).rank.get_length()


def partial_to_shape(ov):
    return ov.PartialShape([1, 2]).to_shape(), ov.PartialShape([1, 2]).get_shape()


def partial_to_shape_when_dynamic(ov):
    return ov.PartialShape([1, -1]).to_shape()


def partial_bounds(ov):
    one = ov.PartialShape([1, (2, 4)])
    return one.get_min_shape(), one.get_max_shape()


def partial_bounds_of_unknown(ov):
    one = ov.PartialShape([1, -1])
    return one.get_min_shape(), one.get_max_shape()


@variants(index=[0, 1, -1, 3])
def partial_index(ov, index):
    return ov.PartialShape([1, -1])[index]


def partial_get_dimension(ov):
    return ov.PartialShape([1, -1]).get_dimension(0)


def partial_slice(ov):
    return ov.PartialShape([1, -1, (1, 2)])[1:]


def partial_iterates(ov):
    return list(ov.PartialShape([1, -1]))


def partial_set_item(ov):
    shape = ov.PartialShape([1, -1])
    shape[1] = 4
    shape[0] = ov.Dimension(1, 2)
    return shape


def partial_len(ov):
    return len(ov.PartialShape([1, -1]))


def partial_len_of_dynamic(ov):
    return len(ov.PartialShape.dynamic())


def partial_equals_sequence(ov):
    one = ov.PartialShape([1, 2])
    return one == (1, 2), one == [1, 2], one == [1, 3], one != [1, 2]


def partial_equals_text(ov):
    return ov.PartialShape([1, 2]) == "[1,2]"


def partial_dynamic_equals_sequence(ov):
    return ov.PartialShape([1, -1]) == [1, -1]


def partial_equals_partial(ov):
    return ov.PartialShape([1, -1]) == ov.PartialShape([1, -1])


def partial_relations(ov):
    one, any_of = ov.PartialShape([1]), ov.PartialShape([-1])
    return one.refines(any_of), one.relaxes(any_of), one.compatible(any_of), one.same_scheme(any_of)


def partial_is_not_hashable(ov):
    return hash(ov.PartialShape([1]))


def partial_str(ov):
    return str(ov.PartialShape([1, -1, (1, 4)])), ov.PartialShape([1]).to_string()
