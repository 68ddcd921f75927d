// What the host keeps beside the engine's records.
#include "broker-plugin/core/engine_host.h"

#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace muster::broker
