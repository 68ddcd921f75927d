#include "rules/config/diagnostic.h"

namespace muster::rules {

std::string Diagnostic::text() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + what + "; " + expected;
}

}  // namespace muster::rules
