#include "frontends/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>

#include "coinfer/error.hpp"
#include "tensor/pages.hpp"

namespace coinfer::frontends {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what) {
  throw ModelFileError(fmt::format("'{}' {}", path.string(), what));
}

[[noreturn]] void fail_errno(const std::filesystem::path& path) {
  const auto error = errno;
  if (error == ENOENT) {
    fail(path, "does not exist");
  }
  fail(path, fmt::format("cannot be read: {}", std::generic_category().message(error)));
}

MemoryRef read_whole(const Descriptor& file, std::size_t size, const std::filesystem::path& path) {
  auto memory = Memory::allocate(size);
  std::size_t done = 0;
  while (done < size) {
    const auto count = ::read(file.get(), memory->data() + done, size - done);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      fail_errno(path);
    }
    if (count == 0) {
      fail(path, fmt::format("shrank from {} to {} bytes while it was read", size, done));
    }
    done += static_cast<std::size_t>(count);
  }
  return memory;
}

/// What is mapped now, by its first byte.
struct Mappings {
  struct One {
    std::size_t bytes;
    std::string file;
  };
  std::mutex mutex;
  std::map<const std::byte*, One> all;

  // Never destroyed: mappings may outlive main.
  static Mappings& instance() {
    static auto* const only = new Mappings;
    return *only;
  }
};

std::string text_of(const struct stat& status) {
  return fmt::format("{}:{}:{}:{}.{}", status.st_dev, status.st_ino, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

thread_local FilesRead* collector = nullptr;

}  // namespace

std::string version_of(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? text_of(status) : std::string{};
}

FilesRead::FilesRead() : outer_{std::exchange(collector, this)} {}

FilesRead::~FilesRead() {
  collector = outer_;
  if (outer_ != nullptr) {
    outer_->files.insert(outer_->files.end(), files.begin(), files.end());
  }
}

std::optional<PlaceInFile> place_in_file(const void* data) {
  const auto* byte = static_cast<const std::byte*>(data);
  auto& mappings = Mappings::instance();
  const std::lock_guard lock{mappings.mutex};
  auto found = mappings.all.upper_bound(byte);
  if (found == mappings.all.begin()) {
    return std::nullopt;
  }
  const auto& [begin, one] = *--found;
  const auto offset = static_cast<std::size_t>(byte - begin);
  return offset < one.bytes ? std::optional{PlaceInFile{one.file, offset}} : std::nullopt;
}

namespace {

/// Is `bytes` worth it, and of a mapped file?
bool can_drop(std::span<const std::byte> bytes) {
  return bytes.size() >= 16 * page_bytes() && place_in_file(bytes.data());
}

/// What is read is not changed by that.
void drop(std::span<const std::byte> bytes) {
  drop_whole_pages({const_cast<std::byte*>(bytes.data()), bytes.size()});
}

}  // namespace

void drop_pages(std::span<const std::byte> bytes) {
  if (can_drop(bytes)) {
    drop(bytes);
  }
}

void copy_out(std::span<const std::byte> from, void* to) {
  constexpr std::size_t piece = std::size_t{4} << 20;
  const bool drops = can_drop(from);
  auto* dst = static_cast<std::byte*>(to);
  for (std::size_t at = 0; at < from.size(); at += piece) {
    const auto part = from.subspan(at, std::min(piece, from.size() - at));
    make_present(dst + at, part.size());
    std::memcpy(dst + at, part.data(), part.size());
    if (drops) {
      drop(part);
    }
  }
}

MemoryRef load_file(const std::filesystem::path& path, bool map) {
  // O_NONBLOCK: opening a named pipe must not hang.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.get() < 0) {
    fail_errno(path);
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) {
    fail_errno(path);
  }
  if (S_ISDIR(status.st_mode)) {
    fail(path, "is a directory, not a model file");
  }
  if (!S_ISREG(status.st_mode)) {
    fail(path, "is not a regular file");
  }
  if (collector != nullptr) {
    collector->files.push_back({std::filesystem::absolute(path).string(), text_of(status)});
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size <= max_copied_bytes || !map) {
    return read_whole(file, size, path);
  }
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) {
    fail_errno(path);
  }
  auto& mappings = Mappings::instance();
  {
    const std::lock_guard lock{mappings.mutex};
    mappings.all[static_cast<const std::byte*>(data)] = {size, text_of(status)};
  }
  std::shared_ptr<void> mapping(data, [size, &mappings](void* begin) {
    const std::lock_guard lock{mappings.mutex};
    mappings.all.erase(static_cast<const std::byte*>(begin));
    ::munmap(begin, size);
  });
  return Memory::wrap(data, size, std::move(mapping), true);
}

}  // namespace coinfer::frontends
