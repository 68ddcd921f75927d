// Requests of the control API: well formed ones, wrong ones, hostile ones; and the text of answers.
#include "broker-plugin/control/request.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <string>

#include "broker-plugin/control/answer.h"
#include "schemas/limits.h"

namespace muster::broker {
namespace {

std::vector<ControlCommand> parse(const std::string& json) {
  auto commands = parse_request(ByteView(std::string_view(json)));
  EXPECT_TRUE(commands.has_value()) << (commands ? "" : commands.error().message) << json;
  return commands ? *commands : std::vector<ControlCommand>{};
}
ControlCommand one(const std::string& fields) {
  return parse("{\"commands\":[{" + fields + "}]}").at(0);
}
std::string refusal(const std::string& json) {
  const auto commands = parse_request(ByteView(std::string_view(json)));
  return commands ? "" : commands.error().message;
}
const std::string digest = std::string(62, 'a') + "0f";

TEST(Request, FieldsArrive) {
  const auto command =
      one(R"("command":"putBlob","correlationData":"c1","digest":")" + digest + R"(","offset":65536,"data":"AAEC")");
  EXPECT_EQ(command.fault, "");
  EXPECT_EQ(command.name, CommandName::put_blob);
  EXPECT_EQ(command.role, Role::operate);
  EXPECT_EQ(command.correlation, "c1");
  EXPECT_EQ(to_hex(command.digest), digest);
  EXPECT_EQ(command.offset, 65536u);
  EXPECT_EQ(command.data, (Bytes{0, 1, 2}));
  const auto resume = one(R"("command":"resumeRollout","rollout":"r","acknowledgeFailures":true,"reason":"seen")");
  EXPECT_TRUE(resume.acknowledge_failures);
  EXPECT_EQ(resume.reason, "seen");
  EXPECT_FALSE(resume.failures.has_value());
  EXPECT_EQ(one(R"("command":"resumeRollout","rollout":"r","acknowledgeFailures":true,"failures":3)").failures, 3u);
  EXPECT_EQ(one(R"("command":"approveRollout","rollout":"r","wave":"canary")").wave, "canary");
  const auto hold = one(R"("command":"holdWave","rollout":"r","before":"swap","wave":"half")");
  EXPECT_EQ(hold.before + " " + hold.wave, "swap half");
  EXPECT_EQ(one(R"("command":"holdWave","rollout":"r","before":"lunch")").fault,
            "'before' must be one of: swap commit");
  EXPECT_EQ(one(R"("command":"approveRollout","rollout":"r")").role, Role::approve);
  EXPECT_EQ(one(R"("command":"listDevices","after":null)").limit, 100u);
}

TEST(Request, WrongFieldsSayWhatIsRight) {
  EXPECT_EQ(one(R"("command":"getRollout")").fault, "the field 'rollout' is missing");
  EXPECT_EQ(one(R"("command":"getRollout","rollout":7)").fault, "'rollout' must be a text");
  EXPECT_EQ(one(R"("command":"getRollout","rollout":"a b")").fault, "'rollout' must be 1-64 of A-Z a-z 0-9 . _ -");
  EXPECT_EQ(one(R"("command":"getRollout","rollout":"../x")").fault, "'rollout' must be 1-64 of A-Z a-z 0-9 . _ -");
  EXPECT_EQ(one(R"("command":"getRollout","rollout":"r","x":1)").fault,
            "unknown field 'x'; the fields of getRollout are rollout, ineligible");
  EXPECT_EQ(one(R"("command":"beginBlob","digest":"zz","size":1)").fault,
            "'digest' must be a SHA-256 in 64 hexadecimal digits");
  EXPECT_EQ(one(R"("command":"beginBlob","digest":")" + digest + R"(","size":-1)").fault,
            "'size' must be a whole number from 0 to " + std::to_string(limits::file_size_max));
  EXPECT_EQ(one(R"("command":"beginBlob","digest":")" + digest + R"(","size":1.5)").fault.substr(0, 7), "'size' ");
  EXPECT_EQ(one(R"("command":"putBlob","digest":")" + digest + R"(","offset":0,"data":"A")").fault,
            "'data' must be base64");
  EXPECT_EQ(one(R"("command":"abortRollout","rollout":"r","mode":"keep revert")").fault,
            "'mode' must be one of: keep revert");
  EXPECT_EQ(one(R"("command":"stopGroup","rollout":"r","group":"colour=red","reason":"x")").fault,
            "'group' must be ATTRIBUTE=VALUE, as in region=de");
  EXPECT_EQ(one(R"("command":"stopGroup","rollout":"r")").fault, "the field 'group' is missing");
  EXPECT_EQ(one(R"("command":"stopGroup","rollout":"r","group":"region=de","mode":"all")").fault,
            "'mode' must be one of: keep revert");
  EXPECT_EQ(one(R"("command":"continueGroup","rollout":"r","group":"region=de","mode":"keep")").fault,
            "unknown field 'mode'; the fields of continueGroup are rollout, group");
  EXPECT_EQ(one(R"("command":"releaseHold","rollout":"r","wave":"a/b")").fault,
            "'wave' must be 1-64 of A-Z a-z 0-9 . _ -");
  EXPECT_EQ(one(R"("command":"releaseHold","rollout":"r","wave":"half")").wave, "half");
  EXPECT_EQ(one(R"("command":"cancelDevice","rollout":"r","device":"a/b")").fault,
            "'device' must be 1-64 of A-Z a-z 0-9 . _ -");
  EXPECT_EQ(one(R"("command":"overrideDevice","device":"d","plane":"model")").fault, "the field 'release' is missing");
  EXPECT_EQ(one(R"("command":"clearOverride","device":"d","plane":"disk")").fault,
            "'plane' must be one of: firmware model config");
  EXPECT_EQ(one(R"("command":"listAudit","limit":501)").fault, "'limit' must be a whole number from 0 to 500");
  const std::vector<std::string> no_places = {
      "7", "\"gw-1\"", "\"gw-1/\"", "\"gw-1/12\"", "\"/" + digest + "\"", "\".x/" + digest + "\""};
  for (const auto& after : no_places) {
    EXPECT_EQ(one(R"("command":"listEvidence","after":)" + after).fault,
              "'after' must be DEVICE/BUNDLE, the last of the page before");
  }
  EXPECT_EQ(one(R"("command":"listEvidence","after":"gw-1/)" + digest + "\"").fault, "");
  EXPECT_EQ(one(R"("command":"getEvidence","device":"gw-1")").fault, "the field 'bundle' is missing");
  EXPECT_EQ(one(R"("command":"getEvidence","device":"gw-1","bundle":"ff")").fault,
            "'bundle' must be a SHA-256 in 64 hexadecimal digits");
  EXPECT_EQ(one(R"("command":"getEvidence","device":"gw-1","length":65537,"bundle":")" + digest + "\"").fault,
            "'length' must be a whole number from 0 to 65536");
  EXPECT_EQ(one(R"("command":"getRelease","release":"noversion")").fault, "'release' must be name@version");
  EXPECT_EQ(one(R"("command":"getMetrics","reason":7)").fault, "'reason' must be a text");
  EXPECT_EQ(one(R"("command":"getMetrics","reason":")" + std::string(257, 'x') + "\"").fault,
            "'reason' must have at most 256 characters");
}

// A directive with such a reason would be refused by every device that it is for.
// The page says who may give which command; the end-to-end test of roles goes by the page.
TEST(Request, EveryCommandIsOnThePageWithItsRole) {
  std::ifstream page("docs/control-api.md");
  ASSERT_TRUE(page);
  static const std::regex row(R"(^\| `([A-Za-z]+)` \| ([a-z]+) \|.*)");
  std::map<std::string, std::string> said, known;
  for (std::string line; std::getline(page, line);) {
    if (std::smatch match; std::regex_match(line, match, row)) said[match[1]] = match[2];
  }
  const std::map<Role, std::string> names = {
      {Role::view, "view"}, {Role::operate, "operate"}, {Role::approve, "approve"}};
  for (const auto& command : known_commands()) known.emplace(command.text, names.at(command.role));
  EXPECT_EQ(known.size(), known_commands().size()) << "two commands have the same name";
  EXPECT_EQ(said, known);
  for (const auto& [text, role] : known) EXPECT_TRUE(one("\"command\":\"" + text + "\"").name) << text;
}

TEST(Request, ReasonsHoldNothingThatDevicesRefuse) {
  const std::string wrong = "must hold no control characters other than tab and newline";
  for (const std::string escaped : {R"(\u0000)", R"(\u0007)", R"(\u001b[2J)", R"(\r)", R"(\u007f)"}) {
    EXPECT_EQ(one(R"("command":"giveOrder","scope":"fleet","order":"safe_mode","reason":"a)" + escaped + "\"").fault,
              "'reason' " + wrong);
    EXPECT_EQ(one(R"("command":"startRollout","rule":"x","file":"a)" + escaped + "\"").fault, "'file' " + wrong);
  }
  EXPECT_EQ(one(R"("command":"giveOrder","scope":"fleet","order":"safe_mode","reason":"t\u00fcr\tauf\n")").fault, "");
}

TEST(Request, UnknownCommandsAreNamed) {
  const auto command = one(R"("command":"dropTables","correlationData":"c")");
  EXPECT_FALSE(command.name.has_value());
  EXPECT_EQ(command.correlation, "c") << "even then the answer finds its question";
  EXPECT_EQ(command.fault, "there is no command 'dropTables'; docs/control-api.md lists them");
}

TEST(Request, ThingsThatAreNoRequest) {
  EXPECT_EQ(refusal(""), "the request is not valid JSON");
  EXPECT_EQ(refusal("{"), "the request is not valid JSON");
  EXPECT_EQ(refusal("\xff\xfe"), "the request is not valid JSON");
  EXPECT_EQ(refusal("{\"commands\":[{\"command\":\"\xff\"}]}"), "the request is not valid JSON");
  for (const auto* json : {"[]", "7", "null", "{}", R"({"commands":{}})", R"({"commands":[]})"}) {
    EXPECT_EQ(refusal(json), "a request is {\"commands\": [1 to 16 commands]}") << json;
  }
  std::string many = "{\"commands\":[1";
  for (int i = 0; i < 16; ++i) many += ",1";
  EXPECT_NE(refusal(many + "]}"), "");
  EXPECT_EQ(refusal(std::string(300000, ' ')), "a request has at most 262144 bytes");
  EXPECT_EQ(refusal(std::string(200000, '[')), "the request is nested too deeply");
  EXPECT_EQ(parse(R"({"commands":[1,"x",null]})").at(2).fault, "a command must be a JSON object");
}

TEST(Request, BracketsInStringsAreNoNesting) {
  EXPECT_EQ(one(R"("command":"getMetrics","reason":"[[[[[[[[[[[[[[[[[[[[[[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[")").fault, "");
}

TEST(Request, DamagedRequestsNeverCrash) {
  const std::string good =
      R"({"commands":[{"command":"startRollout","correlationData":"c1","rule":"rollout: x","file":"f.yaml","reason":"why"}]})";
  const auto seed = 7u;
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    auto bad = good;
    for (auto flips = 1 + random() % 4; flips > 0; --flips) bad[random() % bad.size()] = static_cast<char>(random());
    bad.resize(random() % 8 == 0 ? random() % bad.size() : bad.size());
    const auto commands = parse_request(ByteView(std::string_view(bad)));
    if (!commands) continue;
    for (const auto& command : *commands) EXPECT_FALSE(format_response(command, Answer::message("x")).empty());
  }
}

TEST(Answer, TextIsQuotedSafely) {
  EXPECT_EQ(json_quoted("a\"b\\c\nd\x01"), "\"a\\\"b\\\\c\\nd\\u0001\"");
  EXPECT_EQ(json_quoted("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_quoted("\xff\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\"") << "what is not UTF-8 must not break the reader";
  EXPECT_EQ(json_quoted("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"") << "overlong";
  EXPECT_EQ(json_quoted("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"") << "a surrogate";
}

TEST(Answer, ResponsesAreThoseOfTheDocument) {
  auto command = one(R"("command":"pauseRollout","correlationData":"c1","rollout":"r")");
  EXPECT_EQ(format_response(command, Answer::message("paused r")),
            R"({"command":"pauseRollout","correlationData":"c1","data":{"message":"paused r"}})");
  EXPECT_EQ(format_response(command, Answer::failed(ErrorKind::not_found, "no")),
            R"({"command":"pauseRollout","correlationData":"c1","error":"no","kind":"not_found"})");
  command.correlation.reset();
  auto answer = Answer::failed(ErrorKind::invalid, "wrong");
  answer.diagnostics = {"f:1:2: a", "f:3:4: b"};
  EXPECT_EQ(
      format_responses({format_response(command, answer)}),
      R"({"responses":[{"command":"pauseRollout","error":"wrong","kind":"invalid","diagnostics":["f:1:2: a","f:3:4: b"]}]})");
}

}  // namespace
}  // namespace muster::broker
