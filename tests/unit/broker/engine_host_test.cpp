// What the host keeps beside the engine's records.
#include "broker-plugin/core/engine_host.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker-plugin/store/keys.h"
#include "rules/config/load_rule.h"
#include "tests/unit/broker/fixtures.h"

namespace muster::broker {
namespace {

class KeepingSink final : public BatchSink {
 public:
  tl::expected<void, Error> write(const std::vector<Record>& records) override {
    batches.push_back(records);
    return {};
  }
  std::vector<std::vector<Record>> batches;
};

rules::DeviceReport report(std::uint64_t seq) {
  rules::DeviceReport event;
  event.device = "gw-1";
  event.boot_id = 1;
  event.seq = seq;
  event.facts.device_class = "linux";
  return event;
}

bool holds(const std::vector<Record>& batch, std::string_view part) {
  return std::any_of(batch.begin(), batch.end(),
                     [&](const Record& record) { return record.key.find(part) != std::string::npos; });
}

TEST(EngineHost, ARecordBesideIsInTheBatchOfWhatTheEnginePersists) {
  KeepingSink sink;
  Outbox outbox([] {});
  host::Log log([](host::LogLevel, const std::string&) {});
  ReleaseRegistry releases;
  Writer writer(sink, Sealer(test::new_key(), 0), {}, outbox, [](const std::string& why) { ADD_FAILURE() << why; });
  EngineHost host(rules::Engine(), Clock(), releases, writer, log);
  int asked = 0;
  const auto beside = [&] {
    ++asked;
    return Record{"beside", "it"};
  };
  EXPECT_FALSE(host.wants_health("gw-1"));
  ASSERT_TRUE(host.step(report(1), beside));
  ASSERT_TRUE(host.step(report(1), beside)) << "a repetition, of which the engine keeps nothing";
  EXPECT_EQ(asked, 1);
  writer.start();
  writer.stop();
  ASSERT_EQ(sink.batches.size(), 1u);
  EXPECT_TRUE(holds(sink.batches[0], "device/gw-1"));
  EXPECT_TRUE(holds(sink.batches[0], "beside"));
}

// What a rollout of a release that this broker has lost tells its devices, shadow or not.
std::vector<std::vector<Record>> batches_of_rollout(bool shadow) {
  KeepingSink sink;
  Outbox outbox([] {});
  host::Log log([](host::LogLevel, const std::string&) {});
  const ReleaseRegistry releases;
  Writer writer(sink, Sealer(test::new_key(), 0), {}, outbox, [](const std::string& why) { ADD_FAILURE() << why; });
  EngineHost host(rules::Engine(), Clock(), releases, writer, log);
  const std::string text = "rollout: r\ntargets: true\nversions: { model: m@2 }\nwaves: [{ name: all, percent: 100" +
                           std::string(shadow ? ", soak: 1h }]\nshadow: true\n" : " }]\n");
  rules::StartRollout start;
  start.rule = rules::load_rule(text, "r.yaml").rule.value();
  start.rule_text = text;
  start.releases = {{rules::Plane::model, "m", "2", Sha256{{7}}, 0, rules::Reach::promoted, {}, true}};
  EXPECT_TRUE(host.step(report(1)));
  host.command("alice", "", std::move(start), [](const Answer&) {});
  EXPECT_EQ(host.engine().status("r")->reached, 1u);
  writer.start();
  writer.stop();
  return std::move(sink.batches);
}

// A device that is told to run nothing in the shadow says at once that it is done.
TEST(EngineHost, AShadowThatIsNotHereAnyMoreIsAssignedToNobody) {
  const auto assigned = [](const std::vector<std::vector<Record>>& batches) {
    return std::any_of(batches.begin(), batches.end(),
                       [](const auto& batch) { return holds(batch, keys::join(keys::assignment, "gw-1")); });
  };
  EXPECT_TRUE(assigned(batches_of_rollout(false)));
  EXPECT_FALSE(assigned(batches_of_rollout(true)));
}

}  // namespace
}  // namespace muster::broker
