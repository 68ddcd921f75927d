#include "examples/reader/statsd_sender.h"

#include "tests/unit/reader/reader_fixture.h"

namespace muster::reader {
namespace {

using testing::MetricSocket;
using testing::TemporaryFolder;

TEST(StatsdSender, GathersLinesInOneDatagram) {
  const TemporaryFolder folder;
  MetricSocket agent(folder.path() / "statsd.sock");
  auto sender = StatsdSender::open((folder.path() / "statsd.sock").string());
  ASSERT_TRUE(sender) << sender.error().message;
  sender->gauge("edit_distance", 9.5);
  sender->count("load_failed", 2);
  sender->timing_ms("inference_ms", 22.1256);
  sender->text("delegate_active", "cpu");
  EXPECT_TRUE(sender->send());
  EXPECT_EQ(agent.receive(), "edit_distance:9.500|g\nload_failed:2|c\ninference_ms:22.126|ms\ndelegate_active:cpu|s");
}

TEST(StatsdSender, AMissingAgentLosesMetricsAndNothingElse) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "statsd.sock";
  auto sender = StatsdSender::open(path.string());
  ASSERT_TRUE(sender);
  sender->gauge("a", 1);
  EXPECT_FALSE(sender->send());
  {
    MetricSocket agent(path);
    sender->gauge("b", 2);
    EXPECT_TRUE(sender->send());
    EXPECT_EQ(agent.receive(), "b:2.000|g");
  }
  MetricSocket restarted(path);
  sender->gauge("c", 3);
  EXPECT_TRUE(sender->send());
  EXPECT_EQ(restarted.receive(), "c:3.000|g");
}

TEST(StatsdSender, RefusesAPathThatNoSocketCanHave) {
  const auto sender = StatsdSender::open("/" + std::string(120, 'x'));
  ASSERT_FALSE(sender);
  EXPECT_EQ(sender.error().kind, ErrorKind::usage);
  EXPECT_FALSE(StatsdSender::open(""));
}

}  // namespace
}  // namespace muster::reader
