#include "trust/signing/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "host/files.h"
#include "tests/unit/host/temporary_folder.h"
#include "tests/unit/trust/openssl.h"

namespace muster::trust {
namespace {

using testing::HasSubstr;
using testing::Not;

class X509Test : public testing::Test {
 protected:
  test::TemporaryFolder folder_;

  void SetUp() override {
    const auto made = make_ca(folder_.path(), "Muster test CA", 30);
    ASSERT_TRUE(made) << made.error().message;
  }
  tl::expected<void, Error> issue(const CertificateRequest& request, const std::string& stem) {
    return issue_certificate(folder_.path(), request, folder_.file(stem));
  }
  test::OpensslResult verify(const std::string& stem, std::vector<std::string> options) {
    std::vector<std::string> arguments = {"verify", "-x509_strict", "-CAfile", folder_.file("ca.crt")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(folder_.file(stem + ".crt"));
    return test::openssl(arguments);
  }
  std::string text_of(const std::string& stem) {
    return test::openssl({"x509", "-in", folder_.file(stem + ".crt"), "-noout", "-text", "-nameopt", "RFC2253"}).output;
  }
  unsigned mode_of(const std::string& name) {
    struct stat status {};
    EXPECT_EQ(::stat(folder_.file(name).c_str(), &status), 0) << name;
    return status.st_mode & 07777u;
  }
};

TEST_F(X509Test, AServerIsKnownByAllItsNames) {
  const CertificateRequest request{"localhost", true, {"127.0.0.1", "broker.example", "::1", "*.plant.example"}, 10};
  const auto issued = issue(request, "server");
  ASSERT_TRUE(issued) << issued.error().message;
  for (const char* host : {"localhost", "broker.example", "gw.plant.example"}) {
    const auto verified = verify("server", {"-purpose", "sslserver", "-verify_hostname", host});
    EXPECT_EQ(verified.code, 0) << host << ": " << verified.output;
  }
  for (const char* address : {"127.0.0.1", "::1"}) {
    const auto verified = verify("server", {"-purpose", "sslserver", "-verify_ip", address});
    EXPECT_EQ(verified.code, 0) << address << ": " << verified.output;
  }
  EXPECT_NE(verify("server", {"-verify_hostname", "evil.example"}).code, 0);
  EXPECT_NE(verify("server", {"-verify_ip", "127.0.0.2"}).code, 0);
  EXPECT_NE(verify("server", {"-purpose", "sslclient"}).code, 0) << "a server's certificate does not log in";
}

TEST_F(X509Test, ADeviceLogsInUnderItsName) {
  const auto issued = issue({"gw-17", false, {}, 10}, "gw-17");
  ASSERT_TRUE(issued) << issued.error().message;
  EXPECT_EQ(verify("gw-17", {"-purpose", "sslclient"}).code, 0) << verify("gw-17", {"-purpose", "sslclient"}).output;
  EXPECT_NE(verify("gw-17", {"-purpose", "sslserver"}).code, 0) << "a device's certificate is no broker's";
  EXPECT_THAT(text_of("gw-17"), HasSubstr("Subject: CN=gw-17\n"));
}

TEST_F(X509Test, ExtensionsSayWhatEachCertificateIsFor) {
  ASSERT_TRUE(issue({"localhost", true, {}, 10}, "server"));
  const auto ca = text_of("ca");
  EXPECT_THAT(ca, HasSubstr("CA:TRUE, pathlen:0"));
  EXPECT_THAT(ca, HasSubstr("Certificate Sign, CRL Sign"));
  EXPECT_THAT(ca, HasSubstr("ecdsa-with-SHA256"));
  const auto server = text_of("server");
  EXPECT_THAT(server, HasSubstr("CA:FALSE"));
  EXPECT_THAT(server, HasSubstr("Digital Signature"));
  EXPECT_THAT(server, Not(HasSubstr("Certificate Sign")));
  EXPECT_THAT(server, HasSubstr("TLS Web Server Authentication"));
  EXPECT_THAT(server, HasSubstr("DNS:localhost"));
  EXPECT_THAT(server, HasSubstr("Authority Key Identifier"));
  EXPECT_THAT(server, HasSubstr("prime256v1"));
}

TEST_F(X509Test, KeysAreSecretAndCertificatesAreNot) {
  ASSERT_TRUE(issue({"gw-17", false, {}, 10}, "gw-17"));
  EXPECT_EQ(mode_of("ca.key"), 0600u);
  EXPECT_EQ(mode_of("gw-17.key"), 0600u);
  EXPECT_EQ(mode_of("ca.crt"), 0644u);
  EXPECT_EQ(mode_of("gw-17.crt"), 0644u);
}

TEST_F(X509Test, SerialsAreRandom) {
  ASSERT_TRUE(issue({"a", false, {}, 10}, "a"));
  ASSERT_TRUE(issue({"a", false, {}, 10}, "b"));
  const auto serial = [&](const char* stem) {
    return test::openssl({"x509", "-in", folder_.file(std::string(stem) + ".crt"), "-noout", "-serial"}).output;
  };
  EXPECT_NE(serial("a"), serial("b"));
  EXPECT_EQ(serial("a").size(), std::string("serial=").size() + 32 + 1) << "16 bytes";
}

TEST_F(X509Test, NothingIsOverwritten) {
  const auto again = make_ca(folder_.path(), "Muster test CA", 30);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::exists);
  ASSERT_TRUE(issue({"gw-17", false, {}, 10}, "gw-17"));
  const auto key = host::read_file(folder_.file("gw-17.key"), 10000).value();
  EXPECT_EQ(issue({"gw-17", false, {}, 10}, "gw-17").error().kind, ErrorKind::exists);
  EXPECT_EQ(host::read_file(folder_.file("gw-17.key"), 10000).value(), key);
  // A key without its certificate is somebody's too.
  ASSERT_TRUE(host::write_new_file(folder_.file("alone.key"), {}, 0600));
  EXPECT_EQ(issue({"alone", false, {}, 10}, "alone").error().kind, ErrorKind::exists);
  ASSERT_TRUE(host::write_new_file(folder_.file("public.crt"), {}));
  EXPECT_EQ(issue({"public", false, {}, 10}, "public").error().kind, ErrorKind::exists);
  EXPECT_FALSE(host::read_file(folder_.file("public.key"), 10)) << "no half pair";
}

TEST_F(X509Test, BadNamesAreRefusedWithWhatIsAllowed) {
  for (const char* name : {"", "a b", "a,O=evil", "a/b", ".a", "größe"}) {
    const auto issued = issue({name, false, {}, 10}, "x");
    ASSERT_FALSE(issued) << name;
    EXPECT_EQ(issued.error().kind, ErrorKind::usage) << name;
  }
  for (const char* name : {"", "two words", "-a.example", "a..b", "256.1.1.1/8", "a_b"}) {
    const auto issued = issue({"localhost", true, {name}, 10}, "x");
    ASSERT_FALSE(issued) << name;
    EXPECT_THAT(issued.error().message, HasSubstr("neither a DNS name nor an IP address"));
  }
  EXPECT_FALSE(issue({"no_host", true, {}, 10}, "x")) << "a server without any name that clients could check";
  EXPECT_TRUE(issue({"no_host", true, {"broker.example"}, 10}, "y"));
  EXPECT_FALSE(make_ca(folder_.path(), "a,O=b", 10));
  EXPECT_FALSE(issue({"a", false, {}, 0}, "x"));
  EXPECT_FALSE(issue({"a", false, {}, 40000}, "x"));
}

TEST_F(X509Test, ACertificateEndsWithItsCa) {
  ASSERT_TRUE(issue({"long", false, {}, 3650}, "long"));
  const auto end = [&](const char* stem) {
    return test::openssl({"x509", "-in", folder_.file(std::string(stem) + ".crt"), "-noout", "-enddate"}).output;
  };
  EXPECT_EQ(end("long"), end("ca"));
}

TEST_F(X509Test, AForeignOrOpenCaIsRefused) {
  test::TemporaryFolder other;
  ASSERT_TRUE(make_ca(other.path(), "Another CA", 30));
  ASSERT_TRUE(issue({"gw-17", false, {}, 10}, "gw-17"));
  EXPECT_NE(test::openssl({"verify", "-CAfile", other.file("ca.crt"), folder_.file("gw-17.crt")}).code, 0);

  std::filesystem::copy_file(other.file("ca.crt"), folder_.file("ca.crt"),
                             std::filesystem::copy_options::overwrite_existing);
  const auto mixed = issue({"x", false, {}, 10}, "x");
  ASSERT_FALSE(mixed);
  EXPECT_THAT(mixed.error().message, HasSubstr("do not belong together"));

  ASSERT_EQ(::chmod(other.file("ca.key").c_str(), 0644), 0);
  const auto open = issue_certificate(other.path(), {"x", false, {}, 10}, folder_.file("x"));
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("run: chmod 600"));
}

TEST_F(X509Test, AnEndCertificateIsNoCa) {
  ASSERT_TRUE(issue({"gw-17", false, {}, 10}, "gw-17"));
  std::filesystem::create_directory(folder_.file("fake"));
  std::filesystem::copy_file(folder_.file("gw-17.key"), folder_.file("fake/ca.key"));
  std::filesystem::copy_file(folder_.file("gw-17.crt"), folder_.file("fake/ca.crt"));
  const auto issued = issue_certificate(folder_.file("fake"), {"x", false, {}, 10}, folder_.file("x"));
  ASSERT_FALSE(issued);
  EXPECT_THAT(issued.error().message, HasSubstr("not the certificate of a CA"));
}

TEST_F(X509Test, AMissingFolderIsNamed) {
  const auto made = make_ca(folder_.file("none"), "CA", 10);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr(folder_.file("none")));
}

}  // namespace
}  // namespace muster::trust
