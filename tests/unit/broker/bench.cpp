#include "tests/unit/broker/bench.h"

#include <nlohmann/json.hpp>

#include "broker-plugin/core/wire_digest.h"
#include "host/base64.h"
#include "schemas/assignment_generated.h"
#include "schemas/topics.h"
#include "trust/envelope.h"

namespace muster::broker::test {

using nlohmann::json;

void Bench::start() {
  auto started = Plugin::start(installation.config_path, port, [] {});
  ASSERT_TRUE(started.has_value()) << started.error().message;
  plugin = std::move(*started);
}

std::string Bench::start_error() {
  const auto started = Plugin::start(installation.config_path, port, [] {});
  return started ? "" : started.error().message;
}

std::vector<json> Bench::request(const std::string& user, const std::vector<std::string>& commands) {
  std::string text = "{\"commands\":[";
  for (const auto& fields : commands) text += (&fields == &commands.front() ? "{" : ",{") + fields + "}";
  text += "]}";
  const auto client = "client-" + std::to_string(++clients_);
  const auto before = port.sent.size();
  plugin->control(client, user, ByteView(std::string_view(text)));
  std::string answer;
  const auto arrived = [&] {
    for (std::size_t i = before; i < port.sent.size(); ++i) {
      if (port.sent[i].client == client) answer = port.sent[i].payload;
    }
    return !answer.empty();
  };
  EXPECT_TRUE(tick_until(arrived)) << text.substr(0, 300);
  if (answer.empty()) return std::vector<json>(commands.size());
  return json::parse(answer).at("responses").get<std::vector<json>>();
}

json Bench::command(const std::string& user, const std::string& fields) {
  return request(user, {fields}).at(0);
}

json Bench::publish(const SignedRelease& release, const std::string& user) {
  const auto digest = R"("digest":")" + to_hex(release.file) + "\"";
  const auto data = host::to_base64(ByteView(std::string_view(release.content)));
  return request(user, {R"("command":"beginBlob",)" + digest + R"(,"size":)" + std::to_string(release.content.size()),
                        R"("command":"putBlob",)" + digest + R"(,"offset":0,"data":")" + data + "\"",
                        R"("command":"endBlob",)" + digest,
                        R"("command":"publishRelease","envelope":")" + host::to_base64(release.envelope) + "\""})
      .at(3);
}

bool Bench::message(const std::string& device, const std::string& leaf, ByteView payload, bool retain) {
  const auto topic = "muster/v1/device/" + device + "/" + leaf;
  const auto client = "client-" + device;
  // The identity of the connection: one a device, whatever its address is.
  static std::map<std::string, std::unique_ptr<int>> connections;
  auto& connection = connections[device];
  if (connection == nullptr) connection = std::make_unique<int>();
  return plugin->message({connection.get(), client, device, topic, payload, retain});
}

bool Bench::report(const ReportFields& fields) {
  const auto bytes = make_report(fields);
  return message(fields.device, "state", ByteView(bytes), true);
}

bool Bench::tick_until(const std::function<bool()>& done) {
  return eventually(done, [this] { plugin->tick(); });
}

json Bench::rollout(const std::string& name) {
  return command("alice", R"("command":"getRollout","rollout":")" + name + "\"").value("data", json());
}

json Bench::metrics() {
  return command("alice", R"("command":"getMetrics")").at("data");
}

Sha256 Bench::assigned(const std::string& device, std::uint64_t epoch) {
  Sha256 manifest;
  const auto arrived = [&] {
    const auto envelope = port.retained("muster/v1/device/" + device + "/assignment");
    const AlignedBytes aligned{ByteView(std::string_view(envelope))};
    const wire::Assignment* assignment = nullptr;
    const trust::OpenContext context{&installation.root, 0};
    if (trust::open_assignment(aligned.view(), context, device, assignment) != trust::TrustFault::none) return false;
    if (assignment->epoch() != epoch) return false;
    manifest = digest_of(assignment->releases()->Get(0)->manifest());
    return true;
  };
  EXPECT_TRUE(tick_until(arrived)) << device << " was not assigned epoch " << epoch;
  return manifest;
}

std::string rule_text(const std::string& rollout, const std::string& release, const std::string& gate) {
  return "rollout: " + rollout + "\nseed: 7\ntargets: device.class == \"linux\"\nversions:\n  model: " + release +
         "\nwaves:\n  - { name: half, percent: 50, gate: " + gate + " }\n  - { name: all, percent: 100 }\n";
}

}  // namespace muster::broker::test
