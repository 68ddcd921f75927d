#include "examples/reader/recogniser.h"

#include <random>

#include "examples/reader/label_image.h"
#include "examples/reader/label_texts.h"
#include "examples/reader/rehearsal.h"
#include "examples/reader/score.h"
#include "tests/unit/reader/reader_fixture.h"

namespace muster::reader {
namespace {

using testing::models_dir;
using testing::TemporaryFolder;

std::vector<Label> draw_labels(const TemporaryFolder& folder, std::string_view region) {
  for (const auto& label : label_texts(region)) {
    const auto stem = (folder.path() / label.name).string();
    const auto drawn = draw_label(label.lines, stem + ".png");
    EXPECT_TRUE(drawn) << drawn.error().message;
    testing::write_all(stem + ".txt", std::string(label.lines[0]) + "\n" + std::string(label.lines[1]) + "\n");
  }
  auto labels = load_labels(folder.path().string());
  EXPECT_TRUE(labels);
  return labels ? *labels : std::vector<Label>();
}

double edits_of(const std::string& language, std::string_view region) {
  const TemporaryFolder folder;
  auto recogniser = Recogniser::load(models_dir + language + ".traineddata");
  EXPECT_TRUE(recogniser) << recogniser.error().message;
  std::vector<Reading> readings;
  for (const auto& label : draw_labels(folder, region)) {
    auto reading = read_label(*recogniser, label);
    EXPECT_TRUE(reading) << reading.error().message;
    EXPECT_GT(reading->ms, 0);
    readings.push_back(*reading);
  }
  EXPECT_EQ(readings.size(), label_texts(region).size());
  return edits_per_hundred(readings);
}

// What the demo's rollouts are about: the German model is better on German labels and no worse on English ones.
TEST(Recogniser, TheGermanModelReadsGermanLabelsBetter) {
  EXPECT_GE(edits_of("eng", "de"), 5);
  EXPECT_LE(edits_of("deu", "de"), 1.5);
}

TEST(Recogniser, BothModelsReadEnglishLabels) {
  EXPECT_LE(edits_of("eng", "us"), 0.5);
  EXPECT_LE(edits_of("deu", "us"), 0.5);
}

TEST(Recogniser, LoadingTakesMeasuredTime) {
  const auto recogniser = Recogniser::load(models_dir + "deu.traineddata");
  ASSERT_TRUE(recogniser);
  EXPECT_GT(recogniser->load_time_ms(), 0.1);
  EXPECT_TRUE(Recogniser::runtime_version().starts_with("tesseract-5"));
}

TEST(Recogniser, SaysWhichFileItCannotUse) {
  const TemporaryFolder folder;
  const auto absent = Recogniser::load((folder.path() / "none.traineddata").string());
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message.find("none.traineddata"), std::string::npos);

  testing::write_all(folder.path() / "text.traineddata", "not a model at all");
  const auto foreign = Recogniser::load((folder.path() / "text.traineddata").string());
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("damaged"), std::string::npos);

  auto good = Recogniser::load(models_dir + "deu.traineddata");
  ASSERT_TRUE(good);
  const auto no_image = good->read((folder.path() / "text.traineddata").string());
  ASSERT_FALSE(no_image);
  EXPECT_NE(no_image.error().message.find("PNG"), std::string::npos);
}

// Whatever a damaged model does to Tesseract, it does to a child.
TEST(Recogniser, SurvivesModelsCutAnywhere) {
  const TemporaryFolder folder;
  const auto whole = testing::read_all(models_dir + "deu.traineddata");
  constexpr unsigned seed = 7;
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::size_t> length(0, whole.size() - 1);
  for (int i = 0; i < 12; ++i) {
    const auto len = i == 0 ? 0 : length(random);
    const auto path = folder.path() / "cut.traineddata";
    testing::write_all(path, whole.substr(0, len));
    EXPECT_FALSE(rehearse_load(path.string())) << "seed " << seed << ", cut to " << len << " bytes";
  }
}

}  // namespace
}  // namespace muster::reader
