// Device facts as one interned byte string, and as the environment that conditions are evaluated in. Pure; any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "rules/condition/program.h"
#include "rules/engine/event.h"
#include "rules/engine/record.h"
#include "rules/engine/window.h"
#include "schemas/limits.h"

namespace muster::rules {

// Equal facts give equal bytes. Lists over their limit are cut: the host has refused such reports before.
void pack_facts(const DeviceFacts& facts, ByteWriter& out);
// Views of packed facts; valid as long as the bytes are.
struct FactsView {
  std::string_view device_class, region, site, customer, os_version, memory_tier, agent_version;
  std::uint64_t memory_mb = 0;
  std::array<std::string_view, limits::tags_max> tags{};
  std::uint32_t tag_count = 0;
  std::array<std::string_view, limits::accelerators_max> accelerators{};
  std::uint32_t accelerator_count = 0;
  std::array<std::string_view, limits::runtimes_max> runtimes{};
  std::uint32_t runtime_count = 0;
  Zone zone = 0;  // 0: it does not say

  // True when the device is in the group, `attribute` being one of group_attributes.
  [[nodiscard]] bool in_group(std::string_view attribute, std::string_view value) const;
};
// False for bytes that pack_facts did not make.
[[nodiscard]] bool view_facts(std::string_view packed, FactsView& facts);
[[nodiscard]] DeviceFacts unpack_facts(std::string_view packed);

// device.* for one device. A fact that the device did not report is missing, which makes a comparison with it unknown;
// its lists are known even when they are empty.
class DeviceEnvironment final : public Environment {
 public:
  // REQUIRES: `packed` comes from pack_facts; both views outlive this.
  DeviceEnvironment(std::string_view id, std::string_view packed);
  [[nodiscard]] Value lookup(std::string_view name) const override;

 private:
  std::string_view id_;
  FactsView facts_;
};

}  // namespace muster::rules
