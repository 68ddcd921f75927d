// The three programs as the agent, the demo and a person run them.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/unit/reader/reader_fixture.h"

extern char** environ;

namespace muster::reader {
namespace {

using testing::MetricSocket;
using testing::read_all;
using testing::TemporaryFolder;
using testing::fs::path;

class ProgramTest : public ::testing::Test {
 protected:
  // Starts a program; its output goes to `out` and `err` in the test's folder.
  pid_t start(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = -1;
    EXPECT_EQ(posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
  }

  static int wait_for_end(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  int run(std::vector<std::string> arguments) { return wait_for_end(start(std::move(arguments))); }

  path make_labels(const std::string& region) {
    const auto labels = folder_.path() / ("labels-" + region);
    EXPECT_EQ(run({LABEL_MAKER, "--region", region, "--out", labels.string()}), 0) << read_all(err());
    return labels;
  }

  [[nodiscard]] path out() const { return folder_.path() / "out"; }
  [[nodiscard]] path err() const { return folder_.path() / "err"; }

  TemporaryFolder folder_;
};

TEST_F(ProgramTest, LabelMakerMakesTheSameBytesTwice) {
  for (const std::string region : {"us", "de"}) {
    const auto first = make_labels(region);
    std::vector<std::string> bytes;
    for (const auto& file : testing::fs::directory_iterator(first))
      bytes.push_back(file.path().filename().string() + read_all(file));
    EXPECT_EQ(bytes.size(), 10U);
    testing::fs::remove_all(first);
    make_labels(region);
    std::vector<std::string> again;
    for (const auto& file : testing::fs::directory_iterator(first))
      again.push_back(file.path().filename().string() + read_all(file));
    std::sort(bytes.begin(), bytes.end());
    std::sort(again.begin(), again.end());
    EXPECT_TRUE(bytes == again) << region;
  }
}

TEST_F(ProgramTest, WrongUsageExitsTwoAndHelpZero) {
  EXPECT_EQ(run({LABEL_MAKER, "--region", "fr", "--out", folder_.path().string()}), 2);
  EXPECT_EQ(run({READER_PROBE}), 2);
  EXPECT_EQ(run({MUSTER_READER, "--interval", "soon", "--model-dir", "x", "--labels", "x"}), 2);
  for (const std::string program : {LABEL_MAKER, READER_PROBE, MUSTER_READER}) {
    EXPECT_EQ(run({program, "--help"}), 0);
    EXPECT_NE(read_all(out()).find("--labels") != std::string::npos, program == LABEL_MAKER) << read_all(out());
  }
}

TEST_F(ProgramTest, TheProbePassesBothModelsOnTheLabels) {
  const auto labels = make_labels("de");
  for (const std::string language : {"deu", "eng"}) {
    const auto slot = folder_.make_slot(language, language);
    EXPECT_EQ(run({READER_PROBE, "--labels", labels.string(), slot.string()}), 0) << read_all(err());
  }
}

TEST_F(ProgramTest, TheProbeFailsACutModelWithASentence) {
  const auto labels = make_labels("de");
  const auto slot = folder_.make_slot("cut", "deu", 600000);
  EXPECT_EQ(run({READER_PROBE, "--labels", labels.string(), slot.string()}), 1);
  EXPECT_NE(read_all(err()).find("reader-probe: "), std::string::npos);
  EXPECT_NE(read_all(err()).find("deu.traineddata"), std::string::npos) << read_all(err());
}

TEST_F(ProgramTest, TheProbeFailsAModelThatReadsTooBadly) {
  const auto labels = make_labels("de");
  const auto slot = folder_.make_slot("eng", "eng");
  EXPECT_EQ(run({READER_PROBE, "--labels", labels.string(), "--max-edits", "2", slot.string()}), 1);
  EXPECT_NE(read_all(err()).find("edits per hundred"), std::string::npos) << read_all(err());
}

TEST_F(ProgramTest, TheProbePrefersTheGoldenLabelsOfTheRelease) {
  const auto labels = make_labels("us");
  const auto slot = folder_.make_slot("eng", "eng");
  EXPECT_EQ(run({READER_PROBE, "--labels", labels.string(), "--max-edits", "2", slot.string()}), 0) << read_all(err());
  testing::fs::copy(make_labels("de"), slot / "golden");
  EXPECT_EQ(run({READER_PROBE, "--labels", labels.string(), "--max-edits", "2", slot.string()}), 1);
  EXPECT_NE(read_all(err()).find("edits per hundred"), std::string::npos) << read_all(err());
}

TEST_F(ProgramTest, OncePrintsWhatItMeasured) {
  const auto labels = make_labels("de");
  const auto slot = folder_.make_slot("deu", "deu");
  ASSERT_EQ(run({MUSTER_READER, "--once", "--model-dir", slot.string(), "--labels", labels.string()}), 0)
      << read_all(err());
  const auto report = nlohmann::json::parse(read_all(out()));
  EXPECT_LE(report.at("edit_distance").get<double>(), 1.5);
  EXPECT_GT(report.at("load_time_ms").get<double>(), 0);
  EXPECT_LE(report.at("p50_ms").get<double>(), report.at("p95_ms").get<double>());
  EXPECT_GT(report.at("peak_ram_mb").get<double>(), 1);
  EXPECT_EQ(report.at("labels").size(), 5U);
}

TEST_F(ProgramTest, OnceWithoutAModelFailsWithASentence) {
  const auto labels = make_labels("us");
  EXPECT_EQ(
      run({MUSTER_READER, "--once", "--model-dir", (folder_.path() / "none").string(), "--labels", labels.string()}),
      1);
  EXPECT_NE(read_all(err()).find("muster-reader: no slot at"), std::string::npos) << read_all(err());
}

TEST_F(ProgramTest, TheReaderObeysSignalsAndEndsInOrder) {
  const auto labels = make_labels("us");
  MetricSocket agent(folder_.path() / "statsd.sock");
  const auto active = folder_.activate(folder_.make_slot("cut", "eng", 500000));
  const auto reader = start({MUSTER_READER, "--model-dir", active.string(), "--labels", labels.string(), "--interval",
                             "20ms", "--statsd", (folder_.path() / "statsd.sock").string()});
  EXPECT_TRUE(agent.wait_for("load_failed:1|c")) << read_all(err());
  kill(reader, SIGHUP);
  EXPECT_TRUE(agent.wait_for("load_failed:1|c")) << "SIGHUP makes it look again";
  folder_.activate(folder_.make_slot("good", "eng"));
  EXPECT_TRUE(agent.wait_for("model_loaded:1.000|g")) << "the flipped link is enough, too";
  kill(reader, SIGUSR1);
  EXPECT_TRUE(agent.wait_for("degraded:1.000|g"));
  kill(reader, SIGUSR2);
  EXPECT_TRUE(agent.wait_for("degraded:0.000|g"));
  kill(reader, SIGTERM);
  EXPECT_EQ(wait_for_end(reader), 0) << read_all(err());
}

}  // namespace
}  // namespace muster::reader
