// What the agent does on its disk, by its own slot store: verifying a slot beside `openssl dgst`, and flipping forth
// and back beside a bare symlink + rename + fsync (README.md).
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "edge-client/shell/journal.h"
#include "edge-client/shell/slots.h"
#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"
#include "tests/bench/lib/statistics.h"
#include "tests/e2e/harness/eventually.h"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;
using edge::Plane;

// A device that holds two releases, each fetched and installed the usual way.
struct TwoSlots {
  std::unique_ptr<Device> device;
  Sha256 first, second;
};

Sha256 active_of(const edge::SlotStore& slots) {
  return slots.links(Plane::model).active;
}

TwoSlots make_slots(Rig& rig) {
  TwoSlots made{rig.start_device("disk", "disk"), {}, {}};
  const edge::SlotStore slots(made.device->data_dir());
  rig.start_rollout("r-1", "big", "disk");
  static_cast<void>(rig.observer().reached("disk", "committed", 120s));
  made.first = active_of(slots);
  rig.start_rollout("r-2", "small", "disk");
  if (!e2e::eventually(60s, [&] { return active_of(slots) != made.first; }))
    break_off("the second release did not come");
  made.second = active_of(slots);
  made.device->stop();
  return made;
}

double verify_ms(const edge::SlotStore& slots, const Sha256& manifest) {
  const auto before = Clock::now();
  const auto checked = slots.check(Plane::model, manifest);
  const auto after = Clock::now();
  if (!checked) break_off("the slot is damaged: %s", checked.error().detail.c_str());
  return ms_between(before, after);
}

double flip_ms(const edge::SlotStore& slots, const Sha256& active, const Sha256& previous) {
  const auto before = Clock::now();
  const auto flipped = slots.flip(Plane::model, active, previous);
  const auto after = Clock::now();
  if (!flipped) break_off("cannot flip: %s", flipped.error().detail.c_str());
  return ms_between(before, after);
}

// What the agent does to go back without a network: the journal says so first, then the pointers move.
double rollback_ms(edge::Journal& journal, const Bytes& record, const edge::SlotStore& slots, const Sha256& active) {
  const auto before = Clock::now();
  const auto saved = journal.save(record);
  const auto after = Clock::now();
  if (!saved) break_off("%s", saved.error().message.c_str());
  return ms_between(before, after) + flip_ms(slots, active, {});
}

// The least that makes a pointer point elsewhere, durably.
double twin_ms(const std::string& folder, int number) {
  const auto link = folder + "/link", fresh = folder + "/link.new";
  const auto before = Clock::now();
  const bool linked = ::symlink(("slots/" + std::to_string(number)).c_str(), fresh.c_str()) == 0 &&
                      ::rename(fresh.c_str(), link.c_str()) == 0;
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = ::fsync(handle) == 0;
  ::close(handle);
  const auto after = Clock::now();
  if (!linked || !synced) break_off("cannot rename and sync in %s", folder.c_str());
  return ms_between(before, after);
}

void measure_verify(const TwoSlots& made, const std::string& file, double size_mb, const Options& options) {
  const edge::SlotStore slots(made.device->data_dir());
  Measure verify{"verify speed",
                 "manifest and SHA-256 of a slot's file",
                 "MB/s",
                 "openssl dgst -sha256",
                 {},
                 {},
                 {BudgetKind::ratio_min, 0.9},
                 "both from the page cache; openssl as a process of its own"};
  static_cast<void>(verify_ms(slots, made.first));
  for (int round = 0; round < options.rounds; ++round) {
    double peer = round % 2 != 0 ? timed_run_ms({"openssl", "dgst", "-sha256", file}) : 0;
    const double ours = verify_ms(slots, made.first);
    if (round % 2 == 0) peer = timed_run_ms({"openssl", "dgst", "-sha256", file});
    verify.add(size_mb / ours * 1e3, size_mb / peer * 1e3);
    std::fprintf(stderr, "round %d: verified at %.0f MB/s, openssl %.0f MB/s\n", round + 1, verify.ours.back(),
                 verify.peer.back());
  }
  print(verify);
}

void measure_flips(const TwoSlots& made, const std::string& twin_folder, const Options& options) {
  const edge::SlotStore slots(made.device->data_dir());
  edge::Journal journal(made.device->data_dir() + "/journal-of-the-bench");
  const Bytes record(1024, 7);
  const int times = options.quick ? 20 : 200;
  Measure flip{"flip",
               "both links of a plane, durable",
               "ms",
               "symlink, rename, fsync of the folder",
               {},
               {},
               {BudgetKind::ours_max, 5},
               "median of " + std::to_string(times) + " in each round"};
  Measure back{"local rollback",
               "journal written, then the links, durable",
               "ms",
               "symlink, rename, fsync of the folder",
               {},
               {},
               {BudgetKind::ours_max, 5},
               "median of " + std::to_string(times) + " in each round"};
  for (int round = 0; round < options.rounds; ++round) {
    std::vector<double> forth, backs, twins;
    for (int i = 0; i < times; ++i) {
      forth.push_back(flip_ms(slots, made.second, made.first));
      twins.push_back(twin_ms(twin_folder, i));
      backs.push_back(rollback_ms(journal, record, slots, made.first));
    }
    flip.add(median(forth), median(twins));
    back.add(median(backs), median(twins));
    std::fprintf(stderr, "round %d: flip %.2f ms, rollback %.2f ms, bare rename and fsync %.2f ms\n", round + 1,
                 flip.ours.back(), back.ours.back(), flip.peer.back());
  }
  print(flip);
  print(back);
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster::bench;
  const auto options = parse_options(argc, argv);
  Rig rig;
  const auto [file, size] = rig.publish_big(options);
  rig.publish("small", rig.make_file("small.bin", 4096, options.seed + 1));
  const auto made = make_slots(rig);
  measure_verify(made, file, static_cast<double>(size) / 1e6, options);
  measure_flips(made, rig.folder().make_folder("twin"), options);
}
