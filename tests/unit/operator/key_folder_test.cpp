#include "operator/key_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/operator/temporary_directory.h"
#include "trust/root.h"
#include "trust/signing/signer.h"

namespace muster::ctl {
namespace {

using test::TemporaryDirectory;

KeyFolderRequest request_for(const std::string& folder) {
  KeyFolderRequest request;
  request.folder = folder;
  request.days = 10;
  request.now_s = 1800000000;
  return request;
}

unsigned mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

trust::TrustRoot pinned(const TemporaryDirectory& directory, const std::string& file) {
  trust::TrustRoot root;
  const auto text = directory.read(file);
  EXPECT_EQ(trust::pin_root(AlignedBytes(ByteView(std::string_view(text))).view(), root), trust::TrustFault::none);
  return root;
}

TEST(KeyFolder, MakesEverythingAnInstallationNeeds) {
  const TemporaryDirectory directory;
  const auto made = make_key_folder(request_for(directory / "keys"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(directory.listing(), "keys");
  EXPECT_EQ(directory.listing("keys"), "ca.crt ca.key control.key release.key root-chain.mrch root.key root.menv");
  for (const char* key : {"root.key", "release.key", "control.key", "ca.key"})
    EXPECT_EQ(mode_of(directory / ("keys/" + std::string(key))), 0600u) << key;
  EXPECT_EQ(mode_of(directory / "keys"), 0700u);
  EXPECT_EQ(made->expires_s, 1800864000u);
}

TEST(KeyFolder, TheRootNamesTheKeysBesideIt) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_key_folder(request_for(directory / "keys")));
  auto root = pinned(directory, "keys/root.menv");
  EXPECT_EQ(root.version, 1u);
  EXPECT_EQ(root.expires_s, 1800864000u);
  const std::pair<wire::Role, const char*> roles[] = {
      {wire::Role::root, "root.key"}, {wire::Role::release, "release.key"}, {wire::Role::control, "control.key"}};
  for (const auto& [role, file] : roles) {
    const auto key = trust::SigningKey::load(directory / ("keys/" + std::string(file)));
    ASSERT_TRUE(key) << key.error().message;
    ASSERT_EQ(root.role(role).key_count, 1u);
    EXPECT_EQ(root.role(role).threshold, 1u);
    EXPECT_EQ(root.role(role).keys[0].id, key->id()) << file;
  }
  const auto chain = directory.read("keys/root-chain.mrch");
  EXPECT_EQ(trust::advance_root(AlignedBytes(ByteView(std::string_view(chain))).view(), root), trust::TrustFault::none);
}

TEST(KeyFolder, NeverOverwrites) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_key_folder(request_for(directory / "keys")));
  const auto before = directory.read("keys/root.key");
  const auto again = make_key_folder(request_for(directory / "keys"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::exists);
  EXPECT_EQ(directory.read("keys/root.key"), before);
  EXPECT_EQ(directory.listing(), "keys");
}

TEST(KeyFolder, TakesAnEmptyFolderAndMissingParents) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "empty");
  EXPECT_TRUE(make_key_folder(request_for(directory / "empty")));
  EXPECT_TRUE(make_key_folder(request_for(directory / "a/b/keys/")));
  EXPECT_EQ(directory.listing("a/b"), "keys");
}

TEST(KeyFolder, LeavesNothingBehindWhenItFails) {
  const TemporaryDirectory directory;
  directory.write("file", "not a folder");
  const auto onto_file = make_key_folder(request_for(directory / "file"));
  ASSERT_FALSE(onto_file);
  EXPECT_EQ(onto_file.error().kind, ErrorKind::exists);
  const auto below_file = make_key_folder(request_for(directory / "file/keys"));
  ASSERT_FALSE(below_file);
  auto late = request_for(directory / "late");
  late.ca_name = std::string(5000, 'x');  // X.509 refuses it after the keys were made
  const auto too_long = make_key_folder(late);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(directory.listing(), "file");
}

}  // namespace
}  // namespace muster::ctl
