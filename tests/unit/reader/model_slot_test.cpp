#include "examples/reader/model_slot.h"

#include "tests/unit/reader/reader_fixture.h"

namespace muster::reader {
namespace {

using testing::TemporaryFolder;
using testing::write_all;

TEST(ModelSlot, FindsTheOnlyModel) {
  const TemporaryFolder folder;
  write_all(folder.path() / "slot/deu.traineddata", "x");
  write_all(folder.path() / "slot/manifest.menv", "x");
  const auto model = find_model((folder.path() / "slot").string());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(*model, (folder.path() / "slot/deu.traineddata").string());
}

TEST(ModelSlot, RefusesNoneAndSeveral) {
  const TemporaryFolder folder;
  const auto slot = folder.path() / "slot";
  const auto absent = find_model(slot.string());
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);

  write_all(slot / "manifest.menv", "x");
  const auto none = find_model(slot.string());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::invalid);

  write_all(slot / "deu.traineddata", "x");
  write_all(slot / "eng.traineddata", "x");
  const auto several = find_model(slot.string());
  ASSERT_FALSE(several);
  EXPECT_NE(several.error().message.find("more than one"), std::string::npos);
}

TEST(ModelSlot, TheTargetFollowsTheLink) {
  const TemporaryFolder folder;
  const auto link = folder.path() / "active";
  EXPECT_EQ(slot_target(link.string()), "");
  write_all(folder.path() / "slots/a/x", "");
  write_all(folder.path() / "slots/b/x", "");
  folder.activate("slots/a");
  EXPECT_TRUE(slot_target(link.string()).ends_with("/slots/a"));
  folder.activate("slots/b");
  EXPECT_TRUE(slot_target(link.string()).ends_with("/slots/b"));
}

}  // namespace
}  // namespace muster::reader
