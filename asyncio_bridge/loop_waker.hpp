#pragma once

#include <Python.h>

namespace coinfer::bridge {

class Channel;

/// For event loops that cannot watch a file descriptor: a thread that Python made tells them with
/// `call_soon_threadsafe` that letters wait, because native threads must not. It starts with the
/// first such loop.
namespace loop_waker {

/// Needs the GIL; -1 with an exception set on failure.
int start();
/// Any thread, never blocks for long, never takes the GIL. Coalesced by the caller.
void wake(Channel& channel) noexcept;
/// Ends and joins the thread. Needs the GIL.
void stop() noexcept;

}  // namespace loop_waker

}  // namespace coinfer::bridge
