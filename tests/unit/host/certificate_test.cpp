// Every way in which a certificate or its key can be wrong has a sentence of its own.
#include "host/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/unit/host/temporary_folder.h"
#include "tests/unit/trust/openssl.h"
#include "trust/signing/x509.h"

namespace muster::host {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t day_s = 86400;

class CertificateTrouble : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    made = std::make_unique<test::TemporaryFolder>();
    for (const auto* ca : {"ours", "theirs"}) {
      std::filesystem::create_directory(made->file(ca));
      ASSERT_TRUE(trust::make_ca(made->file(ca), ca, 100));
      ASSERT_TRUE(
          trust::issue_certificate(made->file(ca), {"gw-17", false, {}, 30}, made->file(std::string(ca) + "/gw-17")));
    }
  }
  static void TearDownTestSuite() { made.reset(); }

  void SetUp() override {
    std::filesystem::copy(made->path(), folder.path(), std::filesystem::copy_options::recursive);
  }
  [[nodiscard]] CertificateFiles files() const {
    return {folder.file("ours/gw-17.crt"), folder.file("ours/gw-17.key"), folder.file("ours/ca.crt")};
  }
  static std::uint64_t now_s() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
  }

  static std::unique_ptr<test::TemporaryFolder> made;
  test::TemporaryFolder folder;
};
std::unique_ptr<test::TemporaryFolder> CertificateTrouble::made;

TEST_F(CertificateTrouble, AGoodOneHasNone) {
  EXPECT_THAT(certificate_trouble(files(), now_s()), IsEmpty());
  EXPECT_THAT(certificate_trouble({files().cert, "", ""}, now_s()), IsEmpty()) << "only its times are looked at";
}

TEST_F(CertificateTrouble, ExpiredSaysWhenAndWhatTheClockSays) {
  EXPECT_THAT(certificate_trouble(files(), now_s() + 29 * day_s), IsEmpty());
  EXPECT_THAT(certificate_trouble(files(), now_s() + 31 * day_s),
              AllOf(HasSubstr("gw-17.crt expired at 20"), HasSubstr("by the clock of this machine it is 20"),
                    HasSubstr("issue a new one")));
}

TEST_F(CertificateTrouble, NotYetValidPointsToTheClock) {
  EXPECT_THAT(
      certificate_trouble(files(), 1000000000),
      AllOf(HasSubstr("is valid from 20"), HasSubstr("it is 2001-09-09T01:46:40Z"), HasSubstr("set the clock")));
}

TEST_F(CertificateTrouble, AnExpiredAuthorityIsNamed) {
  std::filesystem::create_directory(folder.file("short"));
  ASSERT_TRUE(trust::make_ca(folder.file("short"), "short", 10));
  auto all = files();
  all.ca = folder.file("short/ca.crt");
  EXPECT_THAT(certificate_trouble(all, now_s() + 20 * day_s),
              AllOf(HasSubstr("the CA in "), HasSubstr("short/ca.crt expired at")));
}

// While an authority is replaced, both are in the file.
TEST_F(CertificateTrouble, AnExpiredAuthorityBesideOursIsNone) {
  std::filesystem::create_directory(folder.file("short"));
  ASSERT_TRUE(trust::make_ca(folder.file("short"), "short", 10));
  auto all = files();
  all.ca = folder.file("both.crt");
  std::ofstream(all.ca) << std::ifstream(folder.file("short/ca.crt")).rdbuf() << std::ifstream(files().ca).rdbuf();
  EXPECT_THAT(certificate_trouble(all, now_s() + 20 * day_s), IsEmpty());
}

TEST_F(CertificateTrouble, AnotherAuthoritysCertificateIsNotOurs) {
  auto foreign = files();
  foreign.cert = folder.file("theirs/gw-17.crt");
  foreign.key = folder.file("theirs/gw-17.key");
  EXPECT_THAT(certificate_trouble(foreign, now_s()),
              AllOf(HasSubstr("theirs/gw-17.crt was not signed by the CA in "), HasSubstr("ours/ca.crt")));
}

// As large organisations have it: the root signs an authority of the department, and that the device.
TEST_F(CertificateTrouble, AnIntermediateAuthorityMayComeWithTheCertificate) {
  const auto issue = [&](const std::string& name, const std::string& by, bool authority) {
    std::vector<std::string> arguments = {
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=" + name,
        "-keyout",
        folder.file(name + ".key"),
        "-out",
        folder.file(name + ".crt"),
        "-addext",
        std::string("basicConstraints=critical,CA:") + (authority ? "TRUE" : "FALSE")};
    if (!by.empty())
      arguments.insert(arguments.end(), {"-CA", folder.file(by + ".crt"), "-CAkey", folder.file(by + ".key")});
    EXPECT_EQ(test::openssl(arguments).code, 0) << name;
  };
  issue("root", "", true);
  issue("department", "root", true);
  issue("gw-1", "department", false);
  const CertificateFiles alone{folder.file("gw-1.crt"), "", folder.file("root.crt")};
  EXPECT_THAT(certificate_trouble(alone, now_s() + 1), HasSubstr("was not signed by the CA in"));
  const CertificateFiles both{folder.file("both.crt"), "", folder.file("root.crt")};
  std::ofstream(both.cert) << std::ifstream(alone.cert).rdbuf() << std::ifstream(folder.file("department.crt")).rdbuf();
  EXPECT_THAT(certificate_trouble(both, now_s() + 1), IsEmpty());
}

TEST_F(CertificateTrouble, AnothersKeyIsNotItsOwn) {
  auto mixed = files();
  mixed.key = folder.file("theirs/gw-17.key");
  EXPECT_THAT(certificate_trouble(mixed, now_s()), HasSubstr("theirs/gw-17.key is not the private key of "));
}

TEST_F(CertificateTrouble, AKeyForEverybodyIsNoSecret) {
  for (const auto open : {std::filesystem::perms(0644), std::filesystem::perms(0602), std::filesystem::perms(0601)}) {
    std::filesystem::permissions(files().key, open);
    EXPECT_THAT(certificate_trouble(files(), now_s()),
                AllOf(HasSubstr("is open to everybody on this machine (mode 06"), HasSubstr("chmod 600")));
    EXPECT_THAT(private_key_trouble(files().key), HasSubstr("gw-17.key is open to everybody"));
  }
  std::filesystem::permissions(files().key, std::filesystem::perms(0640));
  EXPECT_THAT(certificate_trouble(files(), now_s()), IsEmpty()) << "the service's group may read it";
}

TEST_F(CertificateTrouble, WhatIsMissingOrNoPemIsNamed) {
  auto all = files();
  all.key = folder.file("none.key");
  EXPECT_THAT(certificate_trouble(all, now_s()),
              AllOf(HasSubstr("the private key is missing or unreadable"), HasSubstr("none.key")));
  EXPECT_THAT(private_key_trouble(all.key), IsEmpty()) << "who reads it says that";
  all = files();
  all.cert = folder.file("none.crt");
  EXPECT_THAT(certificate_trouble(all, now_s()), HasSubstr("the certificate is missing or unreadable"));
  std::ofstream(folder.file("text")) << "no PEM";
  ::chmod(folder.file("text").c_str(), 0600);
  EXPECT_THAT(certificate_trouble({folder.file("text"), "", ""}, now_s()), HasSubstr("text is no PEM certificate"));
  EXPECT_THAT(certificate_trouble({files().cert, folder.file("text"), ""}, now_s()),
              HasSubstr("text is no private key in PEM"));
  EXPECT_THAT(certificate_trouble({files().cert, "", folder.file("text")}, now_s()),
              HasSubstr("text holds no PEM certificate"));
}

}  // namespace
}  // namespace muster::host
