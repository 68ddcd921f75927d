// The standing orders of all scopes, and what they forbid for one device. Knows no rollouts. Owned by the engine.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/effect.h"
#include "rules/engine/event.h"
#include "rules/engine/record.h"

namespace muster::rules {

struct GivenOrder {
  StandingOrder order;
  std::string release_name;  // "reader@2", for people
};

struct Scope {
  std::uint64_t epoch = 0;         // of the newest change
  std::vector<GivenOrder> orders;  // oldest first; at most limits::orders_max
};

// What came of a GiveOrder.
struct OrderOutcome {
  bool ok = false;
  std::string message;
};

// An order that stands in a device's way.
struct Hold {
  std::string_view scope;
  const GivenOrder* order = nullptr;
};

class Orders {
 public:
  // Applies one order: refuses what is not valid, changes nothing then. `epoch` becomes the scope's epoch.
  [[nodiscard]] OrderOutcome give(const GiveOrder& command, std::string_view who, std::string_view why,
                                  std::uint64_t epoch);

  // The freeze of one of `releases` for the whole fleet; none when there is none.
  [[nodiscard]] const GivenOrder* fleet_freeze(const std::vector<Sha256>& releases) const;
  // What forbids to assign `releases` to a device now: a freeze, or (unless `freezes_only`) a pause of updates.
  [[nodiscard]] std::optional<Hold> hold(std::string_view device, std::string_view packed_facts,
                                         const std::vector<Sha256>& releases, bool freezes_only) const;
  // What keeps the device from finishing an attempt, so that its attempt may not time out: safe mode or a pause of
  // updates.
  [[nodiscard]] std::optional<Hold> idles(std::string_view device, std::string_view packed_facts) const;
  [[nodiscard]] bool none() const { return scopes_.empty(); }

  [[nodiscard]] const std::map<std::string, Scope, std::less<>>& scopes() const { return scopes_; }
  [[nodiscard]] Direct directive(const std::string& scope) const;

  void encode(const std::string& scope, ByteWriter& out) const;
  [[nodiscard]] bool decode(const std::string& scope, ByteReader& in);

 private:
  struct Matcher {
    std::string attribute, value;
    const std::string* name;
    const Scope* scope;
  };

  template <typename Visit>
  void visit_scopes(std::string_view device, std::string_view packed_facts, Visit visit) const;
  void index_groups();

  std::map<std::string, Scope, std::less<>> scopes_;
  std::vector<Matcher> groups_;  // group scopes in which an order stands, by scope
};

// "updates are paused in fleet by alice"
[[nodiscard]] std::string describe_hold(const Hold& hold);

}  // namespace muster::rules
