// What the metrics count. Broker thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace muster::broker {

class Counters {
 public:
  void accept(std::string_view kind) { ++at(accepted_, kind); }
  void refuse(std::string_view reason) { ++at(refused_, reason); }

  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& accepted() const { return accepted_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& refused() const { return refused_; }

 private:
  // Kinds and reasons are literals of ours, so the maps stay small.
  static std::uint64_t& at(std::map<std::string, std::uint64_t, std::less<>>& counts, std::string_view name) {
    const auto known = counts.find(name);
    return known != counts.end() ? known->second : counts[std::string(name)];
  }

  std::map<std::string, std::uint64_t, std::less<>> accepted_, refused_;
};

}  // namespace muster::broker
