// The configuration file: what is right, and one sentence for each thing that is wrong.
#include "broker-plugin/config.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/fixtures.h"

namespace muster::broker {
namespace {

using test::TempFolder;
using test::write_text;

const std::string essential = "data_dir: data\ncontrol_key: /k/control.key\nroot_chain: sub/chain.mrch\n";

std::string error_of(const std::string& yaml) {
  const TempFolder folder;
  write_text(folder / "b.yaml", yaml);
  const auto config = load_config(folder / "b.yaml");
  if (config) return "";
  EXPECT_EQ(config.error().message.find('\n'), std::string::npos) << "one sentence, one line";
  const auto message = config.error().message;
  const auto at = message.find("b.yaml");
  return at == std::string::npos ? message : message.substr(at);
}

TEST(Config, EverythingHasItsPlace) {
  const TempFolder folder;
  write_text(folder / "b.yaml",
             essential +
                 "operators:\n  alice: [view, operate]\n  bob: [approve]\n"
                 "assignment_valid_for: 30d\nother_topics: allow\nrelease_states: required\nkeep_retired_for: 0s\n"
                 "limits: { queue_records: 100, chunk_window: 4, chunk_bytes_per_s: 1000000, devices: 50 }\n");
  const auto config = load_config(folder / "b.yaml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->data_dir, folder / "data");
  EXPECT_EQ(config->control_key, "/k/control.key");
  EXPECT_EQ(config->root_chain, folder / "sub/chain.mrch");
  EXPECT_EQ(config->operators.at("alice"), (Roles{true, true, false}));
  EXPECT_EQ(config->operators.at("bob"), (Roles{false, false, true}));
  EXPECT_TRUE(config->operators.at("bob").may(Role::view)) << "approve includes view";
  EXPECT_FALSE(config->operators.at("alice").may(Role::approve));
  EXPECT_EQ(config->assignment_valid_for_s, 30u * 24 * 3600);
  EXPECT_TRUE(config->allow_other_topics);
  EXPECT_TRUE(config->release_states_required);
  EXPECT_EQ(config->keep_retired_for_s, 0u);
  EXPECT_EQ(config->limits, (Limits{100, 4, 1000000, 50}));
}

TEST(Config, MistakesNameTheirPlaceAndWhatIsRight) {
  EXPECT_EQ(error_of(essential + "opperators: {}\n"),
            "b.yaml:4:1: unknown key 'opperators'; known are data_dir, control_key, root_chain, operators, "
            "required_policies, release_states, keep_retired_for, assignment_valid_for, limits, other_topics");
  EXPECT_EQ(error_of("data_dir: d\ncontrol_key: k\n"), "b.yaml:1:1: root_chain is missing");
  EXPECT_EQ(error_of(essential + "operators: { al: [vieww] }\n"),
            "b.yaml:4:19: unknown role 'vieww'; roles are view, operate, approve");
  EXPECT_EQ(error_of(essential + "operators: { 'a b': [view] }\n"),
            "b.yaml:4:14: 'a b' cannot be an operator: 1-64 of A-Z a-z 0-9 . _ -");
  EXPECT_EQ(error_of(essential + "operators: { al: [] }\n"),
            "b.yaml:4:18: operator 'al' needs a list of roles: view, operate, approve");
  EXPECT_EQ(error_of(essential + "limits: { chunk_window: 17 }\n"),
            "b.yaml:4:25: chunk_window must be a whole number from 1 to 16");
  EXPECT_EQ(error_of(essential + "limits: { queue_records: -1 }\n"),
            "b.yaml:4:26: queue_records must be a whole number from 64 to 16777216");
  EXPECT_EQ(error_of(essential + "limits: { devices: 1e3 }\n"),
            "b.yaml:4:20: devices must be a whole number from 1 to 10000000");
  EXPECT_EQ(error_of(essential + "assignment_valid_for: 365\n"),
            "b.yaml:4:23: assignment_valid_for must be a duration from 1h to 3650d, as in 365d; '365' is none");
  EXPECT_EQ(error_of(essential + "release_states: on\n"), "b.yaml:4:17: release_states must be required or off");
  EXPECT_EQ(error_of(essential + "keep_retired_for: 11y\n"),
            "b.yaml:4:19: keep_retired_for must be a duration from 0s to 3650d, as in 90d; '11y' is none");
  EXPECT_EQ(error_of(essential + "other_topics: deny\n"), "b.yaml:4:15: other_topics must be defer or allow");
  EXPECT_EQ(error_of(essential + "data_dir: e\n"), "b.yaml:4:1: 'data_dir' stands here a second time");
  EXPECT_EQ(error_of("data_dir: [a]\n" + essential.substr(essential.find('\n') + 1)),
            "b.yaml:1:11: data_dir must be a text");
}

TEST(Config, RequiredPoliciesArriveWhole) {
  const TempFolder folder;
  const std::string digest(64, 'a');
  write_text(folder / "b.yaml",
             essential +
                 "required_policies:\n  - { policy: readiness, version: 3, planes: [model, firmware],\n"
                 "      classes: [rk3566], sha256: [" +
                 digest + "] }\n  - { policy: legal, planes: [config] }\n");
  const auto config = load_config(folder / "b.yaml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  ASSERT_EQ(config->required_policies.size(), 2u);
  Sha256 expected;
  expected.bytes.fill(0xaa);
  EXPECT_EQ(config->required_policies[0],
            (RequiredPolicy{"readiness", 3, {rules::Plane::model, rules::Plane::firmware}, {"rk3566"}, {expected}}));
  EXPECT_EQ(config->required_policies[1], (RequiredPolicy{"legal", 1, {rules::Plane::config}, {}, {}}));
}

TEST(Config, RequiredPoliciesThatAreNoneAreRefused) {
  const auto error = [](const std::string& policy) {
    return error_of(essential + "required_policies: [" + policy + "]\n");
  };
  EXPECT_EQ(error("readiness"),
            "b.yaml:4:21: a required policy must be a map with the keys policy, version, planes, "
            "classes, sha256");
  EXPECT_EQ(error("{ version: 2 }"), "b.yaml:4:21: a required policy needs its name, as in policy: readiness");
  EXPECT_EQ(error("{ policy: 'a b' }"), "b.yaml:4:31: policy must be the name of one: 1-64 of A-Z a-z 0-9 . _ -");
  EXPECT_EQ(error("{ policy: a, version: 0 }"), "b.yaml:4:43: version must be a whole number from 1 to 4294967295");
  EXPECT_EQ(error("{ policy: a, planes: [models] }"), "b.yaml:4:42: 'models' is no plane: firmware, model or config");
  EXPECT_EQ(error("{ policy: a, planes: model }"), "b.yaml:4:42: planes must be a list of 1 to 32 texts");
  EXPECT_EQ(error("{ policy: a, classes: [b/c] }"), "b.yaml:4:43: 'b/c' cannot be a device class");
  EXPECT_EQ(error("{ policy: a, sha256: [abc] }"), "b.yaml:4:42: sha256 must be 64 hexadecimal digits each");
  EXPECT_EQ(error("{ policy: a, policy: b }"), "b.yaml:4:34: 'policy' stands here a second time");
  EXPECT_EQ(error("{ policy: a, minimum: b }"),
            "b.yaml:4:34: unknown key 'minimum'; known are policy, version, planes, classes, sha256");
  EXPECT_EQ(error("{ policy: a, classes: [x] }, { policy: b, planes: [model] }"),
            "b.yaml:4:50: no release can carry both a and b: give them planes or classes that do not overlap");
  EXPECT_EQ(error("{ policy: a, classes: [x] }, { policy: b, classes: [y] }, { policy: a, version: 2 }").substr(0, 36),
            "b.yaml:4:79: no release can carry bo");
  EXPECT_EQ(error_of(essential + "required_policies: readiness\n").substr(0, 57),
            "b.yaml:4:20: required_policies must be a list of at most ");
}

TEST(Config, SeveralMistakesAreCountedInOneSentence) {
  EXPECT_EQ(error_of(essential + "a: 1\nb: 2\nc: 3\n").find("(and 2 more mistakes in this file)") != std::string::npos,
            true);
}

TEST(Config, HostileTextIsRefused) {
  for (const std::string yaml :
       {"", "just text", "[1, 2]", "a: [", "\t\t:", "&a [*a]", "? {a: b} : c", "data_dir: &x {y: *x}"}) {
    EXPECT_NE(error_of(yaml), "") << yaml;
  }
  EXPECT_NE(error_of(std::string(2u << 20, 'x')), "") << "too long";
}

TEST(Config, AMissingFileIsNamed) {
  const auto config = load_config("/nowhere/broker.yaml");
  ASSERT_FALSE(config.has_value());
  EXPECT_NE(config.error().message.find("/nowhere/broker.yaml"), std::string::npos);
}

TEST(Config, ReloadChangesOperatorsLimitsAndRequiredPoliciesOnly) {
  Config current;
  current.data_dir = "/a";
  Config next = current;
  next.operators["carol"] = {true, false, false};
  next.limits.chunk_window = 2;
  next.required_policies = {{"readiness", 3, {}, {}, {}}};
  next.release_states_required = true;
  next.keep_retired_for_s = 60;
  EXPECT_EQ(apply_reload(current, next), "");
  EXPECT_TRUE(current.release_states_required);
  EXPECT_EQ(current.keep_retired_for_s, 60u);
  EXPECT_TRUE(current.operators.contains("carol"));
  EXPECT_EQ(current.limits.chunk_window, 2u);
  EXPECT_EQ(current.required_policies, next.required_policies);
  next.data_dir = "/b";
  next.assignment_valid_for_s = 7200;
  EXPECT_EQ(apply_reload(current, next), "data_dir, assignment_valid_for");
  EXPECT_EQ(current.data_dir, "/a");
}

}  // namespace
}  // namespace muster::broker
