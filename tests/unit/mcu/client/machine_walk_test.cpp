// Many devices with random lives: whatever comes in whatever order, cut off anywhere, the bench's invariants hold after
// every step, and what is then left in peace comes to an end.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

class Life {
 public:
  explicit Life(std::uint64_t seed) : chance_(seed) {
    for (auto& one : swarm_) one = below(3) != 0;
  }

  void live() {
    const auto steps = 20 + below(60);
    for (unsigned i = 0; i < steps && !::testing::Test::HasFailure(); ++i) one_thing();
    bench_.settle();
    if (::testing::Test::HasFailure()) return;
    bench_.start();
    bench_.settle();
    if (!bench_.waits() || bench_.machine().updates_paused()) return;
    auto released = bench_.state().assignment;
    released.epoch = ++epoch_;
    released.hold = Hold::none;
    bench_.give(released);
    bench_.settle();
    EXPECT_TRUE(bench_.machine().settled()) << "it was let go";
    ++released_;
  }

  [[nodiscard]] const Bench& bench() const { return bench_; }
  [[nodiscard]] unsigned released() const { return released_; }

 private:
  std::mt19937_64 chance_;
  Bench bench_;
  bool swarm_[8] = {};  // kinds of events that this life has
  std::uint64_t epoch_ = 0, directive_epoch_ = 0;
  unsigned released_ = 0;
  Assignment newest_;

  unsigned below(unsigned limit) { return static_cast<unsigned>(chance_() % limit); }

  void one_thing() {
    if (below(12) == 0) bench_.cut_power_at(1 + below(12));
    switch (below(16)) {
      case 0:
      case 1:
        assign();
        break;
      case 2:
        if (swarm_[0]) direct();
        break;
      case 3:
        if (swarm_[1]) bench_.policy(static_cast<RecoveryAction>(below(6)), below(8) == 0);
        break;
      case 4:
        bench_.give(below(2) == 0 ? EventKind::policy_clear : EventKind::healthy);
        break;
      case 5:
        if (swarm_[2]) bench_.start(below(2) == 0 ? ResetCause::watchdog : ResetCause::power_on);
        break;
      case 6:
        if (swarm_[3]) spoil();
        break;
      case 7:
        if (swarm_[4]) (void)bench_.answer(static_cast<ErrorCode>(below(2) == 0 ? 40 : 13));
        break;
      case 8:
        if (swarm_[5] && below(4) == 0) {
          for (int i = 0; i < 9; ++i) bench_.start(ResetCause::fault);
        }
        break;
      case 9:
        bench_.pass(below(130000));
        break;
      case 10:
        bench_.give(EventKind::connected);
        break;
      case 11:
        if (swarm_[6] && below(4) == 0) lose_records();
        break;
      default:
        if (!bench_.answer()) bench_.pass(below(20000));
    }
  }

  void assign() {
    if (below(5) == 0 && epoch_ != 0) {  // again, or under a new number
      auto again = newest_;
      if (below(2) == 0) {
        again.epoch = ++epoch_;
        if (swarm_[7]) again.hold = some_hold();
      }
      bench_.give(again);
      return;
    }
    Assignment made = assignment(++epoch_, {}, below(3) == 0 ? 0 : below(200));
    unsigned planes[] = {0, 1, 2};
    std::shuffle(planes, planes + 3, chance_);
    made.count = static_cast<std::uint8_t>(1 + below(3));
    for (unsigned i = 0; i < made.count; ++i) {
      auto& to = made.releases[i];
      to.plane = static_cast<Plane>(planes[i]);
      to.manifest = release(to.plane, below(10));
      if (to.manifest.is_zero() || below(20) == 0) continue;
      to.envelope = to.manifest;
      to.envelope_size = 300;
    }
    if (swarm_[7]) made.hold = some_hold();
    if (swarm_[7] && below(15) == 0) made.shadow = static_cast<std::uint8_t>(1 + below(3));
    newest_ = made;
    bench_.give(made);
  }

  Hold some_hold() { return static_cast<Hold>(below(2) == 0 ? 0 : below(3)); }

  void direct() {
    const auto scope = static_cast<std::uint8_t>(below(3));
    auto made = directive(scope, ++directive_epoch_, {});
    const unsigned count = below(4);
    for (unsigned i = 0; i < count; ++i) {
      const auto kind = static_cast<OrderKind>(below(5));
      if (kind == OrderKind::pause_updates && below(3) != 0) continue;
      const auto plane = static_cast<Plane>(below(3));
      auto one = order(kind, directive_epoch_ - below(3) % directive_epoch_, plane);
      one.release = short_of(below(2) == 0 ? bench_.machine().active(plane) : release(plane, 1 + below(9)));
      one.scope = scope;
      made.orders[made.count++] = one;
    }
    bench_.give(made);
  }

  // Of one of the two logs at a time.
  void lose_records() {
    switch (below(4)) {
      case 0:
        bench_.forget_boot_log();
        break;
      case 1:
        bench_.recall_boot_log(1 + below(7));
        break;
      case 2:
        bench_.recall_settings(1 + below(7));
        break;
      default:
        bench_.forget_settings();
    }
    bench_.start();
  }

  // One slot a plane at most, and never the last firmware: two at once may end a device, and that is nobody's fault.
  void spoil() {
    const auto plane = static_cast<Plane>(below(3));
    const auto slot = static_cast<std::uint8_t>(below(2));
    if (plane == Plane::firmware) {
      const auto known = bench_.boot();
      const auto other = static_cast<std::uint8_t>(slot ^ 1u);
      const auto& left = bench_.machine().slot(plane, other);
      if (!left.intact || left.security_version < known.security_floor || bench_.machine().on_probation()) return;
    }
    bench_.damage(plane, slot, below(2) == 0);
    bench_.start();
  }
};

TEST(McuMachineWalk, RandomLives) {
  const auto seed = muster::testing::seed_or(1);
  const auto lives = muster::testing::size_for(1000u, 100000u);
  std::printf("MUSTER_SEED=%llu, %u lives\n", static_cast<unsigned long long>(seed), lives);
  std::uint64_t points = 0;
  unsigned commits = 0;
  unsigned released = 0;
  for (unsigned i = 0; i < lives; ++i) {
    SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed + i));
    Life life(seed + i);
    life.live();
    points += life.bench().points();
    released += life.released();
    commits += life.bench().phase() == Phase::committed ? 1u : 0u;
    ASSERT_FALSE(HasFailure()) << life.bench().story();
  }
  std::printf("%llu points of a cut passed, %u lives ended committed, %u came out of a hold\n",
              static_cast<unsigned long long>(points), commits, released);
  EXPECT_GT(commits, lives / 5);
  EXPECT_GT(released, lives / 50);
}

}  // namespace
}  // namespace muster::mcu::testing
