"""start_async, wait, wait_for, cancel and callbacks of one request, in every state."""

from tests.python.parity.declare import different, tried, variants


def start_and_wait(request, a, b):
    started = request.start_async({"x": a, "y": b})
    waited = request.wait()
    return started, waited, request.get_output_tensor(0).data


@variants(kind=["dict", "list", "tuple", "index"])
def start_takes(request, a, b, kind):
    given = {"dict": {"x": a, "y": b}, "list": [a, b], "tuple": (a, b), "index": {0: a, 1: b}}
    request.start_async(given[kind])
    request.wait()
    return request.results[0]


def start_without_inputs(request, a, b):
    request.infer([a, b])
    request.start_async()
    request.wait()
    return request.results[0]


def start_again_after_wait(request, a, b):
    found = []
    for value in (a, b):
        request.start_async([value, b])
        request.wait()
        found.append(request.results[0])
    return found


def wait_when_idle(request):
    return request.wait(), request.wait()


def wait_twice(request, a, b):
    request.start_async([a, b])
    return request.wait(), request.wait()


def wait_for_when_idle(request):
    return tried(request.wait_for, 0), tried(request.wait_for, 10)


def wait_for_after_the_end(request, a, b):
    request.start_async([a, b])
    request.wait()
    return request.wait_for(0)


def wait_for_long_enough(request, a, b):
    request.start_async([a, b])
    return request.wait_for(20000), request.results[0]


def wait_for_too_short(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    first = request.wait_for(0)
    request.wait()
    return first


@variants(timeout=["x", None, 1.5])
def wait_for_wrong(request, timeout):
    return request.wait_for(timeout)


def wait_for_of_nothing(request):
    return request.wait_for()


def wait_takes_nothing(request):
    return request.wait(5)


def start_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    failed = tried(request.start_async, x512)
    request.wait()
    return failed


def infer_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    failed = tried(request.infer, x512)
    request.wait()
    return failed


def start_without_inputs_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    failed = tried(request.start_async)
    request.wait()
    return failed


def set_tensor_while_running(ov, slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    failed = tried(request.set_input_tensor, 0, ov.Tensor(x512))
    request.wait()
    return failed


def get_tensor_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    failed = tried(request.get_output_tensor, 0), tried(request.get_tensor, "x")
    request.wait()
    return failed


def results_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    failed = tried(lambda: request.results)
    request.wait()
    return failed


def set_callback_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    failed = tried(request.set_callback, print, None)
    request.wait()
    return failed


@different(says="in flight")
def latency_while_running(slow, x512):
    request = slow.create_infer_request()
    request.infer(x512)
    request.start_async(x512)
    found = tried(lambda: request.latency >= 0)
    request.wait()
    return found


def userdata_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512, 5)
    found = tried(lambda: request.userdata)
    request.wait()
    return found


def usable_after_busy(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    tried(request.start_async, x512)
    request.wait()
    return request.infer(x512)[0].shape


def cancel_when_idle(request):
    return request.cancel(), request.wait()


def cancel_after_the_end(request, a, b):
    request.infer([a, b])
    return request.cancel(), request.results[0]


def cancel_while_running(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    request.cancel()
    return tried(request.wait)


def cancel_then_reuse(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    request.cancel()
    tried(request.wait)
    return request.infer(x512)[0].shape


def cancel_twice(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    request.cancel()
    request.cancel()
    return tried(request.wait)


@different(says="idle")
def wait_after_a_cancelled_wait(slow, x512):
    request = slow.create_infer_request()
    request.start_async(x512)
    request.cancel()
    tried(request.wait)
    return tried(request.wait)


def callback_is_called_with_userdata(request, seen, a, b):
    request.set_callback(lambda item: seen.append(item), 7)
    request.start_async([a, b])
    request.wait()
    return seen


def callback_userdata_of_the_start(request, seen, a, b):
    request.set_callback(lambda item: seen.append(item), 7)
    request.start_async([a, b], 9)
    request.wait()
    return seen, request.userdata


def callback_userdata_stays(request, seen, a, b):
    request.set_callback(lambda item: seen.append(item), 7)
    for userdata in (9, None):
        request.start_async([a, b], userdata)
        request.wait()
    return seen


def callback_sees_the_result(request, seen, a, b):
    request.set_callback(lambda _: seen.append(request.get_output_tensor().data.copy()), None)
    request.start_async([a, b])
    request.wait()
    return seen


def callback_of_infer(request, seen, a, b):
    request.set_callback(lambda item: seen.append(item), 7)
    request.infer([a, b])
    return seen


def callback_replaced(request, seen, a, b):
    request.set_callback(lambda _: seen.append("first"), None)
    request.set_callback(lambda _: seen.append("second"), None)
    request.start_async([a, b])
    request.wait()
    return seen


def callback_each_time(request, seen, a, b):
    request.set_callback(lambda _: seen.append(1), None)
    for _ in range(3):
        request.start_async([a, b])
        request.wait()
    return seen


@variants(callback=[5, "x", [1]])
def callback_not_callable(request, callback):
    request.set_callback(callback, None)


def callback_without_userdata(request):
    request.set_callback(print)


def callback_returns_something(request, a, b):
    request.set_callback(lambda _: 5, None)
    request.start_async([a, b])
    return request.wait()


def callback_method(request, seen, a, b):
    request.set_callback(seen.append, "item")
    request.start_async([a, b])
    request.wait()
    return seen


def userdata_before(request):
    return request.userdata


def userdata_of_a_start(request, a, b):
    request.start_async([a, b], {"key": 1})
    request.wait()
    return request.userdata


def userdata_is_the_same_object(request, a, b):
    item = object()
    request.start_async([a, b], item)
    request.wait()
    return request.userdata is item


def userdata_is_not_assignable(request):
    request.userdata = 5


def start_with_a_wrong_input(request, a, b):
    failed = tried(request.start_async, {"q": a})
    request.start_async([a, b])
    request.wait()
    return failed, request.results[0]


def start_with_a_wrong_shape(request, np, b):
    return tried(request.start_async, [np.ones((9, 9), np.float32), b]), request.wait()


def start_too_many_arguments(request, a, b):
    request.start_async([a, b], 1, False, 2)


def start_by_keywords(request, a, b):
    request.start_async(inputs=[a, b], userdata=3, share_inputs=True)
    request.wait()
    return request.userdata, request.results[0]


def two_requests_at_once(slow, x512):
    requests = [slow.create_infer_request() for _ in range(2)]
    for request in requests:
        request.start_async(x512)
    for request in requests:
        request.wait()
    return [request.get_output_tensor().shape for request in requests]


def wait_from_another_thread(request, a, b):
    import threading

    request.start_async([a, b])
    thread = threading.Thread(target=request.wait)
    thread.start()
    thread.join()
    return request.results[0]


def dropped_while_running(slow, x512):
    slow.create_infer_request().start_async(x512)
    return "alive"
