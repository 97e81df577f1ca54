#pragma once

#include <boost/asio/any_io_executor.hpp>

namespace coinfer {

/// Runs inferences on the application's executor instead of threads of coinfer's own. Its threads
/// then compute; how many do so at once is limited by the budget of compute threads as ever, and a
/// blocking call on one of them, while it computes or in a completion handler there, is refused.
/// Their signal mask and priority are the application's business.
///
/// To be called before the first model is compiled; throws Error afterwards. The executor's context
/// must outlive all inferences: call `shutdown()` before it ends, while its threads still run or
/// after they have stopped. *Thread safety*: safe.
void use_executor(boost::asio::any_io_executor executor);

/// Where inferences run: coinfer's own threads, or what was given to `use_executor`. A coroutine
/// spawned here is resumed on the thread that computed, without a hop; it must not block. Throws
/// Error in a forked child. *Thread safety*: safe.
boost::asio::any_io_executor executor();

}  // namespace coinfer
