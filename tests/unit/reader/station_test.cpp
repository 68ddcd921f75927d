#include "examples/reader/station.h"

#include "examples/reader/label_image.h"
#include "examples/reader/label_texts.h"
#include "tests/unit/reader/reader_fixture.h"

namespace muster::reader {
namespace {

using testing::MetricSocket;
using testing::TemporaryFolder;

class StationTest : public ::testing::Test {
 protected:
  StationTest() : agent_(folder_.path() / "statsd.sock") {
    auto sender = StatsdSender::open((folder_.path() / "statsd.sock").string());
    if (sender) sender_ = std::move(*sender);
    for (const auto& label : label_texts("us").first(2)) {
      const auto image = (folder_.path() / (std::string(label.name) + ".png")).string();
      EXPECT_TRUE(draw_label(label.lines, image));
      labels_.push_back(
          {std::string(label.name), image, std::string(label.lines[0]) + " " + std::string(label.lines[1])});
    }
  }

  Station make() { return {(folder_.path() / "active").string(), labels_, &*sender_, log_}; }

  // One label passes; the metrics that came of it.
  std::string step(Station& station) {
    station.label_passes();
    return agent_.receive();
  }

  static bool has(const std::string& datagram, const std::string& line) {
    return ("\n" + datagram + "\n").find("\n" + line) != std::string::npos;
  }

  TemporaryFolder folder_;
  MetricSocket agent_;
  std::optional<StatsdSender> sender_;
  std::vector<Label> labels_;
  std::vector<std::string> lines_;
  host::Log log_{[this](host::LogLevel, const std::string& line) { lines_.push_back(line); }};
};

TEST_F(StationTest, WaitsForAModelAndTakesItWhenItComes) {
  auto station = make();
  const auto waiting = step(station);
  EXPECT_TRUE(has(waiting, "model_loaded:0.000|g")) << waiting;
  EXPECT_FALSE(has(waiting, "p50_ms:")) << waiting;
  EXPECT_FALSE(has(waiting, "delegate_active:")) << "nothing runs no model:\n" << waiting;
  EXPECT_TRUE(has(waiting, "peak_ram_mb:"));

  folder_.activate(folder_.make_slot("one", "eng"));
  const auto reading = step(station);
  for (const auto* name : {"model_loaded:1.000|g", "load_time_ms:", "p50_ms:", "p95_ms:", "edit_distance:0.000|g",
                           "inference_ms:", "peak_ram_mb:", "delegate_active:cpu|s"}) {
    EXPECT_TRUE(has(reading, name)) << name << " in\n" << reading;
  }
}

TEST_F(StationTest, ABadModelIsCountedOnceAndTheOneBeforeReadsOn) {
  auto station = make();
  const auto good = folder_.make_slot("good", "eng");
  folder_.activate(good);
  step(station);
  folder_.activate(folder_.make_slot("cut", "eng", 500000));
  const auto failed = step(station);
  EXPECT_TRUE(has(failed, "load_failed:1|c")) << failed;
  EXPECT_TRUE(has(failed, "inference_ms:")) << "it goes on reading:\n" << failed;
  EXPECT_FALSE(has(step(station), "load_failed")) << "the same link is not tried again";

  station.look_again();
  EXPECT_TRUE(has(step(station), "load_failed:1|c")) << "unless it is told to";

  folder_.activate(good);
  const auto mended = step(station);
  EXPECT_FALSE(has(mended, "load_failed")) << mended;
  ASSERT_FALSE(lines_.empty());
  EXPECT_NE(lines_.back().find("loaded "), std::string::npos);
}

TEST_F(StationTest, AFailureIsNotLostWhileTheAgentIsAway) {
  StatsdSender lost = std::move(*StatsdSender::open((folder_.path() / "elsewhere.sock").string()));
  Station station((folder_.path() / "active").string(), labels_, &lost, log_);
  folder_.activate(folder_.make_slot("cut", "eng", 1000));
  station.label_passes();
  MetricSocket late(folder_.path() / "elsewhere.sock");
  station.label_passes();
  EXPECT_TRUE(has(late.receive(), "load_failed:1|c"));
}

TEST_F(StationTest, DegradedModeReadsOneLabelInFour) {
  auto station = make();
  folder_.activate(folder_.make_slot("one", "eng"));
  station.set_degraded(true);
  EXPECT_TRUE(has(agent_.receive(), "degraded:1.000|g"));
  int read = 0;
  for (unsigned i = 0; i < 2 * degraded_share; ++i) {
    if (has(step(station), "inference_ms:")) ++read;
  }
  EXPECT_EQ(read, 2);
  station.set_degraded(false);
  EXPECT_TRUE(has(agent_.receive(), "degraded:0.000|g"));
  EXPECT_TRUE(has(step(station), "inference_ms:"));
  EXPECT_TRUE(has(step(station), "inference_ms:"));
}

TEST_F(StationTest, AnImageThatCannotBeReadIsCounted) {
  testing::write_all(labels_[0].image_path, "no image");
  auto station = make();
  folder_.activate(folder_.make_slot("one", "eng"));
  EXPECT_TRUE(has(step(station), "read_failed:1|c"));
}

}  // namespace
}  // namespace muster::reader
