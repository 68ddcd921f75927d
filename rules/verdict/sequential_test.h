// Decides whether the share of devices that exceed a limit is tolerable, from one vote a device, however often one
// looks: an anytime-valid test. Each vote multiplies two stakes, one against "the share is at most `tolerate`", one
// against "it is at least that". If the claim is true, its stake has never more than a chance of `error` to reach
// 1/error at any time (Ville's inequality), so looking after every vote, or stopping when one likes, does not raise the
// rate of false verdicts. Background: Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic
// confidence sequences", Annals of Statistics 49(2), 2021; Grünwald, de Heide, Koolen, "Safe testing", JRSS B 86(5),
// 2024.
//
// The stakes are mixtures of likelihood ratios against the boundary share t: for `fail` flat over (t, 1]; for `pass`
// half of it at 0 and half flat over [0, t). A value, pure; any thread. Results depend on the four basic operations of
// IEEE 754 doubles alone, so that every machine comes to the same verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace muster::rules {

enum class Verdict : std::uint8_t { inconclusive, pass, fail };
[[nodiscard]] std::string_view name_of(Verdict verdict);

// Counts add up over waves, segments and brokers.
struct Votes {
  std::uint32_t devices = 0;
  std::uint32_t exceeded = 0;  // of them
  [[nodiscard]] std::uint32_t fine() const { return devices - exceeded; }
  bool operator==(const Votes&) const = default;
};

// Devices whose vote is still to come. How long a vote takes depends on what it will be: a crash shows at once, a good
// reading after an hour, silence later still. Judging only who has voted would favour what shows first. So nobody is
// left out: against a `fail` speak all whose time has begun, as if they did not exceed, and against a `pass` all who
// may yet vote, as if they did. The stakes of the votes that will be are then never lower, in the order in which the
// devices' times began, and Ville's inequality holds for those.
struct Outstanding {
  std::uint32_t begun = 0;  // their observation has begun: one that exceeds at once would have voted
  std::uint32_t all = 0;    // these, and those that are still on their way there
  bool operator==(const Outstanding&) const = default;
};

class SequentialTest {
 public:
  static constexpr std::uint32_t ppm = 1'000'000;
  static constexpr std::uint32_t devices_max = 10'000'000;  // that votes and plans go up to

  // `tolerate_ppm` and `error_ppm` (1 - confidence) lie strictly between 0 and 1,000,000. `shared_by` tests, at least
  // 1, share the error among them, as segments of one guardrail do: each is given an equal part of it.
  SequentialTest(std::uint32_t tolerate_ppm, std::uint32_t error_ppm, std::uint32_t shared_by = 1);

  [[nodiscard]] Verdict judge(const Votes& votes, const Outstanding& outstanding = {}) const;

  // The two stakes, which begin at about 1; from limit() on they decide. Exact up to a million times the limit and cut
  // off there.
  [[nodiscard]] double fail_stake(const Votes& votes) const;
  [[nodiscard]] double pass_stake(const Votes& votes) const;
  [[nodiscard]] double limit() const { return limit_; }

  // What a wave can reach. The fewest devices of which none but `exceeded` exceed that give a pass; none within
  // devices_max.
  [[nodiscard]] std::optional<std::uint32_t> devices_to_pass(std::uint32_t exceeded) const;
  // The fewest of `devices` that have to exceed for a fail; none when all of them would not do.
  [[nodiscard]] std::optional<std::uint32_t> exceeded_to_fail(std::uint32_t devices) const;

  // How many more votes of one kind in a row it takes at least for a verdict of that kind; at least 1 when there is
  // none yet. Whoever counts need not judge before as many have come, whatever comes between them.
  [[nodiscard]] std::uint32_t more_exceeded_to_fail(const Votes& votes) const;
  [[nodiscard]] std::uint32_t more_fine_to_pass(const Votes& votes) const;

 private:
  // Necessary for a fail and for a pass, and cheap to know: the share seen is above, below what is tolerated.
  [[nodiscard]] bool is_above(const Votes& votes) const;
  [[nodiscard]] bool is_below(const Votes& votes) const;
  friend class RunningTest;

  double tolerate_, odds_, limit_;  // odds_: of not exceeding, (1 - tolerate) / tolerate
};

// One test that runs: counts votes, and looks as seldom as it can without missing what decides. A fail stands for good.
// A pass stands until a fail: whoever goes on after it still hears when it gets worse.
class RunningTest {
 public:
  RunningTest() = default;
  // One that has come so far.
  RunningTest(const Votes& votes, Verdict verdict) : votes_(votes), verdict_(verdict) {}
  // The device's one vote; it is outstanding no more.
  void add(const SequentialTest& test, bool exceeded, const Outstanding& outstanding);
  // A device that had voted that it did not exceed now does.
  void worsen(const SequentialTest& test, const Outstanding& outstanding);
  // A device that was outstanding will not vote.
  void expect_fewer(const SequentialTest& test, const Outstanding& outstanding);
  [[nodiscard]] const Votes& votes() const { return votes_; }
  [[nodiscard]] Verdict verdict() const { return verdict_; }
  // It has passed, and would have with whatever those outstanding may vote.
  [[nodiscard]] bool has_passed(const SequentialTest& test, const Outstanding& outstanding) const;

 private:
  void look(const SequentialTest& test, const Outstanding& outstanding);

  Votes votes_;
  std::uint32_t fail_look_ = 0;  // the count of exceeded before which no fail can be
  std::uint32_t pass_look_ = 0;  // the count of fine before which no pass can be
  Verdict verdict_ = Verdict::inconclusive;
};

}  // namespace muster::rules
