#include "coinfer/detail/pending_handler.hpp"

#include <boost/asio/system_context.hpp>

#include "runtime/process.hpp"

namespace coinfer::detail {
namespace {

/// Ties a Parking to the life of an execution context.
class ParkingService : public boost::asio::execution_context::service {
 public:
  using key_type = ParkingService;

  explicit ParkingService(boost::asio::execution_context& context) : service{context} {}
  const std::shared_ptr<Parking>& parking() const noexcept { return parking_; }

 private:
  void shutdown() noexcept override { parking_->close(); }

  std::shared_ptr<Parking> parking_ = std::make_shared<Parking>();
};

}  // namespace

bool Parking::add(ParkedHandler& handler) noexcept {
  const std::lock_guard lock{mutex_};
  if (closed_) {
    return false;
  }
  handler.next = first_;
  if (first_ != nullptr) {
    first_->previous = &handler;
  }
  first_ = &handler;
  return true;
}

void Parking::remove(ParkedHandler& handler) noexcept {
  (handler.previous != nullptr ? handler.previous->next : first_) = handler.next;
  if (handler.next != nullptr) {
    handler.next->previous = handler.previous;
  }
}

void Parking::close() noexcept {
  ParkedHandler* handler = nullptr;
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    handler = std::exchange(first_, nullptr);
    for (auto* each = handler; each != nullptr; each = each->next) {
      each->place->store(nullptr, std::memory_order_release);
    }
  }
  while (handler != nullptr) {
    auto* next = handler->next;
    handler->destroy(handler);
    handler = next;
  }
}

std::shared_ptr<Parking> parking_of(boost::asio::execution_context& context) {
  auto& system =
      boost::asio::query(boost::asio::system_executor{}, boost::asio::execution::context);
  if (&context == &system || runtime::is_own_context(context)) {
    return nullptr;
  }
  return boost::asio::use_service<ParkingService>(context).parking();
}

}  // namespace coinfer::detail
