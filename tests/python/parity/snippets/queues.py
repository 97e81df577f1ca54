"""AsyncInferQueue."""

from tests.python.parity.declare import different, tried, variants


def queue_repr(queue):
    return repr(queue)


def queue_len(ov, sub, queue):
    return len(queue), len(ov.AsyncInferQueue(sub, 5))


def queue_jobs_by_default(ov, sub):
    return len(ov.AsyncInferQueue(sub)) == sub.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")


def queue_jobs_by_keyword(ov, sub):
    return len(ov.AsyncInferQueue(model=sub, jobs=3))


@variants(jobs=[-1, "x", 1.5])
def queue_jobs_wrong(ov, sub, jobs):
    return len(ov.AsyncInferQueue(sub, jobs))


def queue_of_a_model(ov, model):
    return ov.AsyncInferQueue(model, 1)


def queue_is_ready(queue):
    return queue.is_ready()


def queue_idle_request(queue):
    return queue.get_idle_request_id() in (0, 1)


def queue_item(queue):
    return type(queue[0]).__name__, type(queue[1]).__name__


@different(
    corrupts="What lies behind its requests is taken for one; here it is an IndexError.",
    memory=True,
)
@variants(index=[2, 7])
def queue_index_out_of_range(queue, index):
    return queue[index]


@variants(index=[-1, -2, -3, 2**70, -(2**70)])
def queue_negative_index(queue, index):
    return queue[index]


def queue_iterates(queue):
    return [type(request).__name__ for request in queue]


def queue_userdata_before(queue):
    return queue.userdata


def queue_runs_all(ov, queue, seen, a, b):
    queue.set_callback(
        lambda request, item: seen.append((item, request.get_output_tensor().data[0, 1]))
    )
    for i in range(6):
        queue.start_async([a * i, b], i)
    queue.wait_all()
    return sorted((item, float(value)) for item, value in seen)


def queue_callback_arguments(queue, seen, a, b):
    queue.set_callback(lambda request, item: seen.append((type(request).__name__, item)))
    queue.start_async([a, b], {"id": 3})
    queue.wait_all()
    return seen


def queue_callback_without_userdata(queue, seen, a, b):
    queue.set_callback(lambda request, item: seen.append(item))
    queue.start_async([a, b])
    queue.wait_all()
    return seen


def queue_callback_results(queue, seen, a, b):
    queue.set_callback(
        lambda request, item: seen.append(request.get_tensor("difference").data.copy())
    )
    queue.start_async([a, b])
    queue.wait_all()
    return seen


@different(says="results")
@variants(key=[0, "difference"])
def queue_callback_results_by(queue, seen, a, b, key):
    queue.set_callback(lambda request, item: seen.append(request.results[key]))
    queue.start_async([a, b])
    queue.wait_all()
    return seen


def queue_callback_keeps_copies(queue, seen, a, b):
    queue.set_callback(lambda request, item: seen.append(next(iter(request.results.values()))))
    for _ in range(4):
        queue.start_async([a, b])
    queue.wait_all()
    return seen


@variants(callback=[5, "x"])
def queue_callback_not_callable(queue, callback):
    queue.set_callback(callback)


def queue_callback_replaced(queue, seen, a, b):
    queue.set_callback(lambda request, item: seen.append("first"))
    queue.set_callback(lambda request, item: seen.append("second"))
    queue.start_async([a, b])
    queue.wait_all()
    return seen


def queue_userdata_after(queue, a, b):
    queue.start_async([a, b], 1)
    queue.start_async([a, b], 2)
    queue.wait_all()
    return sorted(queue.userdata)


def queue_userdata_is_the_same_object(queue, seen, a, b):
    item = object()
    queue.set_callback(lambda request, given: seen.append(given is item))
    queue.start_async([a, b], item)
    queue.wait_all()
    return seen


@variants(kind=["dict", "list", "tuple", "index"])
def queue_takes(queue, seen, a, b, kind):
    given = {"dict": {"x": a, "y": b}, "list": [a, b], "tuple": (a, b), "index": {0: a, 1: b}}
    queue.set_callback(lambda request, item: seen.append(next(iter(request.results.values()))))
    queue.start_async(given[kind])
    queue.wait_all()
    return seen


def queue_start_returns_nothing(queue, a, b):
    started = queue.start_async([a, b])
    return started, queue.wait_all()


def queue_wrong_input(queue, a):
    queue.start_async({"q": a})


def queue_wrong_shape(queue, np, b):
    queue.start_async([np.ones((9, 9), np.float32), b])


def queue_usable_after_a_wrong_input(queue, seen, a, b):
    failed = [tried(queue.start_async, {"q": a}) for _ in range(2)]
    queue.set_callback(lambda request, item: seen.append(item))
    for i in range(3):
        queue.start_async([a, b], i)
    queue.wait_all()
    return failed, sorted(seen)


def queue_wait_all_when_idle(queue):
    return queue.wait_all(), queue.wait_all()


def queue_shared_inputs(queue, seen, a, b):
    queue.set_callback(lambda request, item: seen.append(next(iter(request.results.values()))))
    queue.start_async([a, b], share_inputs=True)
    queue.wait_all()
    return seen


def queue_copies_by_default(queue, seen, a, b):
    queue.set_callback(lambda request, item: seen.append(next(iter(request.results.values()))))
    queue.start_async([a, b])
    a[:] = 10
    queue.wait_all()
    return seen


def queue_is_not_ready_when_full(ov, slow, x512):
    queue = ov.AsyncInferQueue(slow, 1)
    queue.start_async(x512)
    ready = queue.is_ready()
    queue.wait_all()
    return ready, queue.is_ready()


def queue_waits_for_a_free_request(ov, slow, seen, x512):
    queue = ov.AsyncInferQueue(slow, 1)
    queue.set_callback(lambda request, item: seen.append(item))
    for i in range(3):
        queue.start_async(x512, i)
    queue.wait_all()
    return seen


def queue_callback_raises(queue, a, b):
    def callback(request, item):
        raise ValueError("from the callback")

    queue.set_callback(callback)
    queue.start_async([a, b])
    return tried(queue.wait_all)


@different(
    crashes="The first `wait_all` raises what the callback raised, which is raised once, so that "
    "the second returns."
)
def queue_waits_again_after_a_callback_raised(queue, a, b):
    def callback(request, item):
        raise ValueError("from the callback")

    queue.set_callback(callback)
    queue.start_async([a, b])
    tried(queue.wait_all)
    return queue.wait_all()


@different(crashes="The queue stays usable after a callback raised.")
def queue_usable_after_a_callback_raised(queue, seen, a, b):
    def callback(request, item):
        seen.append(item)
        if item == 0:
            raise ValueError("from the callback")

    queue.set_callback(callback)
    queue.start_async([a, b], 0)
    tried(queue.wait_all)
    queue.start_async([a, b], 1)
    return queue.wait_all(), seen


def queue_request_of_index(queue, a, b):
    queue.start_async([a, b], 5)
    queue.wait_all()
    return [request.userdata for request in queue].count(5)


def queue_userdata_by_request(queue, a, b):
    queue.start_async([a, b], 5)
    queue.wait_all()
    return 5 in queue.userdata


def queue_start_too_many_arguments(queue, a, b):
    queue.start_async([a, b], 1, False, 2)


def queue_start_by_keywords(queue, seen, a, b):
    queue.set_callback(lambda request, item: seen.append(item))
    queue.start_async(inputs=[a, b], userdata=4, share_inputs=True)
    queue.wait_all()
    return seen


def queue_of_one_input(ov, single, seen, x2):
    queue = ov.AsyncInferQueue(single, 2)
    queue.set_callback(lambda request, item: seen.append(request.get_output_tensor().data.copy()))
    queue.start_async(x2)
    queue.wait_all()
    return seen


def queue_outlives_the_model(ov, core, paths, a, b):
    queue = ov.AsyncInferQueue(core.compile_model(paths["sub"], "CPU"), 1)
    queue.start_async([a, b])
    queue.wait_all()
    return next(iter(queue[0].results.values()))


def queue_request_latency(queue, a, b):
    queue.start_async([a, b])
    queue.wait_all()
    return all(request.latency >= 0 for request in queue)
