// Who may command: operators by username, each with roles. Plain data.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace muster::broker {

enum class Role : unsigned char { view, operate, approve };

// `view` is part of the other two; a user may hold several.
struct Roles {
  bool view = false;
  bool operate = false;
  bool approve = false;

  [[nodiscard]] bool any() const { return view || operate || approve; }
  [[nodiscard]] bool may(Role role) const {
    switch (role) {
      case Role::view:
        return any();
      case Role::operate:
        return operate;
      case Role::approve:
        return approve;
    }
    return false;
  }
  friend bool operator==(const Roles&, const Roles&) = default;
};

using Operators = std::map<std::string, Roles, std::less<>>;

}  // namespace muster::broker
