#include "rules/condition/names_in.h"

#include "rules/condition/program.h"

namespace muster::rules {

namespace {

// Knows nothing, and remembers what it was asked for. A condition of which nothing is known is evaluated to its end.
class Asked final : public Environment {
 public:
  Value lookup(std::string_view name) const override {
    names.emplace(name);
    return {};
  }
  mutable std::set<std::string, std::less<>> names;
};

}  // namespace

std::set<std::string, std::less<>> names_in(ByteView program) {
  Asked asked;
  (void)evaluate(program, asked);
  return std::move(asked.names);
}

}  // namespace muster::rules
