#include "schemas/version_order.h"

namespace muster {
namespace {

bool is_separator(char c) {
  return c == '.' || c == '_' || c == '-';
}

// Takes the next part of a version off its front.
std::string_view next_part(std::string_view& rest) {
  std::size_t end = 0;
  while (end < rest.size() && !is_separator(rest[end])) ++end;
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end < rest.size() ? end + 1 : end);
  return part;
}

bool is_number(std::string_view part) {
  for (const char c : part) {
    if (c < '0' || c > '9') return false;
  }
  return !part.empty();
}

void drop_zeros(std::string_view& number) {
  while (!number.empty() && number.front() == '0') number.remove_prefix(1);
}

// Digits of any length, without overflow: more digits win, then the letters.
int compare_numbers(std::string_view a, std::string_view b) {
  drop_zeros(a);
  drop_zeros(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// A word (rc1) comes before nothing, nothing before a number.
int rank(std::string_view part) {
  if (part.empty()) return 1;
  return is_number(part) ? 2 : 0;
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto part_a = next_part(a);
    const auto part_b = next_part(b);
    if (rank(part_a) != rank(part_b)) return rank(part_a) - rank(part_b);
    const int order = is_number(part_a) ? compare_numbers(part_a, part_b) : part_a.compare(part_b);
    if (order != 0) return order;
  }
  return 0;
}

}  // namespace muster
