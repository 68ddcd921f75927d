#include "tests/unit/broker/lifecycle_fixture.h"

#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/base64.h"
#include "trust/signing/signer.h"

namespace muster::broker::test {

std::uint64_t now_s() {
  return static_cast<std::uint64_t>(std::time(nullptr));
}

Bytes signed_move(const trust::SigningKey& key, const SignedRelease& release, const std::string& ref,
                  const Statement& statement) {
  flatbuffers::FlatBufferBuilder builder;
  const auto name = builder.CreateString(statement.release.empty() ? ref : statement.release);
  const auto reason = statement.reason.empty() ? 0 : builder.CreateString(statement.reason);
  const wire::Digest manifest(release.digest.bytes);
  wire::FinishReleaseMoveBuffer(builder, wire::CreateReleaseMove(builder, name, &manifest, statement.from, statement.to,
                                                                 1000, statement.expires_s, reason));
  const Bytes payload(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  return trust::seal({{wire::PayloadKind::release_move, ByteView(payload)}}, {&key}).value().front();
}

void Lifecycle::start(const std::string& yaml) {
  bench = std::make_unique<Bench>(yaml);
  bench->start();
}

void Lifecycle::configure(const std::string& from, const std::string& to) {
  auto text = read_text(bench->installation.config_path);
  text.replace(text.find(from), from.size(), to);
  write_text(bench->installation.config_path, text);
}

SignedRelease Lifecycle::publish(const std::string& version, const std::string& content) {
  auto release = make_release(bench->installation.release_key, "m", version, content);
  EXPECT_EQ(bench->publish(release).value("error", ""), "");
  return release;
}

json Lifecycle::bring(const Bytes& envelope, const std::string& user) {
  return bench->command(user, R"("command":"moveRelease","envelope":")" + host::to_base64(envelope) + "\"");
}

json Lifecycle::move(const SignedRelease& release, const std::string& version, const Statement& statement) {
  return bring(signed_move(bench->installation.release_key, release, "m@" + version, statement));
}

void Lifecycle::promote(const SignedRelease& release, const std::string& version) {
  for (const auto& [from, to] :
       {std::pair(State::development, State::candidate), std::pair(State::candidate, State::canary),
        std::pair(State::canary, State::promoted)}) {
    EXPECT_EQ(move(release, version, {from, to}).value("error", ""), "");
  }
}

json Lifecycle::start_rollout(const std::string& rollout, const std::string& version, const std::string& more) {
  return bench->command("alice", R"("command":"startRollout","reason":"go","rule":)" +
                                     json(rule_text(rollout, "m@" + version) + more).dump());
}

json Lifecycle::shown(const std::string& version) {
  return bench->command("eve", R"("command":"getRelease","release":"m@)" + version + "\"").at("data");
}

std::vector<json> Lifecycle::audit(const std::string& what) {
  std::vector<json> found;
  const auto page = bench->command("eve", R"("command":"listAudit","limit":500)");
  for (const auto& entry : page["data"]["entries"]) {
    if (entry["what"] == what) found.push_back(entry);
  }
  return found;
}

void Lifecycle::commit(const SignedRelease& release, std::uint64_t epoch) {
  EXPECT_EQ(bench->assigned("gw-1", epoch), release.digest);
  EXPECT_TRUE(bench->report(
      {.seq = ++seq, .model = release.digest, .attempt_epoch = epoch, .attempt = wire::AttemptState::committed}));
}

std::string Lifecycle::abort(const std::string& rollout, const std::string& mode) {
  return bench->command("alice", R"("command":"abortRollout","rollout":")" + rollout + R"(","mode":")" + mode + "\"")
      .value("error", "");
}

bool Lifecycle::has_blob(const Sha256& digest) const {
  const auto hex = to_hex(digest);
  return std::filesystem::exists(bench->installation.data_dir + "/blobs/" + hex.substr(0, 2) + "/" + hex);
}

}  // namespace muster::broker::test
