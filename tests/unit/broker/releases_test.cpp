// The registry of releases, and releases as they are stored.
#include "broker-plugin/core/releases.h"

#include <gtest/gtest.h>

#include "schemas/manifest_generated.h"
#include "tests/unit/broker/fixtures.h"

namespace muster::broker {
namespace {

Release release_of(const test::SignedRelease& made) {
  const AlignedBytes manifest{ByteView(made.manifest)};
  return release_from(*wire::GetManifest(manifest.view().data()), made.digest, ByteView(made.envelope));
}

TEST(Releases, SameAgainIsFineAnotherManifestIsNot) {
  const auto key = test::new_key();
  ReleaseRegistry registry;
  auto first = release_of(test::make_release(key, "m", "1", "weights"));
  first.published_by = "alice";
  ASSERT_TRUE(registry.add(first).has_value());
  auto again = first;
  again.published_by = "bob";
  EXPECT_EQ(registry.add(again).value()->published_by, "alice") << "the first publication stays";
  const auto other = registry.add(release_of(test::make_release(key, "m", "1", "other weights")));
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().kind, ErrorKind::exists);
  EXPECT_TRUE(registry.add(release_of(test::make_release(key, "m", "2", "other weights"))).has_value());
  EXPECT_EQ(registry.size(), 2u);
}

TEST(Releases, AreFoundByNameManifestAndBlob) {
  const auto key = test::new_key();
  const auto made = test::make_release(key, "m", "1", "weights");
  ReleaseRegistry registry;
  const auto added = registry.add(release_of(made)).value();
  EXPECT_EQ(registry.find("m", "1"), added);
  EXPECT_EQ(registry.find("m", "2"), nullptr);
  EXPECT_EQ(registry.by_manifest(made.digest), added);
  EXPECT_EQ(registry.by_manifest({}), nullptr);
  EXPECT_EQ(registry.served(made.file), made.content.size());
  EXPECT_EQ(registry.served(added->envelope), made.envelope.size());
  EXPECT_EQ(registry.served({}), std::nullopt);
}

TEST(Releases, ComeBackFromTheStore) {
  const auto made = test::make_release(test::new_key(), "m", "1", "weights");
  auto release = release_of(made);
  release.published_s = 1234;
  release.published_by = "alice";
  const auto stored = encode_release(release, ByteView(made.envelope));
  const auto back = decode_release(stored);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->ref(), "m@1");
  EXPECT_EQ(back->manifest, made.digest);
  EXPECT_EQ(back->envelope, release.envelope);
  EXPECT_EQ(back->published_s, 1234u);
  EXPECT_EQ(back->published_by, "alice");
  EXPECT_EQ(envelope_in(stored).text(), ByteView(made.envelope).text());
  for (std::size_t len = 0; len < stored.size(); len += 5)
    EXPECT_FALSE(decode_release(stored.substr(0, len)).has_value()) << len;
}

}  // namespace
}  // namespace muster::broker
