#include "examples/reader/rehearsal.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "tests/unit/reader/reader_fixture.h"

namespace muster::reader {
namespace {

using namespace std::chrono_literals;
using Outcome = tl::expected<void, Error>;

TEST(Rehearsal, ASuccessIsASuccessAndItsTracesStayInTheChild) {
  int touched = 0;
  EXPECT_TRUE(rehearse(
      [&]() -> Outcome {
        touched = 1;
        return {};
      },
      10s));
  EXPECT_EQ(touched, 0);
}

TEST(Rehearsal, AnErrorComesBackWordForWord) {
  const auto outcome = rehearse(
      []() -> Outcome {
        return tl::unexpected(Error{ErrorKind::invalid, "no such luck"});
      },
      10s);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "no such luck");
}

TEST(Rehearsal, AnExceptionIsAnError) {
  const auto outcome = rehearse([]() -> Outcome { throw std::runtime_error("out of order"); }, 10s);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "out of order");
}

TEST(Rehearsal, ACrashIsAnError) {
  const auto outcome = rehearse(
      []() -> Outcome {
        raise(SIGKILL);
        return {};
      },
      10s);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("crashed"), std::string::npos) << outcome.error().message;
}

TEST(Rehearsal, AChildThatHangsIsKilledAndReaped) {
  const auto outcome = rehearse(
      []() -> Outcome {
        for (;;) pause();
      },
      50ms);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::timeout);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "no child may be left";
}

TEST(Rehearsal, TellsGoodModelsFromCutOnes) {
  const testing::TemporaryFolder folder;
  EXPECT_TRUE(rehearse_load(testing::models_dir + "deu.traineddata"));
  const auto cut = folder.make_slot("cut", "deu", 400000) / "deu.traineddata";
  const auto outcome = rehearse_load(cut.string());
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("deu.traineddata"), std::string::npos) << outcome.error().message;
}

}  // namespace
}  // namespace muster::reader
