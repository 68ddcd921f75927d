// The sequential test: the figures it was specified by, a slow reference that integrates the mixtures, and its promise:
// how often it is wrong when one looks after every vote.
#include "rules/verdict/sequential_test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <tuple>
#include <vector>

#include "tests/support/long_form.h"

namespace muster::rules {
namespace {

using muster::testing::seed_or;
using muster::testing::size_for;

constexpr std::uint32_t percent = 10'000;  // in ppm

std::mt19937_64 random_source() {
  const auto seed = seed_or(20261121);
  printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937_64(seed);
}

// --- specified figures, each computed independently of this code ---

struct Figures {
  std::uint32_t tolerate_percent, passes_with_none, passes_with_one;
  std::vector<Votes> fails;
};

class ReferenceFigures : public ::testing::TestWithParam<Figures> {};

TEST_P(ReferenceFigures, AreMet) {
  const auto& figures = GetParam();
  const SequentialTest test(figures.tolerate_percent * percent, 1 * percent);
  EXPECT_EQ(test.devices_to_pass(0), figures.passes_with_none);
  EXPECT_EQ(test.devices_to_pass(1), figures.passes_with_one);
  EXPECT_EQ(test.judge({figures.passes_with_none, 0}), Verdict::pass);
  EXPECT_EQ(test.judge({figures.passes_with_none - 1, 0}), Verdict::inconclusive);
  for (const auto& votes : figures.fails) {
    SCOPED_TRACE(std::to_string(votes.exceeded) + " of " + std::to_string(votes.devices));
    EXPECT_EQ(test.exceeded_to_fail(votes.devices), votes.exceeded);
    EXPECT_EQ(test.judge(votes), Verdict::fail);
    EXPECT_NE(test.judge({votes.devices, votes.exceeded - 1}), Verdict::fail);
  }
}

INSTANTIATE_TEST_SUITE_P(SequentialTest, ReferenceFigures,
                         ::testing::Values(Figures{5, 100, 193, {{2, 2}, {10, 5}, {100, 15}}},
                                           Figures{10, 49, 94, {{3, 3}, {10, 6}, {100, 23}}},
                                           Figures{20, 23, 45, {{4, 4}, {10, 7}, {100, 36}}}));

TEST(SequentialTest, KnowsWhatIsOutOfReach) {
  const SequentialTest strict(5 * percent, 1 * percent);
  EXPECT_EQ(strict.exceeded_to_fail(1), std::nullopt) << "one device is never enough at these odds";
  const SequentialTest lax(95 * percent, 1 * percent);
  EXPECT_EQ(lax.exceeded_to_fail(20), std::nullopt);
  EXPECT_EQ(lax.devices_to_pass(0), 2u);
}

// --- a slow reference: Simpson's rule over the mixtures ---

double integral(double from, double to, const Votes& votes, double tolerate) {
  constexpr int steps = 200'000;
  const auto ratio = [&](double q) {
    // The likelihood ratio of share q against share `tolerate`; 0^0 is 1.
    const double hit = votes.exceeded == 0 ? 0 : votes.exceeded * std::log(q / tolerate);
    const double miss = votes.fine() == 0 ? 0 : votes.fine() * std::log((1 - q) / (1 - tolerate));
    return std::exp(hit + miss);
  };
  double sum = ratio(from) + ratio(to);
  for (int i = 1; i < steps; ++i) sum += ratio(from + (to - from) * i / steps) * (i % 2 == 1 ? 4 : 2);
  return sum * (to - from) / steps / 3;
}

TEST(SequentialTest, AgreesWithIntegrationOfTheMixtures) {
  auto random = random_source();
  const auto rounds = size_for(60, 2000);
  for (int round = 0; round < rounds; ++round) {
    const auto tolerate_ppm = static_cast<std::uint32_t>(std::uniform_int_distribution(1000, 900'000)(random));
    const auto devices = std::uniform_int_distribution(0u, 400u)(random);
    // Near the boundary, where decisions fall, as often as anywhere.
    const auto likely = static_cast<std::uint32_t>(
        std::binomial_distribution<int>(static_cast<int>(devices), tolerate_ppm / 1e6)(random));
    const Votes votes{devices, round % 2 == 0 ? likely : std::uniform_int_distribution(0u, devices)(random)};
    const SequentialTest test(tolerate_ppm, 10'000);
    const double t = tolerate_ppm / 1e6;
    SCOPED_TRACE(std::to_string(votes.exceeded) + " of " + std::to_string(devices) + " at " + std::to_string(t));
    const double fail = integral(t, 1, votes, t) / (1 - t);
    const double pass = (votes.exceeded == 0 ? 0.5 * std::pow(1 - t, -static_cast<double>(devices)) : 0) +
                        0.5 * integral(0, t, votes, t) / t;
    const auto cap = test.limit() * 1e6;
    EXPECT_NEAR(test.fail_stake(votes) / std::min(fail, cap), 1, 1e-5);
    EXPECT_NEAR(test.pass_stake(votes) / std::min(pass, cap), 1, 1e-5);
  }
}

// --- the promise ---

// The share of `runs` that come to `wrong` when each of up to `devices` exceeds with chance `p`, looked at after each.
double rate_of(Verdict wrong, const SequentialTest& test, double p, int devices, int runs, std::mt19937_64& random) {
  std::bernoulli_distribution exceeds(p);
  int found = 0;
  for (int run = 0; run < runs; ++run) {
    RunningTest running;
    for (int device = 0; device < devices && running.verdict() == Verdict::inconclusive; ++device)
      running.add(test, exceeds(random), {});
    found += running.verdict() == wrong ? 1 : 0;
  }
  return static_cast<double>(found) / runs;
}

// What a rate measured in `runs` may exceed its bound by: four standard deviations.
double slack(double bound, int runs) {
  return 4 * std::sqrt(bound * (1 - bound) / runs);
}

class ErrorRates : public ::testing::TestWithParam<std::tuple<std::uint32_t, std::uint32_t>> {};

// The worst share for either claim is the boundary itself.
TEST_P(ErrorRates, AreKeptHoweverOftenOneLooks) {
  const auto [tolerate, error] = GetParam();
  auto random = random_source();
  const SequentialTest test(tolerate * percent, error * percent);
  const auto runs = size_for(2000, 40'000);
  const double bound = error / 100.0;
  for (const double p : {1.0, 0.8}) {
    const auto rate = rate_of(Verdict::fail, test, p * tolerate / 100.0, 500, runs, random);
    printf("tolerate %u %%, error %u %%, true share %.1f %%: false fail in %.2f %% of runs\n", tolerate, error,
           p * tolerate, 100 * rate);
    EXPECT_LE(rate, bound + slack(bound, runs));
  }
  for (const double p : {1.0, 1.2}) {
    const auto rate = rate_of(Verdict::pass, test, p * tolerate / 100.0, 500, runs, random);
    printf("tolerate %u %%, error %u %%, true share %.1f %%: false pass in %.2f %% of runs\n", tolerate, error,
           p * tolerate, 100 * rate);
    EXPECT_LE(rate, bound + slack(bound, runs));
  }
}

// A device's time begins, or it votes.
struct Moment {
  int time = 0;
  bool votes = false, exceeds = false;
};

// The first verdict of the votes as they come. `counts_all` false: of the votes alone.
Verdict verdict_of(const SequentialTest& test, std::uint32_t devices, const std::vector<Moment>& moments,
                   bool counts_all) {
  RunningTest running;
  Outstanding outstanding;
  if (counts_all) outstanding.all = devices;
  for (const auto& moment : moments) {
    if (counts_all) outstanding.begun += moment.votes ? UINT32_MAX : 1;
    if (!moment.votes) continue;
    if (counts_all) --outstanding.all;
    running.add(test, moment.exceeds, outstanding);
    if (running.verdict() != Verdict::inconclusive) break;
  }
  return running.verdict();
}

// `devices` begin, so many at a time; who exceeds votes at once (`bad_first`) and the others late, or the other way.
std::vector<Moment> votes_in_order_of_what_they_say(double share, std::uint32_t devices, std::uint32_t batch,
                                                    bool bad_first, std::mt19937_64& random) {
  std::bernoulli_distribution exceeds(share);
  std::vector<Moment> moments;
  for (std::uint32_t i = 0; i < devices; ++i) {
    const auto begun = static_cast<int>(2 * (i / batch));
    const bool bad = exceeds(random);
    moments.push_back({begun, false, false});
    moments.push_back({begun + (bad == bad_first ? 1 : 1000), true, bad});
  }
  std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) { return a.time < b.time; });
  return moments;
}

// A crash shows at once and health only after the observation; silence shows last of all. Whoever judges the votes
// alone sees all of one kind first, and is wrong far more often than promised.
TEST_P(ErrorRates, AreKeptWhenWhatADeviceVotesDecidesWhen) {
  const auto [tolerate, error] = GetParam();
  auto random = random_source();
  const SequentialTest test(tolerate * percent, error * percent);
  const auto runs = size_for(500, 5'000);
  const double bound = error / 100.0;
  constexpr std::uint32_t devices = 400;
  for (const bool bad_first : {true, false}) {
    for (const std::uint32_t batch : {1u, 40u, devices}) {
      int wrong = 0, wrong_of_votes_alone = 0;
      const auto against = bad_first ? Verdict::fail : Verdict::pass;
      for (int run = 0; run < runs; ++run) {
        const auto moments = votes_in_order_of_what_they_say(tolerate / 100.0, devices, batch, bad_first, random);
        wrong += verdict_of(test, devices, moments, true) == against ? 1 : 0;
        wrong_of_votes_alone += verdict_of(test, devices, moments, false) == against ? 1 : 0;
      }
      printf(
          "tolerate %u %%, error %u %%, what exceeds votes %s, %u begin at a time: false %s in %.2f %% of runs, of the "
          "votes alone %.0f %%\n",
          tolerate, error, bad_first ? "first" : "last", batch, bad_first ? "fail" : "pass", 100.0 * wrong / runs,
          100.0 * wrong_of_votes_alone / runs);
      EXPECT_LE(static_cast<double>(wrong) / runs, bound + slack(bound, runs));
      EXPECT_GT(static_cast<double>(wrong_of_votes_alone) / runs, 0.5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(SequentialTest, ErrorRates,
                         ::testing::Combine(::testing::Values(2u, 5u, 20u), ::testing::Values(1u, 5u)));

TEST(SequentialTest, SharesItsErrorAmongSegments) {
  auto random = random_source();
  constexpr std::uint32_t segments = 8;
  const SequentialTest alone(5 * percent, 5 * percent, segments);
  EXPECT_DOUBLE_EQ(alone.limit(), SequentialTest(5 * percent, 5 * percent).limit() * segments);
  const auto runs = size_for(1000, 20'000);
  int wrong = 0;
  for (int run = 0; run < runs; ++run) {
    bool any = false;
    for (std::uint32_t segment = 0; segment < segments; ++segment)
      any = any || rate_of(Verdict::fail, alone, 0.05, 300, 1, random) > 0;
    wrong += any ? 1 : 0;
  }
  EXPECT_LE(static_cast<double>(wrong) / runs, 0.05 + slack(0.05, runs));
}

// 0.5 % of runs, and 6.0 % for a repeated one-sided exact test; the issue that asked for it has 6.7 % for the latter,
// without saying which test that was.
TEST(SequentialTest, HaltsFalselyFarLessThanARepeatedBinomialTest) {
  auto random = random_source();
  constexpr int devices = 300;
  constexpr double share = 0.05;
  // The smallest count that an exact one-sided binomial test at 1 % rejects, for each number of devices.
  std::vector<int> rejects(devices + 1);
  for (int n = 1; n <= devices; ++n) {
    double tail = 0;
    int k = n + 1;
    while (k > 0) {
      const double term = std::exp(std::lgamma(n + 1.0) - std::lgamma(k) - std::lgamma(n - k + 2.0) +
                                   (k - 1) * std::log(share) + (n - k + 1) * std::log1p(-share));
      if (tail + term > 0.01) break;
      tail += term;
      --k;
    }
    rejects[static_cast<std::size_t>(n)] = k;
  }
  const SequentialTest test(5 * percent, 1 * percent);
  const auto runs = size_for(20'000, 200'000);
  std::bernoulli_distribution exceeds(share);
  int ours = 0, repeated = 0;
  for (int run = 0; run < runs; ++run) {
    RunningTest running;
    int exceeded = 0;
    bool rejected = false, failed = false;
    for (int n = 1; n <= devices; ++n) {
      const bool vote = exceeds(random);
      running.add(test, vote, {});
      exceeded += vote ? 1 : 0;
      rejected = rejected || exceeded >= rejects[static_cast<std::size_t>(n)];
      failed = failed || running.verdict() == Verdict::fail;
    }
    ours += failed ? 1 : 0;
    repeated += rejected ? 1 : 0;
  }
  printf("false halts: %.2f %% of runs, a repeated binomial test at 1 %%: %.2f %%\n", 100.0 * ours / runs,
         100.0 * repeated / runs);
  EXPECT_NEAR(static_cast<double>(ours) / runs, 0.005, 0.002);
  EXPECT_NEAR(static_cast<double>(repeated) / runs, 0.0603, 0.004);
}

TEST(SequentialTest, FindsABadReleaseSoon) {
  auto random = random_source();
  const SequentialTest test(5 * percent, 1 * percent);
  const auto runs = size_for(2000, 20'000);
  EXPECT_GE(rate_of(Verdict::fail, test, 0.20, 100, runs, random), 0.90);
  EXPECT_GE(rate_of(Verdict::fail, test, 0.50, 20, runs, random), 0.95);
  EXPECT_GE(rate_of(Verdict::pass, test, 0.0, 100, 10, random), 1.0);
  EXPECT_GE(rate_of(Verdict::pass, test, 0.01, 400, runs, random), 0.80);
}

// --- looking seldom misses nothing ---

TEST(RunningTest, DecidesAtTheVoteAtWhichLookingEveryTimeDoes) {
  auto random = random_source();
  const auto rounds = size_for(400, 10'000);
  int decided = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto tolerate = std::uniform_int_distribution(1u, 40u)(random);
    const SequentialTest test(tolerate * percent, std::uniform_int_distribution(1u, 10u)(random) * percent);
    std::bernoulli_distribution exceeds(std::uniform_real_distribution(0.0, 2.5)(random) * tolerate / 100.0);
    std::bernoulli_distribution worsens(round % 3 == 0 ? 0.1 : 0.0), leaving(0.1);
    RunningTest running;
    Votes votes;
    Outstanding outstanding;
    Verdict looked = Verdict::inconclusive;
    for (int vote = 0; vote < 400; ++vote) {
      // Devices arrive, begin, vote, and now and then go without a vote.
      if (round % 2 == 0) outstanding.all += std::uniform_int_distribution(0u, vote < 200 ? 3u : 0u)(random);
      outstanding.begun += std::uniform_int_distribution(0u, outstanding.all - outstanding.begun)(random);
      const bool leaves = outstanding.begun > 0 && leaving(random);
      if (outstanding.begun > 0) {
        --outstanding.all;
        --outstanding.begun;
      }
      if (leaves) {
        running.expect_fewer(test, outstanding);
      } else if (votes.fine() > 0 && worsens(random)) {
        ++votes.exceeded;
        running.worsen(test, outstanding);
      } else {
        const bool exceeded = exceeds(random);
        ++votes.devices;
        votes.exceeded += exceeded ? 1u : 0u;
        running.add(test, exceeded, outstanding);
      }
      // A fail stands, and so does a pass, until a fail.
      const auto now = test.judge(votes, outstanding);
      if (looked == Verdict::inconclusive || now == Verdict::fail) looked = looked == Verdict::fail ? looked : now;
      ASSERT_EQ(running.votes(), votes);
      ASSERT_EQ(running.verdict(), looked) << "round " << round << ", " << votes.exceeded << " of " << votes.devices
                                           << ", outstanding " << outstanding.begun << " of " << outstanding.all;
      ASSERT_EQ(running.has_passed(test, outstanding),
                looked == Verdict::pass && (outstanding.all == 0 || now == Verdict::pass));
    }
    decided += looked == Verdict::inconclusive ? 0 : 1;
  }
  EXPECT_GT(decided, rounds / 2);
}

TEST(SequentialTest, StakesGrowWithTheVotesThatSpeakForThem) {
  for (const std::uint32_t tolerate : {1u, 5u, 30u, 70u}) {
    const SequentialTest test(tolerate * percent, 1 * percent);
    for (std::uint32_t devices = 0; devices < 120; ++devices) {
      for (std::uint32_t exceeded = 0; exceeded <= devices; ++exceeded) {
        const Votes votes{devices, exceeded}, worse{devices + 1, exceeded + 1}, better{devices + 1, exceeded};
        ASSERT_GE(test.fail_stake(worse), test.fail_stake(votes));
        ASSERT_LE(test.fail_stake(better), test.fail_stake(votes) * (1 + 1e-12));
        ASSERT_GE(test.pass_stake(better), test.pass_stake(votes) * (1 - 1e-12));
        ASSERT_LE(test.pass_stake(worse), test.pass_stake(votes) * (1 + 1e-12));
      }
    }
  }
}

// A million devices are judged as quickly as a hundred: what matters is what is near the boundary.
TEST(SequentialTest, HoldsForLargeFleets) {
  const SequentialTest test(5 * percent, 1 * percent);
  EXPECT_EQ(test.judge({1'000'000, 50'000}), Verdict::inconclusive);
  EXPECT_EQ(test.judge({1'000'000, 51'200}), Verdict::fail);
  EXPECT_EQ(test.judge({1'000'000, 48'800}), Verdict::pass);
  EXPECT_EQ(test.judge({10'000'000, 0}), Verdict::pass);
  EXPECT_EQ(test.judge({10'000'000, 10'000'000}), Verdict::fail);
}

}  // namespace
}  // namespace muster::rules
