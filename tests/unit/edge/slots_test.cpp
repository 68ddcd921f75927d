// Slots and links on a real file system, with the work cut off at every system call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge-client/shell/slots.h"
#include "tests/unit/edge/folder.h"
#include "tests/unit/edge/power.h"
#include "tests/unit/edge/signed_world.h"

namespace muster::edge {
namespace {

namespace fs = std::filesystem;

class Slots : public testing::Test {
 protected:
  Slots() {
    EXPECT_TRUE(store.prepare(Plane::model));
    for (int i = 1; i <= 3; ++i) {
      releases.push_back(world.release(
          "m", std::to_string(i), Plane::model,
          {{"model.bin", "weights " + std::to_string(i)}, {"deep/er/labels.txt", "a b c"}, {"twin.txt", "a b c"}}));
    }
  }
  void download(const SignedRelease& release) {
    for (const auto& [name, text] : release.files) {
      const auto path = store.partial_path(Plane::model, sha256_of(text));
      fs::remove(path);
      std::ofstream(path, std::ios::binary) << text;
    }
  }
  void make(const SignedRelease& release) {
    download(release);
    ASSERT_TRUE(store.build(release.manifest));
  }
  [[nodiscard]] const Sha256& id(std::size_t i) const { return releases[i].manifest.info.manifest; }

  SignedWorld world;
  Folder folder;
  SlotStore store{folder.path()};
  std::vector<SignedRelease> releases;
};

TEST_F(Slots, ABuiltSlotHoldsTheFilesAndTheirManifest) {
  make(releases[0]);
  EXPECT_TRUE(store.has(Plane::model, id(0)));
  const auto checked = store.check(Plane::model, id(0));
  ASSERT_TRUE(checked.has_value()) << checked.error().detail;
  EXPECT_EQ(checked->info.version, "1");
  EXPECT_EQ(checked->files.size(), 3u);
  const auto slot = fs::path(store.path_of(Plane::model, id(0)));
  EXPECT_TRUE(fs::exists(slot / "deep/er/labels.txt"));
  EXPECT_EQ(fs::status(slot / "model.bin").permissions() & fs::perms::owner_write, fs::perms::none);
  EXPECT_TRUE(fs::is_empty(folder.file("planes/model/partial")));
}

TEST_F(Slots, AnIncompleteDownloadIsNoSlot) {
  download(releases[0]);
  fs::remove(store.partial_path(Plane::model, sha256_of("weights 1")));
  EXPECT_FALSE(store.build(releases[0].manifest).has_value());
  EXPECT_FALSE(store.has(Plane::model, id(0)));
  download(releases[0]);
  fs::resize_file(store.partial_path(Plane::model, sha256_of("weights 1")), 3);
  const auto built = store.build(releases[0].manifest);
  ASSERT_FALSE(built.has_value());
  EXPECT_EQ(built.error().code, ErrorCode::size_mismatch);
}

TEST_F(Slots, DamageOfAnyFileIsSeen) {
  for (const auto* name : {"model.bin", "deep/er/labels.txt", "manifest.menv"}) {
    make(releases[0]);
    const auto path = store.path_of(Plane::model, id(0)) + "/" + name;
    fs::permissions(path, fs::perms::owner_all);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(6);
    file.put('~');
    file.close();
    const auto checked = store.check(Plane::model, id(0));
    // One byte of the envelope may lie in the signature, which a slot outlives; never in what the digest covers.
    EXPECT_TRUE(std::string(name) == "manifest.menv" || !checked.has_value()) << name;
    fs::remove(path);
    ASSERT_FALSE(store.check(Plane::model, id(0)).has_value()) << name;
    EXPECT_EQ(store.check(Plane::model, id(0)).error().code, ErrorCode::slot_damaged);
    fs::remove_all(store.path_of(Plane::model, id(0)));
  }
}

TEST_F(Slots, LinksAreFlippedAndRead) {
  make(releases[0]);
  make(releases[1]);
  ASSERT_TRUE(store.flip(Plane::model, id(0), {}));
  EXPECT_EQ(store.links(Plane::model).active, id(0));
  EXPECT_TRUE(store.links(Plane::model).previous.is_zero());
  ASSERT_TRUE(store.flip(Plane::model, id(1), id(0)));
  EXPECT_EQ(folder.read("planes/model/active/model.bin"), "weights 2");
  EXPECT_EQ(folder.read("planes/model/previous/model.bin"), "weights 1");
  ASSERT_TRUE(store.flip(Plane::model, {}, id(1)));
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder.file("planes/model/active"))));
}

TEST_F(Slots, ALinkToNoSlotIsRefused) {
  const auto flipped = store.flip(Plane::model, id(2), {});
  ASSERT_FALSE(flipped.has_value());
  EXPECT_EQ(flipped.error().code, ErrorCode::slot_damaged);
}

TEST_F(Slots, AStrangersLinkIsReplaced) {
  make(releases[0]);
  fs::create_symlink("/etc", folder.file("planes/model/active"));
  EXPECT_TRUE(store.links(Plane::model).active.is_zero());
  ASSERT_TRUE(store.flip(Plane::model, id(0), {}));
  EXPECT_EQ(store.links(Plane::model).active, id(0));
}

TEST_F(Slots, AFlipCutAnywhereLeavesAReleaseThatWasWhole) {
  make(releases[0]);
  make(releases[1]);
  for (std::size_t stops = 1;; ++stops) {
    SCOPED_TRACE("stop " + std::to_string(stops));
    ASSERT_TRUE(store.flip(Plane::model, id(0), {}));
    const bool finished =
        finishes_within(stops, [&] { static_cast<void>(store.flip(Plane::model, id(1), id(0)).has_value()); });
    const auto links = store.links(Plane::model);
    EXPECT_TRUE(links.active == id(0) || links.active == id(1));
    // Never only the new one: before it is active, the old one can be gone back to.
    EXPECT_TRUE(links.active != id(1) || links.previous == id(0));
    ASSERT_TRUE(store.flip(Plane::model, id(1), id(0)));
    EXPECT_EQ(store.links(Plane::model).active, id(1));
    if (finished) break;
  }
}

TEST_F(Slots, ABuildCutAnywhereIsDoneAgain) {
  for (std::size_t stops = 1;; stops += 5) {
    SCOPED_TRACE("stop " + std::to_string(stops));
    download(releases[0]);
    const bool finished =
        finishes_within(stops, [&] { static_cast<void>(store.build(releases[0].manifest).has_value()); });
    // What looks like a slot is one.
    EXPECT_TRUE(!store.has(Plane::model, id(0)) || store.check(Plane::model, id(0)).has_value());
    const SlotStore after(folder.path());
    ASSERT_TRUE(after.prepare(Plane::model));
    const auto built = after.build(releases[0].manifest);
    ASSERT_TRUE(built.has_value()) << built.error().detail;
    EXPECT_TRUE(after.check(Plane::model, id(0)).has_value());
    fs::remove_all(store.path_of(Plane::model, id(0)));
    if (finished) break;
  }
}

TEST_F(Slots, HalvesThatACrashLeftAreRemovedAtTheStart) {
  make(releases[0]);
  make(releases[1]);
  make(releases[2]);
  ASSERT_TRUE(store.flip(Plane::model, id(0), {}));
  // One on its way out; one that is active lost its manifest, which is damage and no leftover.
  fs::remove(store.path_of(Plane::model, id(1)) + "/manifest.menv");
  fs::remove(store.path_of(Plane::model, id(0)) + "/manifest.menv");
  // A download that is a file of a slot already, and one that is none.
  const auto linked = store.partial_path(Plane::model, sha256_of("weights 3"));
  const auto loose = store.partial_path(Plane::model, sha256_of("weights 9"));
  fs::create_hard_link(store.path_of(Plane::model, id(2)) + "/model.bin", linked);
  std::ofstream(loose) << "weigh";
  ASSERT_TRUE(store.prepare(Plane::model));
  EXPECT_TRUE(fs::exists(store.path_of(Plane::model, id(0))));
  EXPECT_FALSE(fs::exists(store.path_of(Plane::model, id(1))));
  EXPECT_TRUE(store.check(Plane::model, id(2)));
  EXPECT_FALSE(fs::exists(linked));
  EXPECT_TRUE(fs::exists(loose));
}

TEST_F(Slots, OnlyTheNamedSlotsAreKept) {
  for (const auto& release : releases) make(release);
  store.remove_others(Plane::model, {id(0), id(2)});
  EXPECT_TRUE(store.has(Plane::model, id(0)));
  EXPECT_FALSE(store.has(Plane::model, id(1)));
  EXPECT_TRUE(store.has(Plane::model, id(2)));
}

TEST_F(Slots, DownloadsAreDroppedButForThoseWanted) {
  download(releases[0]);
  store.drop_partials(Plane::model, {releases[0].manifest.files.front()});
  std::size_t left = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.file("planes/model/partial"))) ++left;
  EXPECT_EQ(left, 1u);
}

}  // namespace
}  // namespace muster::edge
