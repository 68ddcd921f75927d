// What an operator sees: musterctl's commands, JSON, exit codes and sentences; mosquitto_ctrl; the audit record;
// reload.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

const std::string one_wave = "[{ name: all, percent: 100, gate: manual, soak: 0s }]";

class Operator : public World {};

TEST_F(Operator, EveryProgramExplainsItself) {
  open();
  const auto top = ctl().run({"--help"});
  EXPECT_EQ(top.exit_code, 0);
  for (const auto* word : {"keys", "cert", "release", "rollout", "device", "directive", "audit"})
    EXPECT_THAT(top.out, HasSubstr(word));
  const std::vector<std::vector<std::string>> commands = {
      {"keys", "init"},          {"cert", "server"},      {"cert", "device"},         {"cert", "operator"},
      {"release", "build"},      {"release", "sign"},     {"release", "publish"},     {"release", "show"},
      {"rollout", "check"},      {"rollout", "start"},    {"rollout", "approve"},     {"rollout", "pause"},
      {"rollout", "resume"},     {"rollout", "abort"},    {"rollout", "status"},      {"rollout", "watch"},
      {"rollout", "why"},        {"rollout", "schema"},   {"rollout", "pace"},        {"simulate"},
      {"device", "list"},        {"device", "show"},      {"directive", "safe-mode"}, {"directive", "resume"},
      {"directive", "rollback"}, {"directive", "freeze"}, {"audit", "show"},          {"audit", "verify"}};
  for (auto command : commands) {
    command.emplace_back("--help");
    const auto finished = ctl().run(command);
    const auto name = command[0] + " " + command[1];
    EXPECT_EQ(finished.exit_code, 0) << name;
    EXPECT_THAT(finished.out, HasSubstr("--json")) << name;
    EXPECT_THAT(finished.out, HasSubstr("Example")) << name;
  }
  const auto edge = run({programs::edge, "--help"});
  EXPECT_EQ(edge.exit_code, 0);
  EXPECT_THAT(edge.out, HasSubstr("--config"));
}

TEST_F(Operator, WrongOptionsGiveOneSentenceAndACode) {
  open();
  struct Case {
    std::vector<std::string> args;
    int exit_code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"rollot", "list"}, 2, "rollot"},
      {{"rollout", "status", "--colour"}, 2, "--colour"},
      {{"rollout", "abort", "x", "--keep", "--revert"}, 2, "--revert"},
      {{"directive", "rollback", "--fleet"}, 2, "--plane"},
      {{"rollout", "start", folder_.file("none.yaml")}, 3, "none.yaml"},
      {{"rollout", "status", "none"}, 3, "none"},
      {{"device", "show", "none"}, 3, "none"},
      {{"rollout", "why", "none"}, 3, "none"},
      {{"rollout", "pace", "none"}, 2, "--none"},
      {{"rollout", "pace", "none", "--none"}, 3, "none"},
      {{"rollout", "pace", "none", "--per-site", "2"}, 3, "none"},
      {{"release", "show", "none@1"}, 3, "none@1"},
      {{"rollout", "approve", "none"}, 3, "none"},
      {{"keys", "init", keys_.folder()}, 4, keys_.folder()},
      {{"release", "publish", folder_.file("nothing@1")}, 3, "nothing@1"},
  };
  for (const auto& [args, exit_code, says] : cases) {
    const auto finished = ctl().run(args);
    EXPECT_EQ(finished.exit_code, exit_code) << says << "\n" << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(says));
    EXPECT_EQ(finished.out, "") << says;
    EXPECT_LE(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  }
  const auto away =
      run({programs::ctl, "rollout", "list", "--port", std::to_string(free_port())}, 20s, {}, ctl().environment());
  EXPECT_EQ(away.exit_code, 9) << away.err;
  const auto error = nlohmann::json::parse(ctl().run({"rollout", "status", "none", "--json"}).err, nullptr, false);
  ASSERT_TRUE(error.is_object());
  EXPECT_EQ(error.value("kind", ""), "not_found");
  EXPECT_EQ(error.value("exit_code", 0), 3);
}

TEST_F(Operator, ARuleFileIsJudgedWhole) {
  open();
  const auto file = rule_file("bad",
                              "rollout: bad\ntargets: device.clas == \"x\"\nversions: { model: nope }\nwaves: [{ name: "
                              "a, percentage: 10 }]\nunknown: 1\n");
  const auto checked = ctl().run({"rollout", "check", file});
  EXPECT_EQ(checked.exit_code, 5);
  for (const auto* line : {":2:", ":3:", ":4:", ":5:"}) EXPECT_THAT(checked.err, HasSubstr(file + line));
  EXPECT_THAT(checked.err, HasSubstr("percent"));
  EXPECT_THAT(checked.err, HasSubstr("device.class"));
  const auto started = ctl().run({"rollout", "start", file});
  EXPECT_EQ(started.exit_code, 5);
  EXPECT_TRUE(ops().control("listRollouts")["data"]["rollouts"].empty());
  // The broker judges by itself, whatever musterctl let through.
  const auto raw = ops().control("startRollout", {{"rule", read_text(file)}, {"file", "bad.yaml"}});
  EXPECT_EQ(raw.value("kind", ""), "invalid");
  ASSERT_TRUE(raw.contains("diagnostics")) << raw.dump();
  EXPECT_GE(raw["diagnostics"].size(), 4u);
  EXPECT_THAT(raw["diagnostics"][0].get<std::string>(), HasSubstr("bad.yaml:"));
}

TEST_F(Operator, ARolloutOfAnUnknownReleaseIsRefused) {
  open();
  const auto started = ctl().run({"rollout", "start", rule_file("m-1", rule("m-1", "{ model: m@1 }", one_wave))});
  EXPECT_NE(started.exit_code, 0);
  EXPECT_THAT(started.err, HasSubstr("m@1"));
  make_release({.name = "m", .version = "1", .plane = "config", .probes = ""});
  const auto wrong_plane = ctl().run({"rollout", "start", rule_file("m-1", rule("m-1", "{ model: m@1 }", one_wave))});
  EXPECT_NE(wrong_plane.exit_code, 0);
  EXPECT_THAT(wrong_plane.err, HasSubstr("config"));
  make_release({.name = "n", .version = "1"});
  start_rollout("n-1", rule("n-1", "{ model: n@1 }", one_wave));
  const auto twice = ctl().run({"rollout", "start", folder_.file("rules/n-1.yaml")});
  EXPECT_EQ(twice.exit_code, 4) << twice.err;
}

TEST_F(Operator, EveryViewIsJson) {
  open();
  start_fleet(2);
  make_release({.name = "m", .version = "1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-1") == "awaiting_approval");
  EXPECT_EQ(ctl().json({"release", "show", "m@1", "--root", keys_.folder() + "/root.menv"}).value("name", ""), "m");
  EXPECT_EQ(ctl().json({"release", "show", release_folder("m@1")}).value("name", ""), "m");
  const auto devices = ctl().json({"device", "list"}).at("devices");
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].value("device", ""), "gw-0");
  const auto shown = ctl().json({"device", "show", "gw-1"});
  EXPECT_EQ(shown.at("planes").at("model").value("release", ""), "m@1");
  EXPECT_EQ(shown.at("facts").value("class", ""), "rk3566");
  EXPECT_EQ(shown.value("state", ""), "healthy");
  EXPECT_EQ(ctl().json({"rollout", "status"}).at("rollouts").size(), 1u);
  const auto why = ctl().json({"rollout", "why", "gw-1"}).at("rollouts");
  ASSERT_EQ(why.size(), 1u);
  EXPECT_EQ(why[0].value("standing", ""), "done");
  EXPECT_EQ(ctl().json({"rollout", "check", folder_.file("rules/m-1.yaml")}).value("rollout", ""), "m-1");
  EXPECT_FALSE(ctl().json({"audit", "show", "--after", "0"}).at("entries").empty());
  // The same for people.
  EXPECT_THAT(ctl().run({"rollout", "status", "m-1"}).out, HasSubstr("approve"));
  EXPECT_THAT(ctl().run({"device", "list"}).out, HasSubstr("gw-1"));
  EXPECT_THAT(ctl().run({"rollout", "why", "gw-1", "--rollout", "m-1"}).out,
              testing::AllOf(HasSubstr("m-1: assigned "), HasSubstr("it is done")));
}

TEST_F(Operator, WatchingEndsWithTheRollout) {
  open();
  start_fleet(2);
  make_release({.name = "m", .version = "1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EQ(ctl().run({"rollout", "wait", "m-1", "--until", "awaiting_approval", "--timeout", "15s"}).exit_code, 0);
  EXPECT_EQ(ctl().run({"rollout", "wait", "m-1", "--timeout", "300ms"}).exit_code, 11);
  ctl().must({"rollout", "approve", "m-1"});
  const auto watched = ctl().run({"rollout", "watch", "m-1", "--timeout", "15s"});
  EXPECT_EQ(watched.exit_code, 0) << watched.err;
  EXPECT_THAT(watched.out, HasSubstr("completed"));
  make_release({.name = "m", .version = "2", .model_txt = "broken"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  EXPECT_EQ(ctl().run({"rollout", "wait", "m-2", "--timeout", "15s"}).exit_code, 20);
  ctl().must({"rollout", "abort", "m-2", "--keep"});
  EXPECT_EQ(ctl().run({"rollout", "wait", "m-2", "--timeout", "15s"}).exit_code, 21);
}

// Every command is in the record with who, what and why, refused ones too; and the record is chained.
TEST_F(Operator, TheAuditRecordHasEveryCommand) {
  open({.operators = {{"ops", "[view, operate, approve]"}, {"worker", "[view, operate]"}}});
  start_fleet(1);
  make_release({.name = "m", .version = "1"});
  const auto worker = ctl_as("worker");
  worker.must({"rollout", "start", rule_file("m-1", rule("m-1", "{ model: m@1 }", one_wave)), "--reason", "why-start"});
  ASSERT_EVENTUALLY(15s, state("m-1") == "awaiting_approval");
  worker.must({"rollout", "pause", "m-1", "--reason", "why-pause"});
  worker.must({"rollout", "resume", "m-1", "--reason", "why-resume"});
  EXPECT_EQ(worker.run({"rollout", "approve", "m-1", "--reason", "why-not"}).exit_code, 10);
  ctl().must({"rollout", "approve", "m-1", "--reason", "why-approve"});
  worker.must({"directive", "safe-mode", "--device", "gw-0", "--reason", "why-safe"});
  worker.must({"directive", "resume", "--device", "gw-0", "--reason", "why-over"});
  const auto entries = audit();
  const auto has = [&](const std::string& who, const std::string& what, const std::string& subject,
                       const std::string& why) {
    for (const auto& entry : entries) {
      const bool matches = entry.value("who", "") == who && entry.value("what", "").find(what) != std::string::npos &&
                           entry.value("subject", "").find(subject) != std::string::npos &&
                           entry.value("why", "").find(why) != std::string::npos;
      if (matches) return true;
    }
    return false;
  };
  EXPECT_TRUE(has("ops", "release", "m@1", "")) << entries.dump(1);
  EXPECT_TRUE(has("worker", "rollout.started", "m-1", "why-start")) << entries.dump(1);
  EXPECT_TRUE(has("worker", "rollout.paused", "m-1", "why-pause"));
  EXPECT_TRUE(has("worker", "rollout.resumed", "m-1", "why-resume"));
  EXPECT_TRUE(has("worker", "refused", "m-1", ""));
  EXPECT_TRUE(has("ops", "wave.approved", "m-1", "why-approve"));
  EXPECT_TRUE(has("worker", "order.given", "device/gw-0", "why-safe"));
  EXPECT_TRUE(has("worker", "order.withdrawn", "device/gw-0", "why-over"));
  std::uint64_t seq = 0;
  for (const auto& entry : entries) EXPECT_EQ(entry.value("seq", 0UL), ++seq);

  const auto verified = ctl().json({"audit", "verify", "--root", keys_.folder() + "/root.menv"});
  EXPECT_TRUE(verified.value("intact", false));
  const auto& head = verified.at("head");
  const std::string kept = std::to_string(head.value("seq", 0UL)) + ":" + head.value("hash", "");
  ctl().must({"audit", "verify", "--expect-head", kept});
  auto forged = kept;
  forged.back() = forged.back() == '0' ? '1' : '0';
  EXPECT_EQ(ctl().run({"audit", "verify", "--expect-head", forged}).exit_code, 6);
  // The record is still one chain after a crash.
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  ctl().must({"audit", "verify", "--expect-head", kept, "--root", keys_.folder() + "/root.menv"});
}

TEST_F(Operator, ReloadTakesOperatorsAndLimits) {
  BrokerSettings settings;
  settings.operators = {{"ops", "[view, operate, approve]"}};
  open(settings);
  EXPECT_NE(ctl_as("newcomer").run({"rollout", "list"}).exit_code, 0);
  settings.operators["newcomer"] = "[view]";
  broker().reload(settings);
  ASSERT_EVENTUALLY(5s, ctl_as("newcomer").run({"rollout", "list"}).exit_code == 0);
  settings.operators.erase("newcomer");
  broker().reload(settings);
  ASSERT_EVENTUALLY(5s, ctl_as("newcomer").run({"rollout", "list"}).exit_code != 0);

  // A file with an error changes nothing and says where it is wrong.
  settings.operators["newcomer"] = "[view, emperor]";
  broker().reload(settings);
  ASSERT_EVENTUALLY(5s, broker().log_has("emperor"));
  EXPECT_EQ(ctl().run({"rollout", "list"}).exit_code, 0);
  EXPECT_NE(ctl_as("newcomer").run({"rollout", "list"}).exit_code, 0);

  // What only a restart can change is refused with a line that says so.
  settings.operators["newcomer"] = "[view]";
  settings.data_dir = folder_.file("elsewhere");
  broker().reload(settings);
  ASSERT_EVENTUALLY(5s, broker().log_has("data_dir"));
  EXPECT_FALSE(exists(folder_.file("elsewhere")));
  EXPECT_TRUE(broker().running());
}

TEST_F(Operator, PublishingGoesOnWhereItWasCut) {
  open();
  build_release({.name = "m", .version = "1", .files = {{"weights.bin", noise(8 << 20, 6)}}});
  Launch launch;
  launch.args = {programs::ctl, "release", "publish", release_folder("m@1")};
  launch.environment = ctl().environment();
  Process publishing(launch);
  ASSERT_EVENTUALLY(10s, bytes_below(broker().data_dir() + "/blobs") > (1 << 20));
  publishing.kill_hard();
  const auto published = ctl().json({"release", "publish", release_folder("m@1")});
  EXPECT_LT(published.value("bytes_sent", 0UL), static_cast<unsigned long>(8 << 20));
  EXPECT_EQ(ctl().json({"release", "show", "m@1"}).value("version", ""), "1");
  // Again: there is nothing left to send.
  EXPECT_EQ(ctl().json({"release", "publish", release_folder("m@1")}).value("bytes_sent", 1UL), 0UL);
}

TEST_F(Operator, MosquittoCtrlSpeaksMuster) {
  open();
  make_release({.name = "m", .version = "1"});
  const auto stem = keys_.operator_("ops");
  const auto finished =
      run({"mosquitto_ctrl", "-h", "127.0.0.1", "-p", std::to_string(broker().port()), "--cafile", keys_.ca(), "--cert",
           stem + ".crt", "--key", stem + ".key", "muster", "release", "show", "m@1", "--json"},
          20s, {}, {"LD_LIBRARY_PATH=" + programs::lib_folder});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("\"m\""));
  const auto wrong =
      run({"mosquitto_ctrl", "-h", "127.0.0.1", "-p", std::to_string(broker().port()), "--cafile", keys_.ca(), "--cert",
           stem + ".crt", "--key", stem + ".key", "muster", "rollout", "status", "none"},
          20s, {}, {"LD_LIBRARY_PATH=" + programs::lib_folder});
  EXPECT_EQ(wrong.exit_code, 3) << wrong.out << wrong.err;
}

// What the folders give as examples runs as it stands, but for the paths of this machine.
TEST_F(Operator, TheExampleConfigurationsRun) {
  Broker example(folder_.make_folder("broker"), keys_);
  const auto replace_all = [](std::string text, const std::vector<std::pair<std::string, std::string>>& changes) {
    for (const auto& [from, to] : changes) {
      EXPECT_NE(text.find(from), std::string::npos) << from;
      for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    }
    return text;
  };
  const std::string source = MUSTER_SOURCE_DIR;
  const auto etc = std::string("/etc/mosquitto/muster");
  const auto conf =
      replace_all(read_text(source + "/broker-plugin/mosquitto.conf.example"),
                  {{"listener 8883", "user root\nlistener " + std::to_string(example.port()) + " 127.0.0.1"},
                   {"/usr/lib/mosquitto/mosquitto_muster.so", programs::plugin},
                   {etc + "/broker.yaml", example.plugin_config()},
                   {etc, keys_.folder()}});
  const auto yaml = replace_all(read_text(source + "/broker-plugin/broker.yaml.example"),
                                {{"/var/lib/mosquitto/muster", example.data_dir()}, {etc, keys_.folder()}});
  write_text(folder_.file("broker/mosquitto.conf"), conf);
  write_text(example.plugin_config(), yaml);
  ASSERT_TRUE(example.start());
  const auto listed = Ctl(example.port(), keys_, "alice").run({"rollout", "list"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;

  const auto stem = keys_.device("gw-17");
  const auto edge = replace_all(read_text(source + "/edge-client/muster-edge.yaml.example"),
                                {{"ca: ca.crt", "ca: " + keys_.ca()},
                                 {"gw-17.crt", stem + ".crt"},
                                 {"gw-17.key", stem + ".key"},
                                 {"root: root.menv", "root: " + keys_.folder() + "/root.menv"}});
  write_text(folder_.file("edge.yaml"), edge);
  const auto checked = run({programs::edge, "--config", folder_.file("edge.yaml"), "--check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
}

TEST_F(Operator, StatusAndMetricsAreRetainedForObservers) {
  open();
  start_fleet(1);
  make_release({.name = "m", .version = "1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-1") == "awaiting_approval");
  auto viewer = operator_session("viewer");
  ASSERT_TRUE(viewer->subscribe("muster/v1/rollout/+"));
  ASSERT_TRUE(viewer->subscribe("muster/v1/metrics"));
  const auto status_seen = viewer->wait_for("muster/v1/rollout/m-1", 5s);
  ASSERT_TRUE(status_seen.has_value());
  EXPECT_TRUE(status_seen->retained);
  EXPECT_EQ(nlohmann::json::parse(ByteView(status_seen->payload).text()), status("m-1"));
  const auto metrics_seen = viewer->wait_for("muster/v1/metrics", 10s);
  ASSERT_TRUE(metrics_seen.has_value());
  const auto object = nlohmann::json::parse(ByteView(metrics_seen->payload).text());
  for (const auto* key : {"time_s", "devices", "rollouts", "messages", "refused", "chunks", "store", "audit_seq"})
    EXPECT_TRUE(object.contains(key)) << key;
  EXPECT_EQ(object["devices"].value("known", 0), 1);
  ctl().must({"rollout", "approve", "m-1"});
  const auto is_completed = [](const host::MqttMessage& message) {
    return ByteView(message.payload).text().find("completed") != std::string_view::npos;
  };
  EXPECT_TRUE(viewer->wait_for("muster/v1/rollout/m-1", 5s, is_completed).has_value());
}

}  // namespace
}  // namespace muster::e2e
