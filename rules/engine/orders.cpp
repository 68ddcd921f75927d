#include "rules/engine/orders.h"

#include <algorithm>

#include "rules/engine/facts.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

// What else one scope may hold besides freezes: safe mode or resume, pause of updates, one request for evidence, one
// rollback a plane. Freezes leave room for them, so that an emergency order is never refused for lack of space.
constexpr std::size_t other_orders_max = 3 + plane_count;
constexpr std::size_t freezes_max = limits::orders_max - other_orders_max;
static_assert(limits::orders_max > other_orders_max);

// A scope's orders travel in one directive of at most directive_len_max bytes; the whole reason stays in the audit
// record.
constexpr std::size_t reason_len_max = 96;
static_assert(limits::orders_max * (reason_len_max + limits::id_len_max + 96) <= limits::directive_len_max);

constexpr std::string_view device_prefix = "device/";
constexpr std::string_view group_prefix = "group/";

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Cuts between UTF-8 characters, never inside one.
std::string cut(std::string_view text, std::size_t size_max) {
  if (text.size() <= size_max) return std::string(text);
  std::size_t size = size_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

std::string fault_of_scope(std::string_view scope) {
  GroupRef group;
  if (scope == "fleet") return {};
  if (starts_with(scope, device_prefix) && is_id(scope.substr(device_prefix.size()))) return {};
  if (starts_with(scope, group_prefix) && parse_group_ref(scope.substr(group_prefix.size()), group)) return {};
  std::string known;
  for (const auto name : group_attributes) known.append(known.empty() ? "" : ", ").append(name);
  return "\"" + cut(scope, limits::id_len_max) +
         "\" is no scope; use fleet, device/ID, or group/ATTRIBUTE=VALUE with one of " + known;
}

bool names_release(OrderKind kind) {
  return kind == OrderKind::rollback || kind == OrderKind::freeze || kind == OrderKind::thaw;
}

// Which standing orders a new one takes the place of.
bool replaces(const GiveOrder& command, const StandingOrder& old) {
  const bool same_release = old.plane == command.plane && old.release == command.release;
  switch (command.kind) {
    case OrderKind::safe_mode:
      return old.kind == OrderKind::safe_mode || old.kind == OrderKind::resume;
    case OrderKind::resume:
      return old.kind == OrderKind::safe_mode || old.kind == OrderKind::resume || old.kind == OrderKind::pause_updates;
    case OrderKind::rollback:
      return old.kind == OrderKind::rollback && old.plane == command.plane;
    case OrderKind::freeze:
    case OrderKind::thaw:
      return old.kind == OrderKind::freeze && same_release;
    case OrderKind::pause_updates:
    case OrderKind::send_evidence:
      return old.kind == command.kind;
  }
  return false;
}

std::string release_text(const GiveOrder& command) {
  return command.release_name.empty() ? to_hex(command.release).substr(0, 12) : command.release_name;
}

std::string list_freezes(const std::vector<GivenOrder>& orders) {
  std::string names;
  for (const auto& given : orders) {
    if (given.order.kind == OrderKind::freeze) names.append(names.empty() ? "" : ", ").append(given.release_name);
  }
  return names.empty() ? std::string("none") : names;
}

std::string done_text(const GiveOrder& command, const Scope& scope) {
  std::string text(name_of(command.kind));
  if (names_release(command.kind)) text += " of " + release_text(command);
  text += command.kind == OrderKind::thaw ? " done for " : " ordered for ";
  const auto count = scope.orders.size();
  return text + command.scope + " (epoch " + std::to_string(scope.epoch) + "); " + std::to_string(count) +
         (count == 1 ? " order stands there" : " orders stand there");
}

bool freezes(const GivenOrder& given, const std::vector<Sha256>& releases) {
  return given.order.kind == OrderKind::freeze &&
         std::find(releases.begin(), releases.end(), given.order.release) != releases.end();
}

}  // namespace

OrderOutcome Orders::give(const GiveOrder& command, std::string_view who, std::string_view why, std::uint64_t epoch) {
  if (auto fault = fault_of_scope(command.scope); !fault.empty()) return {false, std::move(fault)};
  if (names_release(command.kind) && command.release.is_zero()) {
    return {false, "order " + std::string(name_of(command.kind)) + " needs a release; name it as NAME@VERSION"};
  }
  const auto known = scopes_.find(command.scope);
  if (known == scopes_.end() && scopes_.size() >= limits::standing_scopes_max) {
    return {false, "orders stand in " + std::to_string(scopes_.size()) +
                       " scopes, the most this broker keeps; use a group or the fleet instead of single devices"};
  }
  std::vector<GivenOrder> orders = known == scopes_.end() ? std::vector<GivenOrder>() : known->second.orders;
  const auto before = orders.size();
  orders.erase(
      std::remove_if(orders.begin(), orders.end(), [&](const GivenOrder& old) { return replaces(command, old.order); }),
      orders.end());
  if (command.kind == OrderKind::thaw) {
    if (orders.size() == before) {
      return {false,
              release_text(command) + " is not frozen in " + command.scope + "; frozen there: " + list_freezes(orders)};
    }
  } else {
    const auto frozen = std::count_if(orders.begin(), orders.end(),
                                      [](const GivenOrder& given) { return given.order.kind == OrderKind::freeze; });
    // A scope of an earlier version, which had one kind of order less, may hold one more freeze.
    const bool is_full = orders.size() >= limits::orders_max;
    if (is_full || (command.kind == OrderKind::freeze && static_cast<std::size_t>(frozen) >= freezes_max)) {
      return {false, command.scope + " has " + std::to_string(frozen) +
                         " frozen releases, the most one scope keeps; thaw one of " + list_freezes(orders)};
    }
    GivenOrder given;
    given.order = {
        command.kind, epoch, command.plane, command.release, cut(why, reason_len_max), cut(who, limits::id_len_max)};
    if (names_release(command.kind)) given.release_name = release_text(command);
    orders.push_back(std::move(given));
  }
  Scope& scope = scopes_[command.scope];
  scope.epoch = epoch;
  scope.orders = std::move(orders);
  index_groups();
  return {true, done_text(command, scope)};
}

// Groups are few, however many single devices have orders.
void Orders::index_groups() {
  groups_.clear();
  for (auto each = scopes_.lower_bound(group_prefix); each != scopes_.end(); ++each) {
    const auto& [name, scope] = *each;
    GroupRef group;
    if (!starts_with(name, group_prefix)) break;
    if (scope.orders.empty() || !parse_group_ref(std::string_view(name).substr(group_prefix.size()), group)) continue;
    groups_.push_back({std::string(group.attribute), std::string(group.value), &name, &scope});
  }
}

template <typename Visit>
void Orders::visit_scopes(std::string_view device, std::string_view packed_facts, Visit visit) const {
  if (scopes_.empty()) return;
  if (const auto found = scopes_.find(std::string_view("fleet")); found != scopes_.end())
    visit(found->first, found->second);
  if (!groups_.empty() && !packed_facts.empty()) {
    FactsView facts;
    if (view_facts(packed_facts, facts)) {
      for (const auto& group : groups_) {
        if (facts.in_group(group.attribute, group.value)) visit(*group.name, *group.scope);
      }
    }
  }
  if (const auto found = scopes_.find(std::string(device_prefix).append(device)); found != scopes_.end()) {
    visit(found->first, found->second);
  }
}

const GivenOrder* Orders::fleet_freeze(const std::vector<Sha256>& releases) const {
  const auto fleet = scopes_.find(std::string_view("fleet"));
  if (fleet == scopes_.end()) return nullptr;
  for (const auto& given : fleet->second.orders) {
    if (freezes(given, releases)) return &given;
  }
  return nullptr;
}

std::optional<Hold> Orders::hold(std::string_view device, std::string_view packed_facts,
                                 const std::vector<Sha256>& releases, bool freezes_only) const {
  std::optional<Hold> found;
  visit_scopes(device, packed_facts, [&](std::string_view name, const Scope& scope) {
    for (const auto& given : scope.orders) {
      if (found) return;
      const bool pauses = !freezes_only && given.order.kind == OrderKind::pause_updates;
      if (pauses || freezes(given, releases)) found = Hold{name, &given};
    }
  });
  return found;
}

std::optional<Hold> Orders::idles(std::string_view device, std::string_view packed_facts) const {
  std::optional<Hold> found;
  const auto look = [&](std::string_view name, const Scope& scope) {
    for (const auto& given : scope.orders) {
      const bool idles = given.order.kind == OrderKind::pause_updates || given.order.kind == OrderKind::safe_mode;
      if (idles && !found) found = Hold{name, &given};
    }
  };
  // An order for all is found without a look at the device.
  if (const auto fleet = scopes_.find(std::string_view("fleet")); fleet != scopes_.end())
    look(fleet->first, fleet->second);
  if (!found) visit_scopes(device, packed_facts, look);
  return found;
}

Direct Orders::directive(const std::string& scope) const {
  Direct direct;
  direct.scope = scope;
  const auto found = scopes_.find(scope);
  if (found == scopes_.end()) return direct;
  direct.epoch = found->second.epoch;
  for (const auto& given : found->second.orders) direct.orders.push_back(given.order);
  return direct;
}

void Orders::encode(const std::string& name, ByteWriter& out) const {
  const Scope& scope = scopes_.find(name)->second;
  out.number(scope.epoch);
  out.number(scope.orders.size());
  for (const auto& given : scope.orders) {
    out.number(static_cast<std::uint64_t>(given.order.kind));
    out.number(given.order.epoch);
    out.number(static_cast<std::uint64_t>(given.order.plane));
    out.digest(given.order.release);
    out.text(given.order.reason);
    out.text(given.order.by);
    out.text(given.release_name);
  }
}

bool Orders::decode(const std::string& name, ByteReader& in) {
  if (!fault_of_scope(name).empty()) return false;
  Scope scope;
  scope.epoch = in.number();
  const auto count = in.number_max(limits::orders_max);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    GivenOrder given;
    given.order.kind = static_cast<OrderKind>(in.number_max(static_cast<std::uint64_t>(OrderKind::send_evidence)));
    given.order.epoch = in.number();
    given.order.plane = static_cast<Plane>(in.number_max(plane_count - 1));
    given.order.release = in.digest();
    given.order.reason = in.text(reason_len_max);
    given.order.by = in.text(limits::id_len_max);
    given.release_name = in.text(limits::text_len_max);
    scope.orders.push_back(std::move(given));
  }
  if (!in.at_end()) return false;
  scopes_[name] = std::move(scope);
  index_groups();
  return true;
}

std::string describe_hold(const Hold& hold) {
  const bool freeze = hold.order->order.kind == OrderKind::freeze;
  const bool safe = hold.order->order.kind == OrderKind::safe_mode;
  return (freeze ? "release " + hold.order->release_name + " is frozen"
          : safe ? std::string("safe mode is ordered")
                 : std::string("updates are paused")) +
         " in " + std::string(hold.scope) + " by " + hold.order->order.by;
}

}  // namespace muster::rules
