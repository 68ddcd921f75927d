#include "tests/e2e/harness/world.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {
namespace {

constexpr std::size_t log_tail = 3000;

std::string tail(const std::string& text) {
  return text.size() <= log_tail ? text : "…" + text.substr(text.size() - log_tail);
}

}  // namespace

World::World() : keys_(shared_keys()) {}

World::~World() {
  look_at_reports();
  if (!HasFailure()) return;
  if (broker_) printf("--- broker ---\n%s\n", tail(broker_->log()).c_str());
  for (const auto& agent : agents_) printf("--- %s ---\n%s\n", agent->name().c_str(), tail(agent->log()).c_str());
}

// Leaks and errors on the way out are seen only by processes that may end in order.
void World::look_at_reports() {
  if (watcher() == Watcher::none) return;
  ops_.reset();
  for (const auto& one : agents_) {
    if (one->running()) one->stop();
  }
  if (broker_ && broker_->running()) broker_->stop();
  const auto found = take_reports();
  EXPECT_TRUE(found.empty()) << "found while the test ran:\n" << found;
}

void World::open(BrokerSettings settings) {
  broker_ = std::make_unique<Broker>(folder_.make_folder("broker"), keys_, std::move(settings));
  ASSERT_TRUE(broker_->start());
  ctl_ = std::make_unique<Ctl>(broker_->port(), keys_, "ops");
}

Agent& World::add_agent(const std::string& name, AgentSettings settings) {
  agents_.push_back(
      std::make_unique<Agent>(folder_.make_folder(name), name, broker_->port(), keys_, std::move(settings)));
  return *agents_.back();
}

void World::start_fleet(std::size_t count, const AgentSettings& settings) {
  for (std::size_t i = 0; i < count; ++i) add_agent("gw-" + std::to_string(i), settings).start();
  for (const auto& one : agents_) {
    ASSERT_EVENTUALLY(15s, device(one->name()).value("reported", false)) << one->name();
  }
}

Agent& World::agent_named(const std::string& name) {
  const auto found = std::find_if(agents_.begin(), agents_.end(), [&](const auto& one) { return one->name() == name; });
  EXPECT_NE(found, agents_.end()) << name;
  return **found;
}

Session& World::ops() {
  if (!ops_ || !ops_->connected()) ops_ = operator_session("ops");
  return *ops_;
}

std::unique_ptr<Session> World::device_session(const std::string& name) const {
  auto session = std::make_unique<Session>(broker_->port(), keys_.ca(), keys_.device(name));
  session->connect();
  return session;
}

std::unique_ptr<Session> World::operator_session(const std::string& name) const {
  auto session = std::make_unique<Session>(broker_->port(), keys_.ca(), keys_.operator_(name));
  session->connect();
  return session;
}

void World::build_release(const ReleaseToMake& release) {
  const std::string ref = release.name + "@" + release.version;
  const auto source = folder_.make_folder("sources/" + ref);
  std::string files;
  if (!release.model_txt.empty()) {
    files = "model.txt";
    write_text(source + "/model.txt", release.model_txt);
  }
  for (const auto& [name, content] : release.files) {
    files += (files.empty() ? "" : ", ") + name;
    write_text(source + "/" + name, content);
  }
  write_text(source + "/release.yaml",
             "release: " + ref + "\nplane: " + release.plane +
                 "\nsecurity_version: " + std::to_string(release.security_version) + "\nfiles: [" + files + "]\n" +
                 (release.probes.empty() ? "" : "probes: " + release.probes + "\n") + release.more);
  ctl_->must({"release", "build", source + "/release.yaml", "--out", folder_.make_folder("releases")});
  ctl_->must({"release", "sign", release_folder(ref), "--key", keys_.folder() + "/release.key"});
}

void World::make_release(const ReleaseToMake& release) {
  build_release(release);
  ctl_->must({"release", "publish", release_folder(release.name + "@" + release.version)});
}

Sha256 World::published_blob(const std::string& content) {
  make_release({.name = "blob", .version = "1", .files = {{"weights.bin", content}}});
  const auto release = ops().control("getRelease", {{"release", "blob@1"}})["data"];
  Sha256 digest;
  for (const auto& file : release.at("files")) {
    if (file.value("name", "") != "weights.bin") continue;
    EXPECT_TRUE(parse_hex(file.value("sha256", ""), digest));
  }
  return digest;
}

std::string World::rule_file(const std::string& name, const std::string& text) {
  const auto path = folder_.file("rules/" + name + ".yaml");
  write_text(path, text);
  return path;
}

void World::start_rollout(const std::string& name, const std::string& text) {
  ctl_->must({"rollout", "start", rule_file(name, text)});
}

std::size_t World::agents_with(const std::string& model_txt) const {
  const auto has_it = [&](const auto& one) { return one->active_file("model", "model.txt") == model_txt; };
  return static_cast<std::size_t>(std::count_if(agents_.begin(), agents_.end(), has_it));
}

nlohmann::json World::status(const std::string& rollout) {
  return ops().control("getRollout", {{"rollout", rollout}}).value("data", nlohmann::json::object());
}

std::string World::state(const std::string& rollout) {
  return status(rollout).value("state", "");
}

long World::count(const std::string& rollout, const std::string& field) {
  return status(rollout).value(field, -1L);
}

nlohmann::json World::device(const std::string& name) {
  return ops().control("getDevice", {{"device", name}}).value("data", nlohmann::json::object());
}

std::string World::device_state(const std::string& name) {
  return device(name).value("state", "");
}

nlohmann::json World::metrics() {
  return ops().control("getMetrics").value("data", nlohmann::json::object());
}

long World::refused(const std::string& reason) {
  return metrics().value("refused", nlohmann::json::object()).value(reason, 0L);
}

nlohmann::json World::audit() {
  nlohmann::json all = nlohmann::json::array();
  bool more = true;
  while (more) {
    nlohmann::json fields = {{"limit", 500}};
    if (!all.empty()) fields["after"] = all.back().value("seq", 0);
    const auto page = ops().control("listAudit", fields).value("data", nlohmann::json::object());
    for (const auto& entry : page.value("entries", nlohmann::json::array())) all.push_back(entry);
    more = page.value("more", false);
  }
  return all;
}

std::size_t World::audit_count(const std::string& what) {
  const auto entries = audit();
  return static_cast<std::size_t>(std::count_if(entries.begin(), entries.end(),
                                                [&](const auto& entry) { return entry.value("what", "") == what; }));
}

void World::expect_audit_intact() {
  const auto finished = ctl_->run({"audit", "verify", "--root", keys_.folder() + "/root.menv"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
}

std::string rule(const std::string& name, const std::string& versions, const std::string& waves,
                 const std::string& targets, const std::string& more) {
  return "rollout: " + name + "\nseed: 7\ntargets: '" + targets + "'\nversions: " + versions + "\nwaves: " + waves +
         "\nunreachable_after: 2s\nattempt_timeout: " + std::to_string(20 * slowness()) + "s\n" + more;
}

}  // namespace muster::e2e
