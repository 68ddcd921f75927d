#include "rules/verdict/sequential_test.h"

#include <algorithm>
#include <cassert>

namespace muster::rules {
namespace {

constexpr double stake_cap = 1e6;  // times the limit

// With X ~ Bin(n + 1, t) and b its probabilities, the flat mixture over (t, 1] has the closed form
//   P(X <= k) / ((n + 1 - k) b(k)),
// and the one over [0, t)
//   P(X >= k + 1) / ((k + 1) b(k + 1)):
// sums of ratios of neighbouring probabilities. Both functions below add up that sum, from its own term outward, which
// needs no logarithm and no power, and stop when what is left does not count or the sum is beyond `cap`.

// P(X <= k) / b(k).
double sum_down(std::uint32_t n, std::uint32_t k, double odds, double cap) {
  double sum = 1, term = 1;
  for (std::uint32_t j = k; j > 0 && sum < cap; --j) {
    term *= static_cast<double>(j) / static_cast<double>(n + 2 - j) * odds;
    sum += term;
    if (term < sum * 1e-17) break;  // further terms are smaller still: below the mode they only fall
  }
  return sum;
}

// P(X >= k) / b(k).
double sum_up(std::uint32_t n, std::uint32_t k, double odds, double cap) {
  double sum = 1, term = 1;
  for (std::uint32_t j = k; j < n + 1 && sum < cap; ++j) {
    term *= static_cast<double>(n + 1 - j) / static_cast<double>(j + 1) / odds;
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return sum;
}

// The smallest number from 1 to `most` for which `holds`, which stays true once it is; 0 when there is none.
template <typename Holds>
std::uint32_t smallest(std::uint32_t most, const Holds& holds) {
  std::uint32_t beyond = 1;
  while (beyond < most && !holds(beyond)) beyond = beyond <= most / 2 ? beyond * 2 : most;
  if (most == 0 || !holds(beyond)) return 0;
  std::uint32_t below = beyond / 2;  // where it does not hold yet
  while (beyond - below > 1) {
    const auto middle = below + (beyond - below) / 2;
    (holds(middle) ? beyond : below) = middle;
  }
  return beyond;
}

Votes at_best(const Votes& votes, const Outstanding& outstanding) {
  return {votes.devices + outstanding.begun, votes.exceeded};
}

Votes at_worst(const Votes& votes, const Outstanding& outstanding) {
  return {votes.devices + outstanding.all, votes.exceeded + outstanding.all};
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::inconclusive:
      return "inconclusive";
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
  }
  return {};
}

SequentialTest::SequentialTest(std::uint32_t tolerate_ppm, std::uint32_t error_ppm, std::uint32_t shared_by)
    : tolerate_(static_cast<double>(tolerate_ppm) / ppm),
      odds_((1 - tolerate_) / tolerate_),
      limit_(static_cast<double>(ppm) / error_ppm * shared_by) {
  assert(tolerate_ppm > 0 && tolerate_ppm < ppm);
  assert(error_ppm > 0 && error_ppm < ppm);
  assert(shared_by > 0);
}

double SequentialTest::fail_stake(const Votes& votes) const {
  const auto share = static_cast<double>(votes.fine()) + 1;
  const auto cap = stake_cap * limit_;
  return std::min(sum_down(votes.devices, votes.exceeded, odds_, cap * share) / share, cap);
}

double SequentialTest::pass_stake(const Votes& votes) const {
  const auto share = static_cast<double>(votes.exceeded) + 1;
  const auto cap = stake_cap * limit_;
  const auto flat = 0.5 * sum_up(votes.devices, votes.exceeded + 1, odds_, 2 * cap * share) / share;
  if (votes.exceeded > 0) return std::min(flat, cap);
  // The half at 0: (1 - t)^-n, by squaring.
  double power = 0.5, base = 1 / (1 - tolerate_);
  for (auto left = votes.devices; left > 0 && power < cap; left /= 2) {
    if (left % 2 == 1) power *= base;
    base *= base;
  }
  return std::min(flat + power, cap);
}

Verdict SequentialTest::judge(const Votes& votes, const Outstanding& outstanding) const {
  const auto best = at_best(votes, outstanding);
  const auto worst = at_worst(votes, outstanding);
  assert(votes.exceeded <= votes.devices && outstanding.begun <= outstanding.all && worst.devices <= devices_max);
  if (votes.exceeded > 0 && is_above(best) && fail_stake(best) >= limit_) return Verdict::fail;
  return is_below(worst) && pass_stake(worst) >= limit_ ? Verdict::pass : Verdict::inconclusive;
}

// The likelihood ratio against the boundary is at most 1 for any share above it when the share seen is not above, and
// so is every mixture of such ratios; the limit is above 1. Likewise below.
bool SequentialTest::is_above(const Votes& votes) const {
  return static_cast<double>(votes.exceeded) > tolerate_ * static_cast<double>(votes.devices);
}

bool SequentialTest::is_below(const Votes& votes) const {
  return static_cast<double>(votes.exceeded) < tolerate_ * static_cast<double>(votes.devices);
}

std::optional<std::uint32_t> SequentialTest::devices_to_pass(std::uint32_t exceeded) const {
  if (exceeded > devices_max) return std::nullopt;
  const auto fine = smallest(devices_max - exceeded, [&](std::uint32_t more) {
    return pass_stake({exceeded + more, exceeded}) >= limit_;
  });
  if (fine == 0) return std::nullopt;
  return exceeded + fine;
}

std::optional<std::uint32_t> SequentialTest::exceeded_to_fail(std::uint32_t devices) const {
  const auto found = smallest(devices, [&](std::uint32_t exceeded) {
    return fail_stake({devices, exceeded}) >= limit_;
  });
  if (found == 0) return std::nullopt;
  return found;
}

std::uint32_t SequentialTest::more_exceeded_to_fail(const Votes& votes) const {
  const auto more = smallest(devices_max, [&](std::uint32_t m) {
    return fail_stake({votes.devices + m, votes.exceeded + m}) >= limit_;
  });
  return more == 0 ? devices_max : more;
}

std::uint32_t SequentialTest::more_fine_to_pass(const Votes& votes) const {
  const auto more = smallest(devices_max, [&](std::uint32_t m) {
    return pass_stake({votes.devices + m, votes.exceeded}) >= limit_;
  });
  return more == 0 ? devices_max : more;
}

void RunningTest::add(const SequentialTest& test, bool exceeded, const Outstanding& outstanding) {
  ++votes_.devices;
  if (exceeded) ++votes_.exceeded;
  expect_fewer(test, outstanding);
}

void RunningTest::worsen(const SequentialTest& test, const Outstanding& outstanding) {
  assert(votes_.fine() > 0);
  ++votes_.exceeded;
  fail_look_ = 0;  // one fine vote less: a fail may be nearer than the last look said
  expect_fewer(test, outstanding);
}

void RunningTest::expect_fewer(const SequentialTest& test, const Outstanding& outstanding) {
  if (verdict_ == Verdict::fail) return;
  const bool may_fail = votes_.exceeded >= fail_look_ && test.is_above(at_best(votes_, outstanding));
  const bool may_pass =
      verdict_ == Verdict::inconclusive && votes_.fine() >= pass_look_ && test.is_below(at_worst(votes_, outstanding));
  if (may_fail || may_pass) look(test, outstanding);
}

bool RunningTest::has_passed(const SequentialTest& test, const Outstanding& outstanding) const {
  return verdict_ == Verdict::pass && (outstanding.all == 0 || test.judge(votes_, outstanding) == Verdict::pass);
}

// When to look next is a matter of the votes alone, as whoever is outstanding only makes a verdict need more of them.
// Where they would do alone, each change may be the one that decides.
void RunningTest::look(const SequentialTest& test, const Outstanding& outstanding) {
  const auto now = test.judge(votes_, outstanding);
  if (now != Verdict::inconclusive) verdict_ = now;
  if (verdict_ == Verdict::fail) return;
  const auto alone = test.judge(votes_);
  fail_look_ = votes_.exceeded + (alone == Verdict::fail ? 0 : test.more_exceeded_to_fail(votes_));
  if (verdict_ == Verdict::pass) return;
  pass_look_ = votes_.fine() + (alone == Verdict::pass ? 0 : test.more_fine_to_pass(votes_));
}

}  // namespace muster::rules
