// A device's own behaviour, seen from the broker: measurements, recovery policy, standing orders, what it refuses to
// start with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";

class Device : public World {
 protected:
  void roll_out(const ReleaseToMake& release) {
    make_release(release);
    const std::string name = release.name + "-" + release.version;
    start_rollout(name,
                  rule(name, "{ " + release.plane + ": " + release.name + "@" + release.version + " }", one_wave));
    ASSERT_EVENTUALLY(20s, state(name) == "completed");
  }
  void roll_out_policy(const std::string& version, const std::string& rules) {
    roll_out({.name = "policy", .version = version, .plane = "config", .probes = "", .more = "recovery:\n" + rules});
  }

  // What is told of two rollouts that have halted and were aborted: one failed its probe, one's probe is not allowed.
  void expect_reports() {
    const auto failed = ctl().json({"rollout", "report", "file-no"});
    EXPECT_EQ(failed.value("whole", false), true);
    EXPECT_EQ(failed.at("rollout").value("state", ""), "aborted");
    EXPECT_EQ(failed.at("trigger").value("what", ""), "rollout.halted");
    EXPECT_THAT(failed.at("trigger").value("why", ""), HasSubstr("the rule halts at 1 (rule default)"));
    ASSERT_EQ(failed.at("failures").size(), 1u) << failed.dump();
    const auto& device = failed.at("failures")[0];
    EXPECT_EQ(device.value("device", ""), "gw-0");
    EXPECT_EQ(device.value("error", ""), "probe_failed");
    EXPECT_EQ(device.value("cause", ""), "release");
    EXPECT_THAT(device.value("detail", ""), HasSubstr("ready"));
    EXPECT_THAT(device.value("detail", ""), Not(HasSubstr("unacknowledged")));
    EXPECT_EQ(failed.at("measures").back().value("what", ""), "rollout.aborted");
    EXPECT_EQ(ctl().json({"rollout", "report", "exec-no"}).at("failures")[0].value("cause", ""), "refused");
    const auto text = ctl().run({"rollout", "report", "file-no"}).out;
    EXPECT_THAT(text, HasSubstr("# Rollout file-no: aborted"));
    EXPECT_THAT(text, HasSubstr("1 device failed: 1 by the release."));
    EXPECT_THAT(text, HasSubstr("- [ ] Retire what is not to be tried again: `musterctl release retire file-no@1"));
    EXPECT_EQ(ctl().run({"rollout", "report", "nothing"}).exit_code, 3);
  }
};

TEST_F(Device, MeasurementsReachTheOperator) {
  open();
  start_fleet(1);
  roll_out({.name = "m", .version = "1"});
  // As an application sends them while it works.
  const auto measured = [&] {
    agent(0).statsd("p95_ms:41.5|g\nload_time_ms:120|g\npeak_ram_mb:88|g\nedit_distance:3|g\ninferences:5|c\n");
    const auto health = device("gw-0").at("health");
    return health.is_object() && health.at("p95_ms") == 41.5 && health.at("load_time_ms") == 120.0;
  };
  ASSERT_EVENTUALLY(10s, measured());
  const auto health = ctl().json({"device", "show", "gw-0"}).at("health");
  EXPECT_EQ(health.at("peak_ram_mb"), 88.0) << health.dump();
  EXPECT_THAT(health.dump(), HasSubstr("edit_distance"));
  EXPECT_EQ(health.value("model_hash", ""), agent(0).active_digest("model"));
}

// The recovery policy comes with a config release and is evaluated on the device, also without the broker.
TEST_F(Device, ThePolicyDegradesAndHeals) {
  open();
  start_fleet(1);
  roll_out_policy("1", "  - { when: gpu_oom_count > 2, do: switch_to_degraded_model }\n");
  ASSERT_EVENTUALLY(10s, device_state("gw-0") == "healthy");
  EXPECT_EQ(agent(0).call_count("degraded"), 0u);
  ASSERT_EVENTUALLY(10s, (agent(0).statsd("gpu_oom_count:3|g\n"), agent(0).call_count("degraded") == 1));
  ASSERT_EVENTUALLY(5s, device_state("gw-0") == "degraded");
  ASSERT_EVENTUALLY(15s, (agent(0).statsd("gpu_oom_count:0|g\n"), agent(0).call_count("normal") == 1));
  ASSERT_EVENTUALLY(5s, device_state("gw-0") == "healthy");
  EXPECT_EQ(agent(0).call_count("degraded"), 1u);
}

TEST_F(Device, ThePolicyActsWithoutTheBroker) {
  open();
  start_fleet(1);
  roll_out_policy("1",
                  "  - { when: inference_p99_ms > 2 * slo_ms, do: drop_to_safe_mode }\n  - { when: camera_timeout_secs "
                  "> 5, do: restart_ingest_pipeline }\n");
  broker().kill_hard();
  ASSERT_EVENTUALLY(10s, (agent(0).statsd("camera_timeout_secs:6|g\n"), agent(0).call_count("restart") == 1));
  ASSERT_EVENTUALLY(10s, (agent(0).statsd("camera_timeout_secs:0|g\nslo_ms:50|g\ninference_p99_ms:101|g\n"),
                          agent(0).call_count("degraded") == 1));
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(10s, device_state("gw-0") == "safe_mode");
  ctl().must({"directive", "resume", "--device", "gw-0"});
  agent(0).statsd("inference_p99_ms:10|g\n");
  ASSERT_EVENTUALLY(10s, device_state("gw-0") == "healthy");
}

TEST_F(Device, ThePolicyRollsAReleaseBack) {
  open();
  start_fleet(1);
  roll_out_policy("1", "  - { when: crash_loop_count > 3, do: rollback_release }\n");
  roll_out({.name = "m", .version = "1", .model_txt = "good 1"});
  roll_out({.name = "m", .version = "2", .model_txt = "good 2"});
  ASSERT_EVENTUALLY(
      10s, (agent(0).statsd("crash_loop_count:4|g\n"), agent(0).active_file("model", "model.txt") == "good 1"));
  ASSERT_EVENTUALLY(5s, device_state("gw-0") == "rolled_back");
}

// The demo's (e): a group's directive is obeyed by a device that was off when it was given.
TEST_F(Device, SafeModeReachesAnAbsentDevice) {
  open();
  for (const auto* name : {"de-1", "de-2"}) add_agent(name, {.region = "de"});
  add_agent("us-1", {.region = "us"});
  for (std::size_t i = 0; i < agent_count(); ++i) agent(i).start();
  for (std::size_t i = 0; i < agent_count(); ++i)
    ASSERT_EVENTUALLY(10s, device(agent(i).name()).value("reported", false));
  agent_named("de-2").kill_hard();
  ctl().must({"directive", "safe-mode", "--group", "region=de", "--reason", "bad labels"});
  ASSERT_EVENTUALLY(10s, device_state("de-1") == "safe_mode");
  ASSERT_EVENTUALLY(10s, agent_named("de-1").call_count("degraded") == 1);  // it may report before the command has run
  EXPECT_EQ(agent_named("de-2").call_count("degraded"), 0u);
  agent_named("de-2").start();
  ASSERT_EVENTUALLY(10s, device_state("de-2") == "safe_mode");
  ASSERT_EVENTUALLY(10s, agent_named("de-2").call_count("degraded") == 1);
  EXPECT_EQ(device_state("us-1"), "healthy");
  EXPECT_EQ(agent_named("us-1").call_count("degraded"), 0u);
  // It outlives the broker.
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(10s, device("de-1").value("connected", false) && device("de-2").value("connected", false));
  EXPECT_EQ(device_state("de-2"), "safe_mode");
  ctl().must({"directive", "resume", "--group", "region=de"});
  for (const auto* name : {"de-1", "de-2"}) {
    ASSERT_EVENTUALLY(10s, device_state(name) == "healthy");
    ASSERT_EVENTUALLY(10s, agent_named(name).call_count("normal") == 1);
  }
  EXPECT_EQ(audit_count("order.given"), 1u);
  EXPECT_EQ(audit_count("order.withdrawn"), 1u);
}

TEST_F(Device, ADirectiveBringsAPlaneBack) {
  open();
  start_fleet(3);
  roll_out({.name = "m", .version = "1", .model_txt = "good 1"});
  roll_out({.name = "m", .version = "2", .model_txt = "good 2"});
  agent(2).kill_hard();
  ctl().must({"directive", "rollback", "--fleet", "--plane", "model", "--release", "m@2", "--reason", "reads nothing"});
  ASSERT_EVENTUALLY(10s, agent(0).active_file("model", "model.txt") == "good 1" &&
                             agent(1).active_file("model", "model.txt") == "good 1");
  ASSERT_EVENTUALLY(5s, device("gw-0").at("planes").at("model").value("release", "") == "m@1");
  agent(2).start();
  ASSERT_EVENTUALLY(10s, agent(2).active_file("model", "model.txt") == "good 1");
  EXPECT_EVENTUALLY(5s, device_state("gw-2") == "rolled_back");
}

TEST_F(Device, AFrozenReleaseWaitsForItsThaw) {
  open();
  start_fleet(2);
  roll_out({.name = "m", .version = "1", .model_txt = "good 1"});
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  ctl().must({"directive", "freeze", "--device", "gw-0", "--plane", "model", "--release", "m@2", "--reason",
              "reads nothing here"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(10s, agent(1).active_file("model", "model.txt") == "good 2");
  ASSERT_EVENTUALLY(5s, count("m-2", "done") == 1);
  EXPECT_THAT(status("m-2").value("waiting_for", ""), HasSubstr("frozen"));
  EXPECT_TRUE(throughout(500ms, [&] { return agent(0).active_file("model", "model.txt") == "good 1"; }));
  ctl().must({"directive", "thaw", "--device", "gw-0", "--plane", "model", "--release", "m@2"});
  ASSERT_EVENTUALLY(10s, state("m-2") == "completed");
  EXPECT_EQ(agents_with("good 2"), 2u);
  // Frozen for all, nothing can be started with it.
  ctl().must({"directive", "freeze", "--fleet", "--plane", "model", "--release", "m@1"});
  const auto again =
      ctl().run({"rollout", "start", rule_file("m-1-again", rule("m-1-again", "{ model: m@1 }", one_wave))});
  EXPECT_EQ(again.exit_code, 10) << again.err;
  EXPECT_THAT(again.err, HasSubstr("thaw"));
}

TEST_F(Device, PausedUpdatesWaitForTheirEnd) {
  open();
  start_fleet(1);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  ctl().must({"directive", "pause-updates", "--device", "gw-0", "--reason", "on site work"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  EXPECT_TRUE(throughout(1s, [&] { return agent(0).active_digest("model").empty(); }));
  ctl().must({"directive", "resume", "--device", "gw-0"});
  ASSERT_EVENTUALLY(15s, state("m-1") == "completed");
}

// That the device refuses it too, whatever the broker says, is tested where brokers are evil and in the agent itself.
TEST_F(Device, WhatDoesNotFitIsNotAssigned) {
  open();
  start_fleet(1);
  struct Case {
    std::string name, more, why;
  };
  const std::vector<Case> cases = {
      {"wrong-class", "compatible: { class: [esp32] }\n", "is made for class esp32"},
      {"wants-memory", "compatible: { memory_mb: \">= 4096\" }\n", "needs 4096 MiB"},
      {"wants-gpu", "compatible: { accelerators: [gpu] }\n", "needs the accelerator gpu"},
      {"wants-runtime", "compatible: { runtime: rknn-2.0 }\n", "needs the runtime rknn-2.0"},
      {"wants-config", "requires: { config: \">= 3.0.0\" }\n", "needs config >= 3.0.0"}};
  for (const auto& one : cases) {
    make_release({.name = one.name, .version = "1", .more = one.more});
    start_rollout(one.name, rule(one.name, "{ model: " + one.name + "@1 }", one_wave));
    EXPECT_EQ(count(one.name, "targets"), 0) << one.name;
    const auto why = ctl().json({"rollout", "why", "gw-0"}).at("rollouts").at(0);
    EXPECT_EQ(why.value("rollout", ""), one.name);
    EXPECT_THAT(why.value("why", ""), HasSubstr(one.why));
    ctl().must({"rollout", "abort", one.name, "--keep"});
  }
  EXPECT_FALSE(agent(0).log_has("idle -> fetching"));
  EXPECT_EQ(agent(0).active_digest("model"), "");
}

TEST_F(Device, ProbesOfEveryKindDecide) {
  open();
  start_fleet(1);
  roll_out({.name = "file-ok", .version = "1", .probes = "[{ file: model.txt }]"});
  make_release(
      {.name = "file-no", .version = "1", .probes = "[{ file: ready, attempts: 2, interval: 100ms, timeout: 1s }]"});
  make_release({.name = "http-no",
                .version = "1",
                .probes = "[{ http: \"http://127.0.0.1:" + std::to_string(free_port()) + "/healthz\", timeout: 1s }]"});
  make_release({.name = "exec-no", .version = "1", .probes = "[{ exec: rm, timeout: 1s }]"});
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"file-no", "probe_failed"}, {"http-no", "probe_failed"}, {"exec-no", "probe_not_allowed"}};
  for (const auto& [name, error] : expected) {
    start_rollout(name, rule(name, "{ model: " + name + "@1 }", one_wave));
    ASSERT_EVENTUALLY(15s, state(name) == "halted") << name;
    EXPECT_EQ(status(name).at("failures")[0].value("error", ""), error);
    ctl().must({"rollout", "abort", name, "--keep"});
    EXPECT_EQ(device("gw-0").at("planes").at("model").value("release", ""), "file-ok@1");
  }
  expect_reports();
}

// Code around the model that is not what it was made with: the numbers would mean something else.
TEST_F(Device, APipelineThatIsNotTheReleasesSendsItBack) {
  open();
  const auto pipeline = [&](const std::string& id, const std::string& code) {
    const auto file = folder_.file(id + ".py");
    write_text(file, code);
    add_agent(id, {.more_config = "pipeline: [" + file + "]\n"}).start();
  };
  pipeline("gw-0", "resize 640\n");
  pipeline("gw-1", "resize 320\n");
  ASSERT_EVENTUALLY(10s, device("gw-0").value("connected", false) && device("gw-1").value("connected", false));
  const std::string checksum = "af826dc1af2f9f47e09178e897ac61b9081208596b6af18237e42f3856408577";  // of gw-0's
  make_release({.name = "m", .version = "1", .more = "runtime: { pipeline_checksum: " + checksum + " }\n"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave, "true", "halt: { failed_devices: 2 }\n"));
  ASSERT_EVENTUALLY(20s, count("m-1", "done") == 1 && count("m-1", "failed") == 1);
  EXPECT_EQ(device("gw-0").at("planes").at("model").value("release", ""), "m@1");
  EXPECT_TRUE(device("gw-1").at("planes").at("model").at("release").is_null());
  const auto failure = status("m-1").at("failures")[0];
  EXPECT_EQ(failure.value("device", ""), "gw-1");
  EXPECT_EQ(failure.value("error", ""), "incompatible");
  EXPECT_THAT(failure.value("detail", ""), HasSubstr("another pipeline: its checksum is " + checksum.substr(0, 12)));
}

// Measurements taken while the broker is away arrive when it is back.
TEST_F(Device, ReportsWaitForTheBroker) {
  open();
  start_fleet(1);
  const auto summaries = [&] { return metrics().at("messages").value("health", 0L); };
  ASSERT_EVENTUALLY(10s, summaries() > 0);
  broker().kill_hard();
  const auto spooled = [&] {
    return files_below(agent(0).data_dir() + "/spool").size() + bytes_below(agent(0).data_dir() + "/spool");
  };
  const auto before = spooled();
  ASSERT_EVENTUALLY(10s, spooled() > before);
  agent(0).kill_hard();  // and they survive the agent's end
  agent(0).start();
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(10s, summaries() > 0);
}

TEST_F(Device, ADeadConnectionIsSeenByObservers) {
  open();
  start_fleet(1);
  auto viewer = operator_session("viewer");
  const std::string topic = "muster/v1/device/gw-0/link";
  ASSERT_TRUE(viewer->subscribe(topic));
  const auto is = [](const std::string& text) {
    return [text](const host::MqttMessage& m) { return ByteView(m.payload).text() == text; };
  };
  ASSERT_TRUE(viewer->wait_for(topic, 5s, is("1")).has_value());
  viewer->forget();
  agent(0).kill_hard();
  ASSERT_TRUE(viewer->wait_for(topic, 5s, is("0")).has_value());
  EXPECT_EVENTUALLY(5s, !device("gw-0").value("connected", true));
}

TEST_F(Device, TheAgentStartsOnlyWithARightConfiguration) {
  open();
  struct Case {
    std::vector<std::string> args;
    std::string says;
  };
  auto& agent = add_agent("gw-x");
  const auto good = read_text(agent.config_file());
  const auto variant = [&](const std::string& name, const std::string& from, const std::string& to) {
    auto text = good;
    text.replace(text.find(from), from.size(), to);
    write_text(agent.folder() + "/" + name, text);
    return agent.folder() + "/" + name;
  };
  const std::vector<Case> cases = {
      {{"--colour"}, "--colour"},
      {{"--config", folder_.file("none.yaml")}, "none.yaml"},
      {{"--config", variant("unknown.yaml", "data_dir: data", "data_dir: data\ndata_dirs: x")}, "data_dirs"},
      {{"--config", variant("type.yaml", "health_interval: 1s", "health_interval: soon")}, "health_interval"},
      {{"--config", variant("name.yaml", "device_id: gw-x", "device_id: gw/x")}, "device_id"},
      {{"--config", variant("root.yaml", "root.menv", "none.menv")}, "none.menv"},
      {{"--config", variant("cert.yaml", "ca.crt", "none.crt")}, "none.crt"},
      {{"--config", variant("syntax.yaml", "planes:", "planes: [")}, "syntax.yaml"}};
  for (auto [args, says] : cases) {
    args.insert(args.begin(), programs::edge);
    const auto finished = run(args, 5s, agent.folder());
    EXPECT_GT(finished.exit_code, 0) << says;
    EXPECT_LT(finished.exit_code, 126) << says << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(says));
  }
  EXPECT_FALSE(exists(agent.data_dir() + "/journal"));
  // Two agents with one data folder would undo each other's work.
  agent.start();
  ASSERT_EVENTUALLY(10s, device("gw-x").value("reported", false));
  const auto second = run({programs::edge, "--config", agent.config_file()}, 5s, agent.folder());
  EXPECT_GT(second.exit_code, 0);
  EXPECT_TRUE(agent.running());
}

}  // namespace
}  // namespace muster::e2e
