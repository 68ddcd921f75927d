// Each checker of the house bites: it is fed what it must find, and what it must leave alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/house/directions.h"
#include "tests/house/documents.h"
#include "tests/house/shape.h"

namespace muster::house {
namespace {

using testing::HasSubstr;

std::string first(const std::vector<Finding>& findings) {
  return findings.empty() ? "" : findings.front().sentence();
}

std::string include_finding(const std::string& path, const std::string& line) {
  return first(check_includes({path, "// x\n#pragma once\n" + line + "\n"}));
}

struct BadInclude {
  std::string path, line, says;
};
class BadIncludes : public testing::TestWithParam<BadInclude> {};

TEST_P(BadIncludes, IsFound) {
  EXPECT_THAT(include_finding(GetParam().path, GetParam().line), HasSubstr(GetParam().says));
  EXPECT_THAT(include_finding(GetParam().path, GetParam().line), HasSubstr(":3: "));
}

INSTANTIATE_TEST_SUITE_P(
    Directions, BadIncludes,
    testing::Values(BadInclude{"schemas/a.h", "#include \"trust/root.h\"", "may not include"},
                    BadInclude{"host/a.h", "#include \"trust/root.h\"", "may not include"},
                    BadInclude{"trust/a.cpp", "#include \"host/error.h\"", "may not include"},
                    BadInclude{"trust/a.cpp", "#include \"trust/signing/signer.h\"", "may not include"},
                    BadInclude{"trust/a.h", "#include <tl/expected.hpp>", "belongs to"},
                    BadInclude{"rules/engine/a.cpp", "#include \"rules/config/load_rule.h\"", "may not include"},
                    BadInclude{"rules/engine/a.cpp", "#include \"trust/root.h\"", "may not include"},
                    BadInclude{"rules/engine/a.cpp", "#include \"schemas/manifest_generated.h\"", "wire messages"},
                    BadInclude{"rules/condition/a.cpp", "#include \"rules/engine/rule.h\"", "may not include"},
                    BadInclude{"edge-client/shell/a.cpp", "#include \"rules/engine/engine.h\"", "may not include"},
                    BadInclude{"edge-client/shell/a.cpp", "#include \"trust/signing/signer.h\"", "may not include"},
                    BadInclude{"edge-client/agent/a.h", "#include \"edge-client/shell/slots.h\"", "may not include"},
                    BadInclude{"broker-plugin/a.cpp", "#include \"edge-client/agent/agent.h\"", "may not include"},
                    BadInclude{"mcu-client/src/a.c", "#include \"host/error.h\"", "may not include"},
                    BadInclude{"operator/a.cpp", "#include \"broker-plugin/host.h\"", "may not include"},
                    BadInclude{"operator/a.cpp", "#include \"root.h\"", "no path from the root"}));

INSTANTIATE_TEST_SUITE_P(
    Libraries, BadIncludes,
    testing::Values(BadInclude{"broker-plugin/inbox.cpp", "#include <rocksdb/db.h>", "belongs to broker-plugin/store/"},
                    BadInclude{"broker-plugin/inbox.cpp", "#include <mosquitto_plugin.h>",
                               "belongs to broker-plugin/abi/"},
                    BadInclude{"operator/a.cpp", "#include <mqtt/async_client.h>", "belongs to host/mqtt_client.cpp"},
                    BadInclude{"operator/a.cpp", "#include <mbedtls/pk.h>", "belongs to trust/"},
                    BadInclude{"trust/a.cpp", "#include <openssl/evp.h>", "belongs to host/bulk_digest.cpp"},
                    BadInclude{"rules/engine/a.cpp", "#include <yaml-cpp/yaml.h>", "belongs to rules/config/"},
                    BadInclude{"operator/a.h", "#include <nlohmann/json.hpp>", "only in .cpp files"},
                    BadInclude{"host/a.cpp", "#include <xxhash.h>", "belongs to rules/engine/"},
                    BadInclude{"host/a.cpp", "#include <boost/asio.hpp>", "nobody owns"},
                    BadInclude{"host/a.cpp", "#include \"rocksdb/db.h\"", "write <rocksdb/db.h>"},
                    BadInclude{"host/a.cpp", "  #  include <curl/curl.h>", "nobody owns"}));

INSTANTIATE_TEST_SUITE_P(Purity, BadIncludes,
                         testing::Values(BadInclude{"rules/engine/a.cpp", "#include <chrono>", "is pure"},
                                         BadInclude{"rules/engine/a.cpp", "#include <random>", "is pure"},
                                         BadInclude{"rules/config/a.cpp", "#include <fstream>", "is pure"},
                                         BadInclude{"rules/condition/a.cpp", "#include <unistd.h>", "is pure"},
                                         BadInclude{"trust/a.cpp", "#include <mutex>", "is pure"},
                                         BadInclude{"edge-client/agent/a.cpp", "#include <thread>", "is pure"}));

TEST(Includes, RightOnesAreLeftAlone) {
  EXPECT_EQ(include_finding("rules/engine/a.cpp", "#include \"rules/condition/program.h\""), "");
  EXPECT_EQ(include_finding("rules/engine/a.cpp", "#include <xxhash.h>"), "");
  EXPECT_EQ(include_finding("edge-client/shell/a.cpp", "#include \"edge-client/agent/agent.h\""), "");
  EXPECT_EQ(include_finding("edge-client/shell/a.cpp", "#include <sys/socket.h>"), "");
  EXPECT_EQ(include_finding("trust/signing/a.h", "#include \"host/error.h\""), "");
  EXPECT_EQ(include_finding("broker-plugin/store/a.cpp", "#include <rocksdb/db.h>"), "");
  EXPECT_EQ(include_finding("tests/e2e/a.cpp", "#include \"operator/a.h\""), "");
  EXPECT_EQ(include_finding("operator/a.cpp", "// #include <curl/curl.h>"), "");
}

TEST(Includes, AFileInNoPartIsFound) {
  EXPECT_THAT(first(check_includes({"stuff/a.cpp", ""})), HasSubstr("no part"));
}

TEST(Links, WrongOnesAreFound) {
  EXPECT_THAT(first(check_links({"rules/CMakeLists.txt", "x\nDEPENDS muster::trust"})),
              HasSubstr(":2: rules/ may not link"));
  EXPECT_THAT(first(check_links({"rules/CMakeLists.txt", "muster::lib_rocksdb"})), HasSubstr("muster::lib_rocksdb"));
  EXPECT_THAT(first(check_links({"host/CMakeLists.txt", "muster::lib_json"})), HasSubstr("muster::lib_json"));
  EXPECT_TRUE(check_links({"rules/CMakeLists.txt", "DEPENDS muster::condition muster::lib_xxhash"}).empty());
}

std::string repeated(const std::string& line, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += line;
  return text;
}

TEST(Lengths, ALongFileIsFound) {
  EXPECT_TRUE(check_lengths({"host/a.cpp", repeated("int x;\n", file_lines_max)}).empty());
  EXPECT_THAT(first(check_lengths({"host/a.cpp", repeated("int x;\n", file_lines_max + 1)})), HasSubstr("401 lines"));
}

TEST(Lengths, ALongFunctionIsFound) {
  const std::string head = "namespace a {\nclass B {\n  int f(int x = 3) const {\n";
  const std::string tail = "  }\n};\n}\n";
  EXPECT_TRUE(check_lengths({"host/a.cpp", head + repeated("    x();\n", function_lines_max - 2) + tail}).empty());
  const auto found = check_lengths({"host/a.cpp", head + repeated("    x();\n", function_lines_max - 1) + tail});
  EXPECT_THAT(first(found), HasSubstr("a.cpp:3: 'int f' has 71 lines"));
}

TEST(Functions, AreFoundWhereverTheyStand) {
  const SourceFile file{"host/a.cpp", R"text(// void comment() {
#define MACRO() {
namespace muster {
struct Plain { int a = 1; std::vector<int> b{1, 2}; };
static const int table[] = {1, 2, 3};
Thing::Thing(int a) : a_(a), b_{2}, text_("}{") {
  run([&] {
    more();
  });
}
bool operator==(const A& a, const B& b) {
  return a.x == b.x;
}
TEST(Suite, Name) {
  if (true) {
    while (false) {}
  }
}
const auto digits = 1'000'000;
template <typename T>
auto made(T t) -> int { return t('{'); }
}  // namespace muster
)text"};
  std::vector<std::pair<std::string, std::size_t>> found;
  for (const auto& function : functions_of(file)) found.emplace_back(function.name, function.lines);
  const std::vector<std::pair<std::string, std::size_t>> expected = {
      {"Thing::Thing", 5}, {"bool operator==", 3}, {"TEST", 5}, {"auto made", 1}};
  EXPECT_EQ(found, expected);
}

TEST(Headers, MustSayWhatTheyAre) {
  EXPECT_TRUE(check_header({"host/a.h", "// What this is, and who may call it.\n#pragma once\n"}).empty());
  EXPECT_THAT(first(check_header({"host/a.h", "#pragma once\n"})), HasSubstr("begins with a sentence"));
  EXPECT_THAT(first(check_header({"host/a.h", "// What this is, and who may call it.\nint x;\n"})),
              HasSubstr("#pragma once"));
  EXPECT_TRUE(check_header({"host/a.cpp", "int x;\n"}).empty());
}

TEST(Words, LeftBehindAreFound) {
  const std::string word = std::string("TO") + "DO";
  EXPECT_THAT(first(check_words({"scripts/demo", "#!/bin/sh\n# " + word + ": more\n"})),
              HasSubstr("scripts/demo:2: '" + word));
  EXPECT_TRUE(check_words({"scripts/demo", "# done; mktemp /tmp/demo.XXXXXX\n"}).empty());
}

TEST(Waiting, WithoutAConditionIsFound) {
  const std::string call = std::string("std::this_thread::sl") + "eep_for(1s);";
  EXPECT_THAT(first(check_waiting({"tests/unit/a.cpp", "\n" + call})), HasSubstr("tests/unit/a.cpp:2:"));
  EXPECT_THAT(first(check_waiting({"tests/unit/a.cpp", std::string("::sl") + "eep(1);"})), HasSubstr("condition"));
  EXPECT_TRUE(check_waiting({"host/a.cpp", call}).empty());
  EXPECT_TRUE(check_waiting({"tests/unit/a.cpp", "// " + call}).empty());
}

TEST(Waiting, ATestThatDoesNotRunIsFound) {
  EXPECT_EQ(check_tests_run({"tests/unit/a.cpp", std::string("GTEST_") + "SKIP();"}).size(), 1u);
  EXPECT_EQ(check_tests_run({"tests/unit/a.cpp", std::string("TEST(A, DISABLED") + "_B) {}"}).size(), 1u);
}

TEST(Generated, CodeIsFound) {
  EXPECT_EQ(check_not_generated({"schemas/ack_generated.h", ""}).size(), 1u);
  EXPECT_TRUE(check_not_generated({"schemas/ack.fbs", ""}).empty());
}

class Documents : public testing::Test {
 protected:
  Claims claims_ = claims_of({{"docs/files.md", ""},
                              {"scripts/demo", ""},
                              {"rules/engine/engine.h", ""},
                              {"trust/root.h", "inline constexpr std::size_t root_len_max = 512;"},
                              {"README.md", ""},
                              {"CMakePresets.json", "{ \"name\": \"dev\" }"}});
  std::string judge(const std::string& path, const std::string& text) {
    return first(check_document({path, text}, claims_));
  }
};

TEST_F(Documents, MissingFilesAreFound) {
  EXPECT_THAT(judge("README.md", "see\n`scripts/dome --keep`"), HasSubstr("README.md:2: names `scripts/dome`"));
  EXPECT_THAT(judge("rules/README.md", "`engine/machine.h`"), HasSubstr("names `engine/machine.h`"));
  EXPECT_THAT(judge("README.md", "`ARCHITECTURE.md`"), HasSubstr("ARCHITECTURE.md"));
  EXPECT_THAT(judge("README.md", "[files](docs/file.md)"), HasSubstr("links to docs/file.md"));
  EXPECT_THAT(judge("docs/files.md", "[x](../README.txt#a)"), HasSubstr("links to ../README.txt"));
}

TEST_F(Documents, UnknownPresetsAreFound) {
  EXPECT_THAT(judge("README.md", "cmake --preset fast"), HasSubstr("preset fast"));
  EXPECT_EQ(judge("README.md", "cmake --preset dev"), "");
}

TEST_F(Documents, SizesThatNoHeaderGivesAreFound) {
  EXPECT_THAT(judge("README.md", "it takes 511 bytes (`root_len_max`)"), HasSubstr("511 bytes (`root_len_max`)"));
  EXPECT_THAT(judge("README.md", "| 512 bytes (`root_len`) |"), HasSubstr("which no header does"));
  EXPECT_EQ(judge("README.md", "512 bytes (`root_len_max`), 9 bytes (header and all)"), "");
}

TEST_F(Documents, WhatExistsIsLeftAlone) {
  EXPECT_EQ(judge("README.md", "`scripts/demo --keep`, `rules/engine/`, `engine.step()`, [f](docs/files.md#x)"), "");
  EXPECT_EQ(judge("rules/README.md", "`engine/engine.h` and `rules/engine/engine.h`"), "");
  EXPECT_EQ(
      judge("README.md",
            "`device/{d}/state`, `trust/root`, `/etc/muster`, `build/dev/bin/musterctl`, [w](https://example.org)"),
      "");
}

TEST(Readmes, AFolderWithoutOneIsFound) {
  EXPECT_THAT(first(check_readmes({{"host/a.h", ""}, {"trust/README.md", ""}})), HasSubstr("host: has no README.md"));
  EXPECT_TRUE(check_readmes({{"host/README.md", ""}, {".ci/run", ""}, {"CMakeLists.txt", ""}}).empty());
}

}  // namespace
}  // namespace muster::house
