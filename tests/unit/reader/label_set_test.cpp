#include "examples/reader/label_set.h"

#include "tests/unit/reader/reader_fixture.h"

namespace muster::reader {
namespace {

using testing::TemporaryFolder;
using testing::write_all;

TEST(LabelSet, ReadsPairsByName) {
  const TemporaryFolder folder;
  write_all(folder.path() / "b.png", "");
  write_all(folder.path() / "b.txt", "Süße\nÄpfel\n");
  write_all(folder.path() / "a.png", "");
  write_all(folder.path() / "a.txt", "one");
  write_all(folder.path() / "notes.md", "not a label");
  const auto labels = load_labels(folder.path().string());
  ASSERT_TRUE(labels) << labels.error().message;
  ASSERT_EQ(labels->size(), 2U);
  EXPECT_EQ((*labels)[0].name, "a");
  EXPECT_EQ((*labels)[1].known, "Süße Äpfel");
  EXPECT_EQ((*labels)[1].image_path, (folder.path() / "b.png").string());
}

TEST(LabelSet, NamesWhatIsMissing) {
  const TemporaryFolder folder;
  const auto none = load_labels((folder.path() / "absent").string());
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("absent"), std::string::npos);

  const auto empty = load_labels(folder.path().string());
  ASSERT_FALSE(empty);
  EXPECT_NE(empty.error().message.find("label-maker"), std::string::npos);

  write_all(folder.path() / "a.png", "");
  const auto textless = load_labels(folder.path().string());
  ASSERT_FALSE(textless);
  EXPECT_NE(textless.error().message.find("a.txt"), std::string::npos);

  write_all(folder.path() / "a.txt", " \n");
  const auto wordless = load_labels(folder.path().string());
  ASSERT_FALSE(wordless);
  EXPECT_NE(wordless.error().message.find("known text"), std::string::npos);

  write_all(folder.path() / "a.txt", std::string(label_text_len_max + 1, 'x'));
  EXPECT_FALSE(load_labels(folder.path().string()));
}

TEST(LabelSet, RefusesTooManyLabels) {
  const TemporaryFolder folder;
  for (std::size_t i = 0; i <= labels_max; ++i) {
    write_all(folder.path() / (std::to_string(i) + ".png"), "");
    write_all(folder.path() / (std::to_string(i) + ".txt"), "text");
  }
  EXPECT_FALSE(load_labels(folder.path().string()));
  testing::fs::remove(folder.path() / "0.png");
  EXPECT_TRUE(load_labels(folder.path().string()));
}

}  // namespace
}  // namespace muster::reader
