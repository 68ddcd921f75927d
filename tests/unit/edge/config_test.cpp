// The configuration file: what is right, and what every mistake is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge-client/shell/config.h"
#include "tests/unit/edge/folder.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    for (const auto* name : {"ca.crt", "gw.crt", "gw.key"}) folder.write(name, "x");
  }
  tl::expected<Config, Error> load(const std::string& text) { return load_config(folder.write("edge.yaml", text)); }
  std::string problem(const std::string& text) {
    const auto config = load(text);
    EXPECT_FALSE(config.has_value()) << text;
    if (config) return {};
    EXPECT_EQ(config.error().kind, ErrorKind::usage);
    return config.error().message;
  }
  // The good file with one piece replaced.
  std::string with(const std::string& from, const std::string& to) {
    auto text = good;
    EXPECT_NE(text.find(from), std::string::npos) << from;
    return text.replace(text.find(from), from.size(), to);
  }
  Folder folder;
  const std::string good = R"(device_id: gw-17
broker: { host: broker.example, ca: ca.crt, cert: gw.crt, key: gw.key }
data_dir: data
root: root.menv
facts: { class: rk3566, region: eu, memory_mb: 2048, tags: [lab], accelerators: [npu], runtimes: [rknn-2.0] }
statsd_socket: run/statsd.sock
health_interval: 30s
backoff: { first: 250ms, max: 2m }
slo_ms: 50.5
planes:
  model: { installer: slot, notify: [/usr/bin/true, reload] }
  firmware: { installer: exec, command: [tools/install], timeout: 5m }
probes: { golden: [golden-replay, --quick] }
workload: { restart: [a], degraded: [b], normal: [c] }
)";
};

TEST_F(ConfigFile, APipelineIsAListOfFilesInTheirOrder) {
  const auto config = load(good + "pipeline: [ post.py, /opt/reader/../pre.py ]\n");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_THAT(config->pipeline, ElementsAre(folder.file("post.py"), "/opt/pre.py"));
  EXPECT_TRUE(load(good)->pipeline.empty());
  std::string many = "[a";
  for (std::size_t i = 1; i < pipeline_files_max; ++i) many += ", a";
  EXPECT_TRUE(load(good + "pipeline: " + many + "]\n").has_value());
  for (const auto& wrong : {std::string("[]"), std::string("pre.py"), std::string("[ [a] ]"), many + ", a]"})
    EXPECT_THAT(problem(good + "pipeline: " + wrong + "\n"), HasSubstr("pipeline must be a list of 1 to 16 files"));
}

TEST_F(ConfigFile, AGoodOneIsRead) {
  const auto config = load(good);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->device_id, "gw-17");
  EXPECT_EQ(config->broker.port, 8883);
  EXPECT_EQ(config->broker.keepalive_s, 60u);
  EXPECT_EQ(config->broker.ca, folder.file("ca.crt"));
  EXPECT_EQ(config->data_dir, folder.file("data"));
  EXPECT_EQ(config->statsd_socket, folder.file("run/statsd.sock"));
  EXPECT_EQ(config->health_interval_ms, 30000u);
  EXPECT_EQ(config->backoff_first_ms, 250u);
  EXPECT_EQ(config->backoff_max_ms, 120000u);
  EXPECT_EQ(config->slo_ms, 50.5);
  EXPECT_THAT(config->facts.tags, ElementsAre("lab"));
  EXPECT_THAT(config->facts.runtimes, ElementsAre("rknn-2.0"));
  ASSERT_TRUE(config->planes[1].has_value());
  EXPECT_THAT(config->planes[1]->notify, ElementsAre("/usr/bin/true", "reload"));
  ASSERT_TRUE(config->planes[0].has_value());
  EXPECT_THAT(config->planes[0]->command, ElementsAre(folder.file("tools/install")));
  EXPECT_EQ(config->planes[0]->timeout_ms, 300000u);
  EXPECT_FALSE(config->planes[2].has_value());
  EXPECT_THAT(config->probes.at("golden"), ElementsAre("golden-replay", "--quick"));
  EXPECT_EQ(config->shadow.nice, 10u) << "out of the way unless told";
  EXPECT_EQ(config->shadow.grace_ms, 10000u);
}

TEST_F(ConfigFile, SaysHowAShadowRuns) {
  const auto config = load(good + "shadow: { nice: 19, grace: 500ms }\n");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->shadow.nice, 19u);
  EXPECT_EQ(config->shadow.grace_ms, 500u);
  EXPECT_THAT(problem(good + "shadow: { nice: 20 }\n"), HasSubstr("nice must be a whole number from 0 to 19"));
  EXPECT_THAT(problem(good + "shadow: { nice: -5 }\n"), HasSubstr("nice must be")) << "never before the active one";
  EXPECT_THAT(problem(good + "shadow: { grace: 1d }\n"), HasSubstr("grace must be from 0ms to 600s"));
  EXPECT_THAT(problem(good + "shadow: { command: [a] }\n"), HasSubstr("unknown key 'command' in shadow"));
}

TEST_F(ConfigFile, EveryMistakeHasItsPlaceAndItsRemedy) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"data_dir: data", "data_dirs: data", ":3:1: unknown key 'data_dirs'"},
      {"device_id: gw-17", "device_id: gw/17", ":1:12: device_id must be"},
      {"device_id: gw-17\n", "", "key 'device_id' is missing"},
      {"host: broker.example, ", "", "key 'host' is missing"},
      {"ca: ca.crt", "ca: none.crt", "none.crt: No such file"},
      {"host: broker.example", "host: broker.example, port: 0", "port must be a whole number from 1 to 65535"},
      {"health_interval: 30s", "health_interval: soon", ":7:18: health_interval must be a duration"},
      {"health_interval: 30s", "health_interval: 30", "such as 500ms, 60s"},
      {"health_interval: 30s", "health_interval: 1ms", "health_interval must be from"},
      {"first: 250ms", "first: 5m", "backoff.first is longer"},
      {"slo_ms: 50.5", "slo_ms: -1", "slo_ms must be"},
      {"tags: [lab]", "tags: lab", "tags must be a list"},
      {"tags: [lab]", "tags: [\"a b\"]", "tags must be a list"},
      {"memory_mb: 2048", "memory_mb: lots", "memory_mb must be a whole number"},
      {"class: rk3566, ", "", "key 'class' is missing"},
      {"model:", "modle:", "unknown key 'modle' in planes"},
      {"installer: slot", "installer: magic", "installer must be slot or exec"},
      {"[/usr/bin/true, reload]", "\"true; reboot\"", "notify must be a list"},
      {"notify: [/usr/bin/true, reload]", "command: [x]", "command belongs to installer: exec"},
      {"command: [tools/install], ", "", "key 'command' is missing"},
      {"golden:", "\"go lden\":", "the name of a probe"},
      {"workload: {", "workload: { reboot: [x],", "unknown key 'reboot'"},
      {"root: root.menv", "root: root.menv\nroot: again", "given twice"},
      {"planes:", "planes: [", "end of sequence"}};
  for (const auto& [from, to, says] : cases) {
    EXPECT_THAT(problem(with(from, to)), HasSubstr(says));
    EXPECT_THAT(problem(with(from, to)), HasSubstr(folder.file("edge.yaml")));
  }
}

TEST_F(ConfigFile, AKeyThatEverybodyMayReadIsRefused) {
  std::filesystem::permissions(folder.file("gw.key"), std::filesystem::perms(0644));
  EXPECT_THAT(problem(good), HasSubstr(":2:"));
  EXPECT_THAT(problem(good), HasSubstr("gw.key is open to everybody on this machine (mode 0644): chmod 600"));
  std::filesystem::permissions(folder.file("gw.key"), std::filesystem::perms(0640));
  EXPECT_TRUE(load(good).has_value()) << "the agent's group may";
}

TEST_F(ConfigFile, AllMistakesAreSaidAtOnce) {
  const auto text = problem("device_id: /\nbroker: 3\nfacts: []\nplanes: {}\n");
  for (const auto* says : {"device_id", "broker must be a mapping", "facts must be a mapping", "at least one",
                           "'data_dir' is missing", "'root' is missing"}) {
    EXPECT_THAT(text, HasSubstr(says));
  }
}

TEST_F(ConfigFile, WhatIsNoMappingOrNoFileIsSaid) {
  EXPECT_THAT(problem(""), HasSubstr("mapping"));
  EXPECT_THAT(problem("- a\n- b\n"), HasSubstr("mapping"));
  EXPECT_THAT(problem(std::string("\0\xff\xfe", 3)), HasSubstr("edge.yaml"));
  const auto missing = load_config(folder.file("none.yaml"));
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().message, HasSubstr("none.yaml"));
}

TEST_F(ConfigFile, ASocketsPathHasALimit) {
  EXPECT_THAT(problem(with("run/statsd.sock", std::string(120, 's'))), HasSubstr("longer than a socket's path"));
}

// CTest runs tests in the tree's top folder.
TEST_F(ConfigFile, TheExampleIsOne) {
  std::ifstream file("edge-client/muster-edge.yaml.example");
  std::stringstream text;
  text << file.rdbuf();
  for (const auto* name : {"gw-17.crt", "gw-17.key"}) folder.write(name, "x");
  const auto config = load(text.str());
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->device_id, "gw-17");
}

}  // namespace
}  // namespace muster::edge
