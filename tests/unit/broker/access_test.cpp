// Who may do what, as a table; and the filter algebra against a slow twin.
#include "broker-plugin/access.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace muster::broker {
namespace {

const Operators operators = {
    {"alice", {true, true, false}}, {"bob", {false, false, true}}, {"eve", {true, false, false}}};

struct Row {
  const char* user;
  Access access;
  const char* topic;
  Verdict verdict;
  const char* reason;
};

constexpr auto R = Access::read, W = Access::write, S = Access::subscribe, U = Access::unsubscribe;
constexpr auto allow = Verdict::allow, deny = Verdict::deny, defer = Verdict::defer;

const Row rows[] = {
    // a device and its own topics
    {"gw-1", W, "muster/v1/device/gw-1/state", allow, ""},
    {"gw-1", W, "muster/v1/device/gw-1/health", allow, ""},
    {"gw-1", W, "muster/v1/device/gw-1/link", allow, ""},
    {"gw-1", W, "muster/v1/device/gw-1/chunk/get", allow, ""},
    {"gw-1", W, "muster/v1/device/gw-1/evidence", allow, ""},
    {"gw-1", R, "muster/v1/device/gw-1/assignment", allow, ""},
    {"gw-1", R, "muster/v1/device/gw-1/chunk", allow, ""},
    {"gw-1", R, "muster/v1/group/region=de/directive", allow, ""},
    {"gw-1", R, "muster/v1/fleet/directive", allow, ""},
    {"gw-1", R, "muster/v1/trust/root", allow, ""},
    {"gw-1", S, "muster/v1/device/gw-1/#", allow, ""},
    {"gw-1", S, "muster/v1/device/gw-1/+", allow, ""},
    {"gw-1", S, "muster/v1/device/gw-1/assignment", allow, ""},
    {"gw-1", S, "muster/v1/group/+/directive", allow, ""},
    {"gw-1", S, "muster/v1/group/#", allow, ""},
    {"gw-1", S, "muster/v1/fleet/directive", allow, ""},
    {"gw-1", S, "muster/v1/trust/root", allow, ""},
    {"gw-1", S, "$share/g/muster/v1/device/gw-1/#", allow, ""},
    // what only the broker publishes
    {"gw-1", W, "muster/v1/device/gw-1/assignment", deny, "acl_write"},
    {"gw-1", W, "muster/v1/device/gw-1/directive", deny, "acl_write"},
    {"gw-1", W, "muster/v1/device/gw-1/chunk", deny, "acl_write"},
    {"gw-1", W, "muster/v1/device/gw-1/ack", deny, "acl_write"},
    {"gw-1", W, "muster/v1/group/region=de/directive", deny, "acl_write"},
    {"gw-1", W, "muster/v1/fleet/directive", deny, "acl_write"},
    {"gw-1", W, "muster/v1/trust/root", deny, "acl_write"},
    {"gw-1", W, "muster/v1/rollout/r", deny, "acl_write"},
    {"gw-1", W, "muster/v1/metrics", deny, "acl_write"},
    {"alice", W, "muster/v1/device/gw-1/assignment", deny, "acl_write"},
    {"alice", W, "muster/v1/metrics", deny, "acl_write"},
    // other devices
    {"gw-1", W, "muster/v1/device/gw-2/state", deny, "foreign_device"},
    {"gw-1", W, "muster/v1/device/gw-2/chunk/get", deny, "foreign_device"},
    {"alice", W, "muster/v1/device/gw-1/state", deny, "acl_write"},
    {"gw-1", R, "muster/v1/device/gw-2/assignment", deny, "acl_read"},
    {"gw-1", R, "muster/v1/device/gw-11/assignment", deny, "acl_read"},
    {"gw-1", R, "muster/v1/device/gw-1", deny, "acl_read"},
    {"gw-1", R, "muster/v1/metrics", deny, "acl_read"},
    {"gw-1", R, "muster/v1/rollout/r", deny, "acl_read"},
    {"gw-1", S, "muster/v1/device/gw-2/#", deny, "acl_subscribe"},
    {"gw-1", S, "muster/v1/device/+/assignment", deny, "acl_subscribe"},
    {"gw-1", S, "muster/v1/device/#", deny, "acl_subscribe"},
    {"gw-1", S, "muster/v1/rollout/+", deny, "acl_subscribe"},
    {"gw-1", S, "muster/v1/metrics", deny, "acl_subscribe"},
    {"gw-1", S, "$share/g/muster/v1/device/gw-2/#", deny, "acl_subscribe"},
    // wildcards that would reach further
    {"gw-1", S, "#", deny, "acl_subscribe"},
    {"gw-1", S, "+/#", deny, "acl_subscribe"},
    {"gw-1", S, "muster/#", deny, "acl_subscribe"},
    {"gw-1", S, "muster", deny, "acl_subscribe"},
    {"gw-1", S, "+/v1/device/gw-1/state", deny, "acl_subscribe"},
    {"gw-1", S, "+/+/metrics", deny, "acl_subscribe"},
    {"gw-1", S, "+/v1/#", deny, "acl_subscribe"},
    {"gw-1", S, "$share/g/#", deny, "acl_subscribe"},
    {"gw-1", S, "$CONTROL/#", deny, "acl_subscribe"},
    {"gw-1", S, "$CONTROL/muster/v1/response", deny, "acl_subscribe"},
    {"gw-1", S, "$CONTROL/+/v1/response", deny, "acl_subscribe"},
    // what nobody knows
    {"gw-1", W, "muster/v1/device/gw-1/other", deny, "unknown_topic"},
    {"gw-1", W, "muster/v1/device/gw-1/chunk/get/more", deny, "unknown_topic"},
    {"gw-1", W, "muster/v2/device/gw-1/state", deny, "unknown_topic"},
    {"gw-1", W, "muster", deny, "unknown_topic"},
    {"alice", W, "$CONTROL/muster/v2", deny, "unknown_topic"},
    {"gw-1", W, "muster/v1/device//state", deny, "unknown_topic"},
    // names that cannot be a device's
    {"", W, "muster/v1/device/gw-1/state", deny, "foreign_device"},
    {"", S, "muster/v1/fleet/directive", deny, "acl_subscribe"},
    {"", R, "muster/v1/trust/root", deny, "acl_read"},
    {"a b", S, "muster/v1/trust/root", deny, "acl_subscribe"},
    {"+", S, "muster/v1/device/+/#", deny, "acl_subscribe"},
    {"#", S, "muster/v1/device/#", deny, "acl_subscribe"},
    {"gw-1/assignment", R, "muster/v1/device/gw-1/assignment/x", deny, "acl_read"},
    // operators
    {"alice", W, "$CONTROL/muster/v1", allow, ""},
    {"bob", W, "$CONTROL/muster/v1", allow, ""},
    {"eve", W, "$CONTROL/muster/v1", allow, ""},
    {"gw-1", W, "$CONTROL/muster/v1", deny, "acl_write"},
    {"", W, "$CONTROL/muster/v1", deny, "acl_write"},
    {"alice", S, "$CONTROL/muster/v1/response", allow, ""},
    {"alice", R, "$CONTROL/muster/v1/response", allow, ""},
    {"alice", S, "$CONTROL/muster/#", deny, "acl_subscribe"},
    {"eve", S, "muster/v1/#", allow, ""},
    {"bob", S, "muster/v1/rollout/+", allow, ""},
    {"eve", R, "muster/v1/device/gw-1/state", allow, ""},
    {"eve", S, "muster/#", deny, "acl_subscribe"},
    {"eve", S, "#", defer, ""},
    {"alice", W, "$CONTROL/muster/v1/response", deny, "unknown_topic"},
    // other people's topics
    {"gw-1", W, "sensors/gw-1/t", defer, ""},
    {"gw-1", R, "sensors/gw-1/t", defer, ""},
    {"gw-1", S, "sensors/#", defer, ""},
    {"gw-1", S, "+/status", defer, ""},
    {"gw-1", S, "+/+/x/y/z/w/v", deny, "acl_subscribe"},
    {"gw-1", S, "+/v2/x", defer, ""},
    {"gw-1", W, "musterx/v1", defer, ""},
    {"gw-1", S, "$SYS/#", defer, ""},
    {"gw-1", S, "$CONTROL/dynamic-security/#", defer, ""},
    {"", S, "sensors/#", defer, ""},
    // leaving is always free
    {"gw-1", U, "#", allow, ""},
    {"", U, "muster/v1/#", allow, ""},
};

TEST(Access, TableHolds) {
  for (const auto& row : rows) {
    const auto decision = decide(operators, row.user, row.access, row.topic);
    EXPECT_EQ(static_cast<int>(decision.verdict), static_cast<int>(row.verdict))
        << row.user << " " << static_cast<int>(row.access) << " " << row.topic;
    EXPECT_EQ(decision.reason, row.reason) << row.user << " " << row.topic;
  }
}

// --- the filter algebra ---

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> levels{""};
  for (const char c : text) {
    if (c == '/')
      levels.emplace_back();
    else
      levels.back().push_back(c);
  }
  return levels;
}

// MQTT 5, 4.7, written the plain way.
bool matches(const std::string& filter, const std::string& topic) {
  const auto f = split(filter), t = split(topic);
  for (std::size_t i = 0;; ++i) {
    if (i < f.size() && f[i] == "#") return true;
    if (i == f.size() || i == t.size()) return f.size() == t.size();
    if (f[i] != "+" && f[i] != t[i]) return false;
    if (i + 1 == t.size() && i + 2 == f.size() && f[i + 1] == "#") return true;
  }
}

std::string random_filter(std::mt19937& random, bool wild) {
  static const char* words[] = {"a", "b", "+"};
  std::string filter;
  const auto levels = 1 + random() % 4;
  for (unsigned i = 0; i < levels; ++i) {
    if (i > 0) filter += "/";
    if (wild && i + 1 == levels && random() % 3 == 0) return filter + "#";
    filter += words[random() % (wild ? 3 : 2)];
  }
  return filter;
}

TEST(Access, FilterAlgebraAgreesWithItsSlowTwin) {
  std::vector<std::string> topics{"a", "b"};  // all topics of up to five levels over two words
  for (std::size_t i = 0; i < topics.size() && split(topics[i]).size() < 5; ++i) {
    topics.push_back(topics[i] + "/a");
    topics.push_back(topics[i] + "/b");
  }
  const auto seed = 20261121u;
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    const auto a = random_filter(random, true), b = random_filter(random, true);
    bool overlap = false, covered = true;
    for (const auto& topic : topics) {
      const bool in_a = matches(a, topic), in_b = matches(b, topic);
      overlap |= in_a && in_b;
      covered &= !in_a || in_b;
    }
    EXPECT_EQ(filters_overlap(a, b), overlap) << a << " and " << b << ", seed " << seed;
    // Saying "not covered" of something that is covered is safe; the other way round never.
    EXPECT_TRUE(covered || !filter_covered(a, b)) << a << " in " << b << ", seed " << seed;
    const bool plain = a.find('#') == std::string::npos;
    EXPECT_TRUE(!covered || !plain || filter_covered(a, b)) << a << " in " << b << ", seed " << seed;
  }
}

}  // namespace
}  // namespace muster::broker
