// What the plugin needs before it can take its first event: keys, trust root, and everything durable read, checked and
// put back. Any damage is an error with one sentence; nothing is published or changed here. Broker thread, at start.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "broker-plugin/config.h"
#include "broker-plugin/core/audit.h"
#include "broker-plugin/core/devices.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/lifecycle/release_states.h"
#include "broker-plugin/store/store.h"
#include "host/error.h"
#include "rules/engine/engine.h"
#include "schemas/bytes.h"
#include "trust/root.h"
#include "trust/signing/signer.h"

namespace muster::broker {

struct TrustSetup {
  trust::SigningKey control_key;
  Bytes root_chain;  // as trust/root retains it
  trust::TrustRoot root;
};
// Reads the root chain and the control key, and checks that the root gives that key the control role.
[[nodiscard]] tl::expected<TrustSetup, Error> load_trust(const Config& config);

struct Restored {
  rules::Engine engine;
  ReleaseRegistry releases;
  ReleaseStates states;
  DeviceTable devices;
  AuditTail tail;
  std::uint64_t least_s = 0;   // newest event time of an earlier run
  std::uint64_t sealed_s = 0;  // when all envelopes were last sealed; 0: never
  bool same_signer = true;     // false: the envelopes in the store are by another key
};
// As the store names the key that sealed its envelopes.
[[nodiscard]] std::string signer_value(const trust::SigningKey& key);

// Reads the whole store: each engine record, the whole audit chain with its signed end, releases and summaries.
[[nodiscard]] tl::expected<Restored, Error> restore(const Store& store, const TrustSetup& trust,
                                                    const std::string& data_dir);

// Makes data_dir with its parents. The error says who must be able to write there.
[[nodiscard]] tl::expected<void, Error> prepare_data_dir(const std::string& data_dir);

}  // namespace muster::broker
