#include "broker-plugin/core/startup.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "broker-plugin/store/keys.h"
#include "host/files.h"
#include "schemas/audit_head_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/root_chain_generated.h"
#include "schemas/wire.h"
#include "trust/envelope.h"

namespace muster::broker {
namespace {

tl::unexpected<Error> damaged(const std::string& what, const std::string& data_dir) {
  return tl::unexpected(Error{ErrorKind::invalid, what + "; " + recovery_advice(data_dir)});
}

// Reads the audit record from its beginning and compares its end with the head stored in the same batches.
tl::expected<AuditTail, Error> read_chain(const Store& store, const std::string& data_dir) {
  AuditTail tail;
  std::string broken;
  const auto scanned = store.scan(keys::audit, {}, [&](std::string_view name, std::string_view value) {
    auto entry = decode_entry(value);
    if (!entry || name != keys::u64_value(entry->seq) || entry->seq != tail.seq + 1) {
      broken = "entry " + std::to_string(tail.seq + 1) + " is missing or unreadable";
      return false;
    }
    if (chain_hash(tail.hash, *entry) != entry->hash) {
      broken = "entry " + std::to_string(entry->seq) + " does not match its hash";
      return false;
    }
    tail = {entry->seq, entry->hash};
    return true;
  });
  if (!scanned) return tl::unexpected(scanned.error());
  if (!broken.empty()) return damaged("the audit record in " + data_dir + "/db was changed: " + broken, data_dir);
  return tail;
}

tl::expected<void, Error> check_head(const Store& store, const AuditTail& tail, const trust::TrustRoot& root,
                                     bool same_signer, const std::string& data_dir) {
  const auto stored = store.get(keys::audit_head);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored)
    return tail.seq == 0 ? tl::expected<void, Error>() : damaged("the audit record's signed end is missing", data_dir);
  const auto head = decode_head(**stored);
  if (!head || head->tail.seq != tail.seq || head->tail.hash != tail.hash) {
    return damaged("the audit record in " + data_dir + "/db ends at entry " + std::to_string(tail.seq) +
                       ", not where its signed end says",
                   data_dir);
  }
  if (!same_signer) return {};  // signed by a key that may no longer hold the role
  const AlignedBytes envelope{ByteView(head->envelope)};
  const wire::AuditHead* opened = nullptr;
  if (const auto fault = trust::open_audit_head(envelope.view(), {&root, 0}, opened);
      fault != trust::TrustFault::none) {
    return damaged("the audit record's signed end does not verify (" + std::string(trust::name_of(fault)) + ")",
                   data_dir);
  }
  return {};
}

tl::expected<void, Error> restore_engine(const Store& store, rules::Engine& engine, const std::string& data_dir) {
  std::vector<std::pair<std::string, std::string>> records;
  const auto scanned = store.scan(keys::engine, {}, [&](std::string_view name, std::string_view value) {
    records.emplace_back(name, value);
    return true;
  });
  if (!scanned) return tl::unexpected(scanned.error());
  if (const auto wrong = engine.restore(records); !wrong.empty())
    return damaged("in " + data_dir + "/db: " + wrong, data_dir);
  return {};
}

tl::expected<void, Error> restore_releases(const Store& store, ReleaseRegistry& releases, const std::string& data_dir) {
  std::string broken;
  const auto scanned = store.scan(keys::release, {}, [&](std::string_view name, std::string_view value) {
    auto release = decode_release(value);
    if (!release || release->ref() != name || !releases.add(std::move(*release))) broken = name;
    return broken.empty();
  });
  if (!scanned) return tl::unexpected(scanned.error());
  if (!broken.empty())
    return damaged("the stored release " + broken + " in " + data_dir + "/db is unreadable", data_dir);
  return {};
}

// Each release's moves in their order, one after the other as they were taken, then what became of its files.
tl::expected<void, Error> restore_states(const Store& store, ReleaseRegistry& releases, ReleaseStates& states,
                                         const std::string& data_dir) {
  std::string broken;
  auto scanned = store.scan(keys::release_move, {}, [&](std::string_view name, std::string_view value) {
    auto taken = decode_move(value);
    const auto release = taken ? releases.by_manifest(taken->move.manifest) : nullptr;
    const auto number = release == nullptr ? 0 : states.of(release->manifest).moves.size();
    const bool whole = release != nullptr && name == release->ref() + "/" + std::to_string(number) &&
                       fault_of_move(taken->move, *release, states.of(release->manifest).state).empty();
    if (whole) states.take(std::move(*taken));
    if (!whole) broken = name;
    return whole;
  });
  if (!scanned) return scanned;
  if (!broken.empty())
    return damaged("the stored state of a release (" + broken + ") in " + data_dir + "/db is unreadable", data_dir);
  return store.scan(keys::files_removed, {}, [&](std::string_view name, std::string_view value) {
    ReleaseRef ref;
    const auto release = parse_release_ref(name, ref) ? releases.find(ref.name, ref.version) : nullptr;
    if (release == nullptr || states.of(release->manifest).state != ReleaseState::retired) return true;
    states.note_removed(release->manifest, keys::u64_from(value));
    releases.stop_serving_files(release->manifest);
    return true;
  });
}

tl::expected<void, Error> restore_devices(const Store& store, const rules::Engine& engine, DeviceTable& devices) {
  for (const auto& device : engine.devices()) devices.know(device);
  return store.scan(keys::health, {}, [&](std::string_view name, std::string_view value) {
    const AlignedBytes summary{ByteView(value)};
    const wire::HealthSummary* verified = nullptr;
    // A summary that no longer passes is not worth refusing to start: the device sends the next one.
    if (verify(summary.view(), verified) == WireFault::none) {
      devices.restore_health(name, verified->boot_id(), verified->seq(), summary.view());
    }
    return true;
  });
}

tl::expected<std::uint64_t, Error> number_in(const Store& store, std::string_view key) {
  const auto value = store.get(key);
  if (!value) return tl::unexpected(value.error());
  return *value ? keys::u64_from(**value) : 0;
}

}  // namespace

std::string signer_value(const trust::SigningKey& key) {
  const auto id = key.id();
  return {id.begin(), id.end()};
}

tl::expected<void, Error> prepare_data_dir(const std::string& data_dir) {
  if (auto made = host::make_folders(data_dir); !made) {
    return tl::unexpected(Error{ErrorKind::io, "data_dir: " + made.error().message +
                                                   "; make it and give it to the user that mosquitto runs as"});
  }
  if (::access(data_dir.c_str(), R_OK | W_OK | X_OK) != 0) {
    return tl::unexpected(Error{ErrorKind::io, "data_dir " + data_dir + " cannot be used: " + std::strerror(errno) +
                                                   "; the user that mosquitto runs as must be able to write there"});
  }
  return {};
}

tl::expected<TrustSetup, Error> load_trust(const Config& config) {
  auto chain = host::read_file(config.root_chain, limits::root_chain_len_max);
  if (!chain) return tl::unexpected(std::move(chain.error()).with_context("reading root_chain"));
  const AlignedBytes aligned{ByteView(*chain)};
  const wire::RootChain* documents = nullptr;
  if (const auto fault = verify(aligned.view(), documents);
      fault != WireFault::none || documents->documents()->size() == 0) {
    return tl::unexpected(Error{ErrorKind::invalid, config.root_chain + " is no root chain (" +
                                                        std::string(name_of(fault)) +
                                                        "); 'musterctl keys init' makes one, named root-chain.mrch"});
  }
  trust::TrustRoot root;
  const auto* first = documents->documents()->Get(0)->bytes();
  auto fault = trust::pin_root({first->data(), first->size()}, root);
  if (fault == trust::TrustFault::none) fault = trust::advance_root(aligned.view(), root);
  if (fault != trust::TrustFault::none) {
    return tl::unexpected(Error{ErrorKind::untrusted, config.root_chain + " does not verify (" +
                                                          std::string(trust::name_of(fault)) +
                                                          "); copy it again from where the keys were made"});
  }
  auto key = trust::SigningKey::load(config.control_key);
  if (!key) return tl::unexpected(std::move(key.error()).with_context("reading control_key"));
  const auto& control = root.role(wire::Role::control);
  const auto end = control.keys.begin() + control.key_count;
  const auto id = key->id();
  if (std::none_of(control.keys.begin(), end, [&](const trust::TrustedKey& trusted) { return trusted.id == id; })) {
    return tl::unexpected(Error{ErrorKind::untrusted,
                                config.control_key + " is not a key that " + config.root_chain +
                                    " names for the control role; both must come from the same 'musterctl keys init'"});
  }
  if (control.threshold > 1) {
    return tl::unexpected(Error{ErrorKind::untrusted, config.root_chain + " asks for " +
                                                          std::to_string(control.threshold) +
                                                          " control signatures, but the broker holds one key"});
  }
  return TrustSetup{std::move(*key), std::move(*chain), root};
}

tl::expected<Restored, Error> restore(const Store& store, const TrustSetup& trust, const std::string& data_dir) {
  Restored restored;
  const auto signer = store.get(keys::signer);
  if (!signer) return tl::unexpected(signer.error());
  restored.same_signer = signer->value_or("") == signer_value(trust.control_key);
  const auto tail = read_chain(store, data_dir);
  if (!tail) return tl::unexpected(tail.error());
  restored.tail = *tail;
  if (auto fine = check_head(store, *tail, trust.root, restored.same_signer, data_dir); !fine)
    return tl::unexpected(fine.error());
  if (auto fine = restore_engine(store, restored.engine, data_dir); !fine) return tl::unexpected(fine.error());
  if (auto fine = restore_releases(store, restored.releases, data_dir); !fine) return tl::unexpected(fine.error());
  if (auto fine = restore_states(store, restored.releases, restored.states, data_dir); !fine)
    return tl::unexpected(fine.error());
  if (auto fine = restore_devices(store, restored.engine, restored.devices); !fine) return tl::unexpected(fine.error());
  const auto least = number_in(store, keys::time);
  const auto sealed = number_in(store, keys::sealed);
  if (!least) return tl::unexpected(least.error());
  if (!sealed) return tl::unexpected(sealed.error());
  restored.least_s = *least;
  restored.sealed_s = *sealed;
  return restored;
}

}  // namespace muster::broker
