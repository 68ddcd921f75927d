// The writer: nothing leaves before it is durable, and what leaves is in order, signed and chained.
#include "broker-plugin/core/writer.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "broker-plugin/core/wire_digest.h"
#include "broker-plugin/store/keys.h"
#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/directive_generated.h"
#include "tests/unit/broker/fixtures.h"
#include "trust/envelope.h"

namespace muster::broker {
namespace {

using test::Installation;
using test::RecordingPort;

// A store that can hold batches up, or fail.
class GatedSink final : public BatchSink {
 public:
  tl::expected<void, Error> write(const std::vector<Record>& records) override {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    if (fail_) return tl::unexpected(Error{ErrorKind::no_space, "the disk is full"});
    batches.push_back(records);
    return {};
  }
  void set(bool open, bool fail = false) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    fail_ = fail;
    changed_.notify_all();
  }
  void wait_for_arrival() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(5), [this] { return arrived_ > 0; }));
  }
  [[nodiscard]] std::string value(const std::string& key) {
    const std::lock_guard lock(mutex_);
    std::string found;
    for (const auto& batch : batches) {
      for (const auto& record : batch) {
        if (record.key == key) found = record.value.value_or("");
      }
    }
    return found;
  }
  std::vector<std::vector<Record>> batches;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = true, fail_ = false;
};

class WriterTest : public ::testing::Test {
 protected:
  WriterTest()
      : outbox([] {}),
        writer(sink, Sealer(*trust::SigningKey::load(installation.folder / "control.key"), 3600), {}, outbox,
               [this](const std::string& why) { failure = why; }) {}

  Work note(const std::string& text) {
    Work work;
    work.now_s = 5000;
    work.records.push_back({"n/" + text, text});
    work.after.emplace_back(Publication{{}, "topic/" + text, Payload::of(text), 1, true});
    work.after.emplace_back([this, text](bool durable) { calls.push_back(text + (durable ? "+" : "-")); });
    return work;
  }
  static AssignWork assign(const std::string& device, std::uint64_t epoch) {
    AssignWork work;
    work.assign.device = device;
    work.assign.epoch = epoch;
    work.assign.rollout = "r";
    work.assign.releases = {{rules::Plane::model, Sha256{{1, 2, 3}}}};
    work.releases = {nullptr};
    return work;
  }
  bool drain(const std::function<bool()>& done) { return test::drain_until(outbox, port, done); }

  Installation installation;
  GatedSink sink;
  Outbox outbox;
  RecordingPort port;
  std::string failure;
  std::vector<std::string> calls;
  Writer writer;
};

TEST_F(WriterTest, NothingLeavesBeforeItIsDurable) {
  sink.set(false);
  writer.start();
  writer.submit(note("a"));
  sink.wait_for_arrival();
  EXPECT_EQ(outbox.drain(port), 0u) << "the batch is being written: nothing may have left";
  EXPECT_GT(writer.depth(), 0u);
  sink.set(true);
  ASSERT_TRUE(drain([&] { return calls.size() == 1; }));
  EXPECT_EQ(calls[0], "a+");
  EXPECT_EQ(port.retained("topic/a"), "a");
  ASSERT_TRUE(test::eventually([&] { return writer.depth() == 0; }));
}

TEST_F(WriterTest, WorkThatWaitsIsOneBatchAndLeavesInOrder) {
  sink.set(false);
  writer.start();
  writer.submit(note("0"));
  sink.wait_for_arrival();
  for (int i = 1; i < 100; ++i) writer.submit(note(std::to_string(i)));
  sink.set(true);
  ASSERT_TRUE(drain([&] { return calls.size() == 100; }));
  EXPECT_EQ(sink.batches.size(), 2u) << "group commit";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)], std::to_string(i) + "+");
}

TEST_F(WriterTest, OfSeveralChangesOfAKeyTheLastIsWritten) {
  for (const auto* value : {"first", "second", "third"}) {
    Work work;
    work.records = {{"n/z", value}, {"n/a", std::string(value)}, {"n/gone", "x"}};
    work.records.push_back({"n/gone", std::nullopt});
    writer.submit(std::move(work));
  }
  writer.start();
  writer.stop();
  ASSERT_EQ(sink.batches.size(), 1u);
  std::vector<std::string> keys;
  for (const auto& record : sink.batches[0]) keys.push_back(record.key + "=" + record.value.value_or("(deleted)"));
  keys.pop_back();  // the time
  EXPECT_EQ(keys, (std::vector<std::string>{"n/a=third", "n/gone=(deleted)", "n/z=third"}));
}

TEST_F(WriterTest, AFailedWriteStopsEverything) {
  sink.set(true, true);
  writer.start();
  writer.submit(note("a"));
  ASSERT_TRUE(drain([&] { return calls.size() == 1; }));
  EXPECT_EQ(failure, "the disk is full");
  EXPECT_EQ(calls[0], "a-") << "who waits is told";
  EXPECT_EQ(port.count("topic/a"), 0u) << "and nothing is published";
  sink.set(true, false);
  writer.submit(note("b"));
  ASSERT_TRUE(drain([&] { return calls.size() == 2; }));
  EXPECT_EQ(calls[1], "b-") << "a later success would leave a hole before it";
  EXPECT_TRUE(sink.batches.empty());
}

TEST_F(WriterTest, StopMakesDurableWhatWaits) {
  writer.submit(note("a"));
  writer.start();
  writer.submit(note("b"));
  writer.stop();
  EXPECT_EQ(sink.value("n/a"), "a");
  EXPECT_EQ(sink.value("n/b"), "b");
}

TEST_F(WriterTest, AssignmentsAreSignedStoredAndRetained) {
  writer.start();
  Work work;
  work.now_s = 5000;
  work.assigns = {assign("gw-1", 7), assign("gw-2", 3)};
  work.directs.push_back(
      {"group/region=de", 9, {{rules::OrderKind::safe_mode, 9, rules::Plane::model, {}, "why", "alice"}}});
  writer.submit(std::move(work));
  ASSERT_TRUE(drain([&] { return port.sent.size() == 3; }));
  const trust::OpenContext context{&installation.root, 5000};
  const auto envelope = port.retained("muster/v1/device/gw-1/assignment");
  EXPECT_EQ(envelope, sink.value(keys::join(keys::assignment, "gw-1"))) << "a restart publishes the same bytes";
  const AlignedBytes aligned{ByteView(std::string_view(envelope))};
  const wire::Assignment* opened = nullptr;
  ASSERT_EQ(trust::open_assignment(aligned.view(), context, "gw-1", opened), trust::TrustFault::none);
  EXPECT_EQ(opened->epoch(), 7u);
  EXPECT_EQ(opened->issued_s(), 5000u);
  EXPECT_EQ(opened->expires_s(), 8600u);
  EXPECT_EQ(trust::open_assignment(aligned.view(), context, "gw-2", opened), trust::TrustFault::wrong_subject);
  const auto orders = port.retained("muster/v1/group/region=de/directive");
  const AlignedBytes aligned_orders{ByteView(std::string_view(orders))};
  const wire::Directive* directive = nullptr;
  ASSERT_EQ(trust::open_directive(aligned_orders.view(), context, "group/region=de", directive),
            trust::TrustFault::none);
  EXPECT_EQ(directive->orders()->Get(0)->kind(), wire::OrderKind::safe_mode);
}

TEST_F(WriterTest, OnlyTheLastAssignmentOfABatchIsPublished) {
  Work first, second;
  first.assigns = {assign("gw-1", 1)};
  second.assigns = {assign("gw-1", 2)};
  writer.submit(std::move(first));
  writer.submit(std::move(second));
  writer.submit(note("end"));
  writer.start();
  ASSERT_TRUE(drain([&] { return !calls.empty(); }));
  EXPECT_EQ(port.count("muster/v1/device/gw-1/assignment"), 1u);
}

TEST_F(WriterTest, TheAuditRecordIsChainedAndItsEndSigned) {
  writer.start();
  for (int i = 0; i < 5; ++i) {
    Work work;
    work.now_s = 5000;
    work.audit.push_back({0, 5000, "alice", "x", "y", std::to_string(i), {}});
    writer.submit(std::move(work));
    ASSERT_TRUE(test::eventually([&] { return writer.numbers().audit_seq == static_cast<std::uint64_t>(i) + 1; }));
  }
  Sha256 previous;
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    const auto entry = decode_entry(sink.value(keys::audit_key(seq)));
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->seq, seq);
    EXPECT_EQ(entry->hash, chain_hash(previous, *entry));
    previous = entry->hash;
  }
  const auto head = decode_head(sink.value(std::string(keys::audit_head)));
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->tail.hash, previous);
  const AlignedBytes aligned{ByteView(head->envelope)};
  const wire::AuditHead* opened = nullptr;
  ASSERT_EQ(trust::open_audit_head(aligned.view(), {&installation.root, 5000}, opened), trust::TrustFault::none);
  EXPECT_EQ(opened->seq(), 5u);
  EXPECT_EQ(digest_of(opened->hash()), previous);
}

TEST(Outbox, OneTickIsBounded) {
  Outbox outbox([] {});
  RecordingPort port;
  constexpr std::size_t quarter = Outbox::bytes_per_tick_max / 4;
  for (int i = 0; i < 10; ++i) outbox.put(Publication{{}, "t", Payload::of(std::string(quarter, 'x')), 0, false});
  EXPECT_EQ(outbox.drain(port), 4u);
  EXPECT_EQ(outbox.bytes_waiting(), 6 * quarter);
  EXPECT_TRUE(outbox.nudge()) << "the rest still waits";
  while (outbox.drain(port) > 0) {
  }
  EXPECT_EQ(port.sent.size(), 10u);
  EXPECT_EQ(outbox.bytes_waiting(), 0u);
  EXPECT_FALSE(outbox.nudge());
}

}  // namespace
}  // namespace muster::broker
