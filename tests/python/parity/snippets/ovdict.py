"""The dictionary of results."""

from tests.python.parity.declare import different, tried, variants


def results_repr_and_len(sub, a, b):
    results = sub([a, b])
    return type(results).__name__, len(results), repr(results)


def results_by_index(many, a):
    results = many(a)
    return [results[i] for i in range(4)]


def results_by_name(many, a):
    results = many(a)
    return results["plus"], results["total"], results["large"]


def results_by_port(many, a):
    results = many(a)
    return [results[port] for port in many.outputs]


def results_by_negative_index(many, a):
    return many(a)[-1], many(a)[-4]


@variants(key=[7, -5, "q", "x", ""])
def results_unknown_key(many, a, key):
    return many(a)[key]


def results_by_input_port(sub, a, b):
    return sub([a, b])[sub.input(0)]


@different(says="results")
@variants(key=[1.5, None])
def results_key_of_no_kind(many, a, key):
    return many(a)[key]


def results_contains_name(many, a):
    results = many(a)
    return "plus" in results, "q" in results


def results_contains_index_and_port(many, a):
    results = many(a)
    return 0 in results, 9 in results, many.output(1) in results


def results_names(many, a):
    return many(a).names()


def results_iterate_over_ports(many, a):
    results = many(a)
    return list(results), [port.any_name for port in results]


def results_keys(many, a):
    return list(many(a).keys()), len(many(a).keys())


def results_values(many, a):
    return list(many(a).values())


def results_items(many, a):
    return [(port.any_name, value) for port, value in many(a).items()]


def results_get(many, a):
    results = many(a)
    return results.get("plus"), results.get("q"), results.get("q", 5), results.get(0)


def results_to_dict(many, a):
    found = many(a).to_dict()
    return type(found).__name__, list(found), list(found.values())


def results_to_dict_has_no_names(many, a):
    return many(a).to_dict()["plus"]


def results_dict_of(many, a):
    return list(dict(many(a)))


def results_to_tuple(many, a):
    return many(a).to_tuple()


def results_unpack(many, a):
    plus, *_, large = many(a).values()
    return plus, large


def results_are_read_only(many, a):
    many(a)["plus"] = a


def results_cannot_lose(many, a):
    del many(a)["plus"]


def results_have_no_attributes(many, a):
    many(a).new = 1


def results_equality(many, a):
    results = many(a)
    return tried(lambda: results == results)


def results_hash(many, a):
    return hash(many(a))


def results_are_a_mapping(many, a):
    from collections.abc import Mapping, MutableMapping

    return isinstance(many(a), Mapping), isinstance(many(a), MutableMapping)


def results_truth(many, a):
    return bool(many(a))


def results_as_inputs(sub, many, a):
    results = sub([a, a])
    return many({"x": results[0]})["plus"]


def results_given_whole(single, x2):
    return single(single(x2))[0]


def results_given_whole_unshared(single, x2):
    request = single.create_infer_request()
    return request.infer(request.infer(x2))[0]


def results_same_array_each_time(many, a):
    results = many(a)
    return results[0] is results["plus"], results[0] is results[many.output(0)]


def results_property_of_request(request, a, b):
    request.infer([a, b])
    return request.results["difference"]


def results_property_is_a_copy(np, request, a, b):
    request.infer([a, b])
    results = request.results
    return np.shares_memory(results[0], request.get_output_tensor().data)


def results_before_a_run(request):
    return [value.shape for value in request.results.values()]
