// A broker with releases whose states are moved, and a device that takes them. Tests only; one thread.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "broker-plugin/lifecycle/release_states.h"
#include "schemas/release_move_generated.h"
#include "tests/unit/broker/bench.h"

namespace muster::broker::test {

using nlohmann::json;
using State = wire::ReleaseState;

// By the clock of this machine, which is the broker's.
[[nodiscard]] std::uint64_t now_s();

struct Statement {
  State from = State::development, to = State::candidate;
  std::string reason = "looks well";
  std::uint64_t expires_s = 0;
  std::string release{};  // other than the release's own
};
[[nodiscard]] Bytes signed_move(const trust::SigningKey& key, const SignedRelease& release, const std::string& ref,
                                const Statement& statement);

class Lifecycle : public ::testing::Test {
 protected:
  void start(const std::string& yaml = "release_states: required\nkeep_retired_for: 90d\n");
  // Puts `to` in the place of `from`, for the next start or reload.
  void configure(const std::string& from, const std::string& to);
  SignedRelease publish(const std::string& version, const std::string& content);
  json bring(const Bytes& envelope, const std::string& user = "alice");
  json move(const SignedRelease& release, const std::string& version, const Statement& statement);
  void promote(const SignedRelease& release, const std::string& version);
  // `more`: of the rule file, behind what every rule has.
  json start_rollout(const std::string& rollout, const std::string& version, const std::string& more = "");
  json shown(const std::string& version);
  std::vector<json> audit(const std::string& what);
  // gw-1 takes what it was assigned.
  void commit(const SignedRelease& release, std::uint64_t epoch);
  // The error; empty when it was taken.
  std::string abort(const std::string& rollout, const std::string& mode);
  [[nodiscard]] bool has_blob(const Sha256& digest) const;

  std::unique_ptr<Bench> bench;
  std::uint64_t seq = 0;
};

}  // namespace muster::broker::test
