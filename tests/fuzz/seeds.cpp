// fuzz_seeds FOLDER: writes valid inputs for every target to FOLDER/TARGET/, and FOLDER/fixed_root.menv, the root that
// tests/fuzz keeps. Signed ones are signed by the keys of fixed_trust.h. README.md says what to do with them.
#include "tests/fuzz/seeds.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "broker-plugin/core/audit.h"
#include "broker-plugin/core/releases.h"
#include "edge-client/agent/durable_state.h"
#include "rules/engine/engine.h"
#include "schemas/compact/verify.h"
#include "schemas/envelope_generated.h"
#include "tests/fuzz/fixed_keys.h"
#include "tests/fuzz/target.h"
#include "tests/unit/schemas/samples.h"
#include "trust/signing/signer.h"

namespace muster::fuzz {

void SeedFolder::write(const std::string& target, const std::string& name, ByteView bytes) const {
  const auto folder = target.empty() ? folder_ : folder_ + "/" + target;
  std::filesystem::create_directories(folder);
  std::ofstream file(folder + "/" + name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  FUZZ_REQUIRE(file.good(), "cannot write " + folder + "/" + name);
}

namespace {

struct Keys {
  trust::SigningKey root, release, control;
};

Bytes seal(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) {
  auto envelopes = trust::seal({{kind, payload}}, {&key});
  FUZZ_REQUIRE(envelopes.has_value(), envelopes.error().message);
  return envelopes->front();
}

Bytes root_document(const Keys& keys, std::uint32_t version) {
  auto sealed = trust::seal_root(version, 1, 0,
                                 {{wire::Role::root, 1, {keys.root.point()}},
                                  {wire::Role::release, 1, {keys.release.point()}},
                                  {wire::Role::control, 1, {keys.control.point()}}},
                                 {&keys.root});
  FUZZ_REQUIRE(sealed.has_value(), sealed.error().message);
  return *sealed;
}

void write_messages(const SeedFolder& seeds) {
  seeds.write("message_ack", "seed", build(test::AckSpec{}));
  seeds.write("message_assignment", "seed", build(test::AssignmentSpec{}));
  seeds.write("message_audit_head", "seed", build(test::AuditHeadSpec{}));
  seeds.write("message_chunk", "seed", build(test::ChunkSpec{}));
  seeds.write("message_chunk_get", "seed", build(test::ChunkGetSpec{}));
  seeds.write("message_directive", "seed", build(test::DirectiveSpec{}));
  seeds.write("message_envelope", "seed", build(test::EnvelopeSpec{}));
  seeds.write("message_evidence", "seed", build(test::EvidenceChunkSpec{}));
  seeds.write("message_health_summary", "seed", build(test::HealthSummarySpec{}));
  seeds.write("message_manifest", "seed", build(test::ManifestSpec{}));
  seeds.write("message_release_move", "seed", build(test::ReleaseMoveSpec{}));
  seeds.write("message_root_chain", "seed", build(test::RootChainSpec{}));
  seeds.write("message_root_document", "seed", build(test::RootDocumentSpec{}));
  seeds.write("message_state_report", "seed", build(test::StateReportSpec{}));
}

// The same messages for both verifiers, each behind the byte that says what it is.
void write_twins(const SeedFolder& seeds) {
  using compact::MessageKind;
  const auto write = [&](MessageKind kind, const char* name, const Bytes& message) {
    Bytes input = {static_cast<std::uint8_t>(kind)};
    input.insert(input.end(), message.begin(), message.end());
    seeds.write("compact_verify", name, input);
  };
  write(MessageKind::envelope, "envelope", build(test::EnvelopeSpec{}));
  write(MessageKind::root_document, "root_document", build(test::RootDocumentSpec{}));
  write(MessageKind::manifest, "manifest", build(test::ManifestSpec{}));
  write(MessageKind::assignment, "assignment", build(test::AssignmentSpec{}));
  write(MessageKind::directive, "directive", build(test::DirectiveSpec{}));
  write(MessageKind::audit_head, "audit_head", build(test::AuditHeadSpec{}));
  write(MessageKind::chunk, "chunk", build(test::ChunkSpec{}));
  write(MessageKind::ack, "ack", build(test::AckSpec{}));
  write(MessageKind::root_chain, "root_chain", build(test::RootChainSpec{}));
}

std::string on_topic(const std::string& topic, const Bytes& payload) {
  return topic + "\n" + std::string(ByteView(payload).text());
}

void write_signed(const SeedFolder& seeds) {
  std::filesystem::create_directories(seeds.path());
  const Keys keys{fixed_key(FixedKey::root), fixed_key(FixedKey::release), fixed_key(FixedKey::control)};
  const auto manifest = seal(wire::PayloadKind::manifest, build(test::ManifestSpec{}), keys.release);
  const auto assignment = seal(wire::PayloadKind::assignment, build(test::AssignmentSpec{}), keys.control);
  const auto directive = seal(wire::PayloadKind::directive, build(test::DirectiveSpec{}), keys.control);
  const auto head = seal(wire::PayloadKind::audit_head, build(test::AuditHeadSpec{}), keys.control);
  seeds.write("open_signed", "manifest", manifest);
  seeds.write("open_signed", "assignment", assignment);
  seeds.write("open_signed", "directive", directive);
  seeds.write("open_signed", "audit_head", head);
  seeds.write("open_signed", "release_move",
              seal(wire::PayloadKind::release_move, build(test::ReleaseMoveSpec{}), keys.release));
  seeds.write("open_signed", "assignment_by_release_key",
              seal(wire::PayloadKind::assignment, build(test::AssignmentSpec{}), keys.release));
  const auto batch = trust::seal({{wire::PayloadKind::assignment, build(test::AssignmentSpec{})},
                                  {wire::PayloadKind::directive, build(test::DirectiveSpec{})},
                                  {wire::PayloadKind::assignment, build(test::AssignmentSpec{})}},
                                 {&keys.control});
  seeds.write("open_signed", "one_of_three", batch.value().back());
  seeds.write("slot_manifest", "seed", manifest);
  const auto root = root_document(keys, 1);
  seeds.write("", "fixed_root.menv", root);
  const auto chain = trust::make_root_chain({root, root_document(keys, 2), root_document(keys, 3)});
  seeds.write("root_chain", "three", chain);
  seeds.write("root_chain", "gap", trust::make_root_chain({root, root_document(keys, 3)}));
  seeds.write("root_chain", "root", root);
  seeds.write("agent_inbound", "assignment", on_topic("muster/v1/device/gw-17/assignment", assignment));
  seeds.write("agent_inbound", "directive", on_topic("muster/v1/group/region=de/directive", directive));
  seeds.write("agent_inbound", "chain", on_topic("muster/v1/trust/root", chain));
  seeds.write("agent_inbound", "chunk", on_topic("muster/v1/device/gw-17/chunk", build(test::ChunkSpec{})));
  broker::Release release;
  release.published_s = 1790000000;
  release.published_by = "alice";
  seeds.write("store_records", "release", broker::encode_release(release, manifest));
  seeds.write("store_records", "head", broker::encode_head({{7, {}}, head}));
}

void write_states(const SeedFolder& seeds) {
  broker::AuditEntry entry;
  entry.who = "alice";
  entry.what = "rollout.started";
  entry.subject = "reader-3";
  entry.why = "wave canary: 2 of 20";
  broker::AuditTail tail;
  broker::append_to_chain(tail, entry);
  seeds.write("store_records", "entry", broker::encode_entry(entry));

  edge::DurableState state;
  seeds.write("agent_state", "empty", edge::encode(state));
  state.boot_id = 7;
  state.planes[1].active = {{}, "reader-deu", "2.1.0", 3};
  state.planes[1].active.manifest.bytes[0] = 9;
  state.last_swapped = {edge::Plane::model};
  state.attempt.phase = edge::AttemptPhase::rolling_back;
  state.attempt.assignment.rollout = "reader-3";
  state.attempt.assignment.releases.push_back({edge::Plane::model, {}, {}, 900, "reader-deu", "2.2.0"});
  state.attempt.changes.push_back({edge::Plane::model, state.planes[1].active, {}});
  state.attempt.swap_begun = 1;
  state.attempt.back.push_back({edge::Plane::model, state.planes[1].active, {}});
  state.attempt.detail = "probe golden-replay ended with 1";
  state.scopes.push_back(
      {"group/region=de", 4, {{edge::OrderKind::freeze, 4, edge::Plane::model, {}, "hot", "alice"}}});
  const auto bytes = edge::encode(state);
  seeds.write("agent_state", "busy", bytes);
  auto& attempt = state.attempt;
  attempt.phase = edge::AttemptPhase::shadowing;
  attempt.aim = edge::AttemptAim::shadow;
  attempt.assignment.hold = edge::Hold::before_commit;
  attempt.assignment.shadow = attempt.assignment.releases;
  attempt.swap_begun = 0;
  seeds.write("agent_state", "shadowing", edge::encode(state));
  seeds.write("journal", "payload", "\x01" + std::string(ByteView(bytes).text()));
  seeds.write("journal", "short_file", std::string(1, '\0') + "MUSTERJ1");
}

}  // namespace
}  // namespace muster::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "fuzz_seeds FOLDER: writes valid inputs of every fuzz target there\n");
    return 2;
  }
  const muster::fuzz::SeedFolder seeds(argv[1]);
  muster::fuzz::write_messages(seeds);
  muster::fuzz::write_twins(seeds);
  muster::fuzz::write_signed(seeds);
  muster::fuzz::write_states(seeds);
  muster::fuzz::write_text_seeds(seeds);
  muster::fuzz::write_evidence_seeds(seeds);
  muster::fuzz::write_mcu_seeds(seeds);
  muster::fuzz::write_mcu_client_seeds(seeds);
  return 0;
}
