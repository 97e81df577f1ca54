#pragma once

#include <Python.h>

#include <atomic>
#include <utility>

/// Every rule about the GIL and about Python objects that native code holds. No other file of this
/// project calls CPython's thread-state functions.
///
///  1. A native thread never takes the GIL: not to complete, not to destroy, not to call back.
///  2. Whoever blocks or computes releases it first: `GilReleased`.
///  3. A Python object that native code keeps alive is a `Kept`: whoever drops it, on any thread,
///     hands it to the garbage list; holders of the GIL empty that list.
///  4. What Python calls and what calls Python is `Entered`, so that no thread is ended inside.
///  5. While Python finalises, nothing is handed back: objects that are still kept are leaked.
namespace coinfer::bridge {

/// The end of the interpreter, seen by threads that are to take the GIL back. CPython ends such a
/// thread by unwinding it, which no C++ frame survives: so from the atexit hook on they sleep until
/// the process is gone.
namespace exiting {

// A forked child begins anew: threads that it does not have are not waited for.
inline std::atomic<bool> begun{false};
inline std::atomic<int> retaking{0};             // threads between the look at `begun` and the GIL
inline std::atomic<int> inside{0};               // threads in `Entered` that hold the GIL
inline thread_local int depth{0};                // of this thread's `Entered`
inline thread_local bool is_main_thread{false};  // the one that runs the hook

/// Called by the hook, under the GIL, which it releases meanwhile: from here on nobody takes the
/// GIL back or enters; those on their way have it, those inside have left, if that takes no longer
/// than two seconds.
void begin() noexcept;

/// Under the GIL.
inline void count_inside(int change) noexcept {
  if (depth > 0) {
    inside.store(inside.load(std::memory_order_relaxed) + change, std::memory_order_release);
  }
}
[[noreturn]] void sleep_for_ever() noexcept;

/// Runs `take`, which takes the GIL, or never returns.
template <class Take>
auto retake(Take take) noexcept {
  retaking.fetch_add(1);
  if (begun.load() && !is_main_thread) {
    retaking.fetch_sub(1);
    sleep_for_ever();
  }
  struct Done {
    ~Done() { retaking.fetch_sub(1); }
  } const done;
  return take();
}

}  // namespace exiting

/// Releases the GIL for its scope.
class GilReleased {
 public:
  GilReleased() noexcept {
    exiting::count_inside(-1);
    state_ = PyEval_SaveThread();
  }
  ~GilReleased() {
    exiting::retake([this] {
      PyEval_RestoreThread(state_);
      exiting::count_inside(1);
    });
  }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* state_ = nullptr;
};

/// A call from Python that may run Python code. There the interpreter may let other threads go on,
/// and end this one when it wants the GIL back while Python finalises: through C++ frames, and with
/// work that a runtime which has shut down refuses. So from the atexit hook on whoever enters
/// sleeps, as if it had waited for the GIL, and the hook waits for those inside.
class Entered {
 public:
  Entered() noexcept {
    if (exiting::begun.load(std::memory_order_relaxed) && !exiting::is_main_thread) {
      const GilReleased never_retaken;
    }
    if (exiting::depth++ == 0) {
      exiting::count_inside(1);
    }
  }
  ~Entered() {
    if (exiting::depth == 1) {
      exiting::count_inside(-1);
    }
    --exiting::depth;
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
};

/// Takes the GIL back for its scope, on a Python thread that is inside a `GilReleased` scope of its
/// own: to look for signals while it waits. Never on a native thread.
class GilTaken {
 public:
  GilTaken() noexcept : state_{exiting::retake([] { return PyGILState_Ensure(); })} {}
  ~GilTaken() { PyGILState_Release(state_); }
  GilTaken(const GilTaken&) = delete;
  GilTaken& operator=(const GilTaken&) = delete;

 private:
  PyGILState_STATE state_;
};

/// A strong reference that is only touched under the GIL.
class PyRef {
 public:
  PyRef() noexcept = default;
  static PyRef steal(PyObject* object) noexcept { return PyRef{object}; }
  static PyRef borrow(PyObject* object) noexcept {
    Py_XINCREF(object);
    return PyRef{object};
  }
  PyRef(const PyRef& other) noexcept : object_{other.object_} { Py_XINCREF(object_); }
  PyRef(PyRef&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
  PyRef& operator=(PyRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~PyRef() { Py_XDECREF(object_); }

  PyObject* get() const noexcept { return object_; }
  PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  explicit PyRef(PyObject* object) noexcept : object_{object} {}
  PyObject* object_ = nullptr;
};

/// Something that holds Python objects and may be dropped on any thread: it is released later, by a
/// holder of the GIL. Intrusive; the first entry of the list raises one coalesced pending call.
struct Garbage {
  /// Needs the GIL; may free the object.
  void (*release)(Garbage* self) noexcept = nullptr;
  Garbage* next = nullptr;
};
/// Any thread. Never blocks, never takes the GIL.
void discard(Garbage* garbage) noexcept;

/// A Python object kept alive by native code, e.g. the array behind a shared input. Made under the
/// GIL, dropped on any thread.
class Kept : Garbage {
 public:
  /// Needs the GIL.
  static Kept* make(PyObject* object);
  static void drop(Kept* kept) noexcept { discard(kept); }

 private:
  PyObject* object_ = nullptr;
};

/// Releases what native threads have dropped. Needs the GIL; cheap when there is nothing.
void empty_garbage() noexcept;
/// Objects kept and not yet released: 0 when no native object holds a Python one.
long kept_objects() noexcept;
/// What native threads have dropped and nobody has released yet. Needs the GIL, which keeps the
/// list.
long garbage_waiting() noexcept;
/// From now on dropped objects are leaked (interpreter exit).
void stop_garbage() noexcept;

}  // namespace coinfer::bridge
