#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "coinfer/compiled_model.hpp"
#include "coinfer/detail/channel_state.hpp"
#include "coinfer/detail/crew.hpp"
#include "coinfer/error.hpp"

namespace coinfer {

/// How a stage works.
struct StageOptions {
  /// How many items it works on at once; 0: one, or as many as suit the model.
  std::size_t concurrency = 0;
  /// How many results may wait behind it; 0: as many as its concurrency.
  std::size_t capacity = 0;
  /// Results leave in the order in which their items came; else as they are ready.
  bool ordered = true;
};

/// A part of a pipeline that turns each In into an Out: one step, or several joined by `|`. Made by
/// `stage` and `infer_stage`; a description that any number of pipelines can be made of.
/// *Thread safety*: shared objects: safe.
template <class In, class Out>
class Stage {
 public:
  using Function = std::function<boost::asio::awaitable<Out>(In)>;

  /// Throws Error for a null function. The function is called from several coroutines at once when
  /// the concurrency is above 1.
  Stage(Function function, StageOptions options);

  /// Makes the channel of the results, and lets the crew work on what comes from `source`.
  std::shared_ptr<detail::ChannelState<Out>> connect(
      detail::Crew& crew, std::shared_ptr<detail::ChannelState<In>> source) const {
    return connect_(crew, std::move(source));
  }

  template <class End>
  Stage<In, End> operator|(Stage<Out, End> next) const {
    return Stage<In, End>{typename Stage<In, End>::Connect{
        [first = connect_, next](detail::Crew& crew,
                                 std::shared_ptr<detail::ChannelState<In>> source) {
          auto between = first(crew, std::move(source));
          crew.when_failed([between] { between->stop(nullptr); });
          return next.connect(crew, std::move(between));
        }}};
  }

 private:
  template <class, class>
  friend class Stage;
  using Connect = std::function<std::shared_ptr<detail::ChannelState<Out>>(
      detail::Crew&, std::shared_ptr<detail::ChannelState<In>>)>;
  explicit Stage(Connect connect) : connect_{std::move(connect)} {}

  static boost::asio::awaitable<void> work(std::shared_ptr<const Function> function,
                                           std::shared_ptr<detail::ChannelState<In>> source,
                                           std::shared_ptr<detail::ChannelState<Out>> results,
                                           bool ordered);

  Connect connect_;
};

namespace detail {

template <class T>
struct AwaitedValue {
  using type = T;
  static constexpr bool awaitable = false;
};
template <class T, class Executor>
struct AwaitedValue<boost::asio::awaitable<T, Executor>> {
  using type = T;
  static constexpr bool awaitable = true;
};

template <class Signature>
struct StepTypes;
template <class Result, class Argument>
struct StepTypes<std::function<Result(Argument)>> {
  using Input = std::remove_cvref_t<Argument>;
  using Output = typename AwaitedValue<Result>::type;
  static constexpr bool awaitable = AwaitedValue<Result>::awaitable;
};

}  // namespace detail

/// A stage that calls `function` with each item: a coroutine function `asio::awaitable<Out>(In)`,
/// or a plain one `Out(In)`, which must not block.
template <class F>
auto stage(F function, StageOptions options = {}) {
  using Types = detail::StepTypes<decltype(std::function{function})>;
  using In = typename Types::Input;
  using Out = typename Types::Output;
  static_assert(!std::is_void_v<Out>, "a stage returns what the next one gets");
  if constexpr (Types::awaitable) {
    return Stage<In, Out>{std::move(function), options};
  } else {
    return Stage<In, Out>{[function = std::move(function)](In item) -> boost::asio::awaitable<Out> {
                            co_return function(std::move(item));
                          },
                          options};
  }
}

/// A stage that runs a model: In and Out are `std::vector<Tensor>`, a tensor for each input or
/// output in the model's order, or `Tensor` where there is one. Tensors are handed on as they are:
/// none is copied between two models. Concurrency 0 means OPTIMAL_NUMBER_OF_INFER_REQUESTS. Throws
/// Error when `Tensor` is asked for and the model has not exactly one.
template <class In = std::vector<Tensor>, class Out = In>
Stage<In, Out> infer_stage(const CompiledModel& model, StageOptions options = {});

/// Stages at work, joined by bounded channels: items go in by `async_push`, results come out by
/// `async_pull`. Where a result is not pulled, all behind it wait in the end, and so does
/// `async_push`: at most the sum of all capacities and concurrencies is held.
///
/// The first error of a stage cancels the work of all others, and drops what was in flight; when
/// nothing works any more one `async_pull` completes with it, later ones with the end.
///
/// Stages run on the executor, each worker in a strand of its own. Destroying a Pipeline cancels
/// it; destroying the executor's context frees its coroutines wherever they are suspended.
/// *Thread safety*: shared objects: safe, except for moving and destroying.
template <class In, class Out>
class Pipeline {
 public:
  /// `input_capacity`: how many items may wait before the first stage. Throws Error when it is 0,
  /// or the executor is empty.
  Pipeline(const Stage<In, Out>& stages, boost::asio::any_io_executor executor,
           std::size_t input_capacity = 1)
      : input_{std::make_shared<detail::ChannelState<In>>(input_capacity)},
        crew_{std::make_shared<detail::Crew>(std::move(executor))} {
    crew_->when_failed([input = input_] { input->stop(nullptr); });
    try {
      output_ = stages.connect(*crew_, input_);
    } catch (...) {
      cancel();
      throw;
    }
    crew_->at_failed_end(
        [output = output_](std::exception_ptr error) { output->stop(std::move(error)); });
    crew_->begin();
  }
  Pipeline(Pipeline&&) noexcept = default;
  Pipeline& operator=(Pipeline&& other) noexcept {
    if (this != &other) {
      cancel();
      input_ = std::move(other.input_);
      output_ = std::move(other.output_);
      crew_ = std::move(other.crew_);
    }
    return *this;
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline() { cancel(); }

  /// Waits until the first stage has room for the item. *Completion signature*:
  /// void(std::exception_ptr, bool): false when the pipeline is closed, cancelled or failed, and
  /// did not take it. *Cancellation*, total, partial and terminal: the item is not taken; completes
  /// with boost::asio::error::operation_aborted. Handlers: as for Channel.
  template <class Token>
  auto async_push(In item, Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, bool)>(
        [](auto handler, auto state, In given) {
          state->send(std::move(handler), std::move(given));
        },
        token, input_, std::move(item));
  }

  /// Waits for a result. *Completion signature*: void(std::exception_ptr, std::optional<Out>): null
  /// at the end, after `close`, and then nothing works any more. The error: see the class;
  /// Cancelled after `cancel`. *Cancellation*, total, partial and terminal: no result is taken;
  /// completes with boost::asio::error::operation_aborted. Handlers: as for Channel.
  template <class Token>
  auto async_pull(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, std::optional<Out>)>(
        [](auto handler, auto state) {
          state->template receive<typename detail::ChannelState<Out>::ValueOnly>(
              std::move(handler));
        },
        token, output_);
  }

  /// Nothing more comes in. All that is in flight comes out, then the end.
  void close() { input_->close(); }
  /// Stops the work and drops what is in flight; one `async_pull` completes with Cancelled. Nothing
  /// when all work is over.
  void cancel() noexcept {
    if (crew_) {
      crew_->fail(std::make_exception_ptr(Cancelled{"the pipeline was cancelled"}));
    }
  }

 private:
  std::shared_ptr<detail::ChannelState<In>> input_;
  std::shared_ptr<detail::ChannelState<Out>> output_;
  std::shared_ptr<detail::Crew> crew_;
};

template <class In, class Out>
Stage<In, Out>::Stage(Function function, StageOptions options) {
  if (!function) {
    throw Error("a stage's function was expected, a null one came");
  }
  const auto shared = std::make_shared<const Function>(std::move(function));
  const auto workers = std::max<std::size_t>(options.concurrency, 1);
  const auto capacity = options.capacity != 0 ? options.capacity : workers;
  connect_ = [=](detail::Crew& crew, std::shared_ptr<detail::ChannelState<In>> source) {
    auto results = std::make_shared<detail::ChannelState<Out>>(capacity);
    crew.spawn(
        workers, [=] { return work(shared, source, results, options.ordered); },
        [results] { results->close(); });
    return results;
  };
}

template <class In, class Out>
boost::asio::awaitable<void> Stage<In, Out>::work(
    std::shared_ptr<const Function> function, std::shared_ptr<detail::ChannelState<In>> source,
    std::shared_ptr<detail::ChannelState<Out>> results, bool ordered) {
  using boost::asio::use_awaitable;
  for (;;) {
    auto item = source->try_receive();
    if (!item) {
      item = co_await detail::async_receive(source, use_awaitable);
    }
    if (!item) {
      co_return;
    }
    std::optional<Out> result{co_await (*function)(std::move(item->value))};
    const auto position = ordered ? std::optional{item->position} : std::nullopt;
    item.reset();
    if (!results->try_send(result, position) &&
        !co_await detail::async_send(results, std::move(*result), position, use_awaitable)) {
      co_return;
    }
  }
}

namespace detail {

/// Throws Error unless the model has exactly one of them.
void check_one(std::size_t count, const char* what, const CompiledModel& model);
std::size_t suitable_concurrency(const CompiledModel& model);

}  // namespace detail

template <class In, class Out>
Stage<In, Out> infer_stage(const CompiledModel& model, StageOptions options) {
  using Tensors = std::vector<Tensor>;
  static_assert(std::is_same_v<In, Tensor> || std::is_same_v<In, Tensors>);
  static_assert(std::is_same_v<Out, Tensor> || std::is_same_v<Out, Tensors>);
  if constexpr (std::is_same_v<In, Tensor>) {
    detail::check_one(model.inputs().size(), "input", model);
  }
  if constexpr (std::is_same_v<Out, Tensor>) {
    detail::check_one(model.outputs().size(), "output", model);
  }
  if (options.concurrency == 0) {
    options.concurrency = detail::suitable_concurrency(model);
  }
  return Stage<In, Out>{[model](In item) -> boost::asio::awaitable<Out> {
                          Tensors inputs;
                          if constexpr (std::is_same_v<In, Tensor>) {
                            inputs.push_back(std::move(item));
                          } else {
                            inputs = std::move(item);
                          }
                          auto outputs = co_await model.async_infer(std::move(inputs),
                                                                    boost::asio::use_awaitable);
                          if constexpr (std::is_same_v<Out, Tensor>) {
                            co_return std::move(outputs.front());
                          } else {
                            co_return outputs;
                          }
                        },
                        options};
}

}  // namespace coinfer
