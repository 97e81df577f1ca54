#pragma once

#include <iosfwd>

#include "runtime/compiled.hpp"
#include "runtime/prepared.hpp"

/// A compiled model as bytes: the optimised graph and, with `packed`, its weights as kernels want
/// them.
///
///     header   64 bytes: "\x89coinfer", format, form, sizes and checksums of what follows
///     meta     library version, name, ports, graph, packed weights; to 64 bytes
///     data     tensors' bytes, each from a multiple of 64 on
namespace coinfer::runtime {

/// Complete: everything is in the bytes. Beside its model: constants that the source model has are
/// only referred to.
enum class ExportForm : std::uint32_t { complete, beside_model };

struct ExportOptions {
  bool packed = true;
  bool has_run = false;           ///< `packed` has what runs pack, too
  const Model* source = nullptr;  ///< what it was compiled from; of the form beside_model only
  std::span<const frontends::FileVersion> files = {};  ///< what a cached model was read from
};

void write_exported(std::ostream& out, const Compiled& compiled, const ExportOptions& options);

/// Reads it back; weights stay in `memory`. Throws ModelFileError that says what is wrong: no
/// exported model, of another version, damaged, or not of this `source`. `threads` of the current
/// arena check the sums.
Prepared read_exported(const MemoryRef& memory, const Model* source, int threads);

/// Infers all types and shapes anew and compares them with the ports: for bytes of unknown origin.
void check_imported(const Prepared& prepared);

}  // namespace coinfer::runtime
