#pragma once

#include <cmath>

namespace coinfer::reference {

/// The greater of two errors; one that is no number is greater than all.
inline double worse(double worst, double error) {
  return std::isnan(worst) || error <= worst ? worst : error;
}

}  // namespace coinfer::reference
