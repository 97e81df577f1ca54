#pragma once

#include <boost/asio/execution_context.hpp>

namespace coinfer::runtime {

class Executor;
class Scheduler;

/// The one executor and scheduler of this process, made at first use and never destroyed.
Scheduler& process_scheduler();

/// Throws Error when the runtime is shut down, or when this process was forked from one that had
/// used it: the threads of oneDNN and TBB do not survive a fork.
void check_usable();

/// Was this process forked from one that had used the runtime?
bool is_forked_child() noexcept;

/// Compute threads this process may use: its CPU affinity.
int compute_slots() noexcept;

/// Is it the context of the process's own threads, which is never destroyed?
bool is_own_context(const boost::asio::execution_context& context) noexcept;

}  // namespace coinfer::runtime
