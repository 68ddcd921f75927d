#include "tests/crash/mcu/board.h"

namespace muster::mcu::testing {

namespace {

constexpr std::uint8_t filling_key = 1;  // in the settings: of the file whose download has erased the header

std::uint32_t identity_of(const SlotHeader& header) {
  std::uint32_t identity = 0;
  std::memcpy(&identity, header.files[0].sha256, sizeof identity);
  return identity;
}

}  // namespace

Board::Board(std::uint32_t version, std::uint32_t program_size, std::uint32_t erase_size)
    : Device(small_layout(program_size, erase_size)) {
  for (const Area* area : {&layout.boot_log, &layout.settings, &layout.slots[0][0], &layout.slots[0][1]})
    nor.fill_at_random(area->offset, area->size, version);
  Release release(2500, version);
  EXPECT_EQ(release.install(flash, layout.slots[0][0]), ok);
  SlotHeader started;
  EXPECT_EQ(boot(flash, ResetCause::power_on, started), 0);
  confirmed_floor = version;
}

bool Board::start(SlotHeader& started, BootState& state) {
  const int slot = boot(flash, cause_, started);
  if (!nor.has_power()) return false;
  if (slot < 0) {
    broken = "nothing is started";
    return false;
  }
  running_version = started.security_version;
  if (running_version < confirmed_floor) broken = "started under the floor";
  if (check_files(flash, layout.slots[0][slot], started) != ok) broken = "started a damaged slot";
  RecordLog log(flash, layout.boot_log);
  if (log.mount() != ok || load(log, state) != ok) broken = "the boot log does not read";
  if (state.running != slot) broken = "the state does not say what runs";
  if (state.starts <= starts_seen) broken = "the boot id did not grow";
  if (state.security_floor < confirmed_floor) broken = "the floor was lowered";
  starts_seen = state.starts;
  return broken.empty();
}

void Board::live(Release& wanted, bool healthy, std::uint32_t tag) {
  SlotHeader started;
  BootState state;
  if (!start(started, state)) return;
  cause_ = ResetCause::software;
  const std::uint32_t version = wanted.header.security_version;
  if (running_version == version) {
    if (state.outcome == TrialOutcome::requested) {
      ++trial_jumps;
      if (!healthy) {
        cause_ = ResetCause::watchdog;
        return;
      }
    }
    RecordLog log(flash, layout.boot_log);
    if (log.mount() != ok || confirm_trial(log, version) != ok) return;
    confirmed_floor = version;
    done_ = true;
    return;
  }
  if (!healthy && state.outcome == TrialOutcome::reverted && state.trial_tag == tag) {
    done_ = true;
    return;
  }
  (void)update(wanted, tag, state);
}

int Board::update(Release& wanted, std::uint32_t tag, const BootState& state) {
  const auto target = static_cast<std::uint8_t>(state.active ^ 1);
  const Area& slot = layout.slots[0][target];
  SlotHeader header;
  const bool complete = read_header(flash, slot, header) == ok && identity_of(header) == identity_of(wanted.header);
  if (!complete) {
    const int status = download(wanted, slot);
    if (status != ok) return status;
  }
  if (complete) wanted.header = header;
  if (check_files(flash, slot, wanted.header) != ok && nor.has_power()) broken = "a slot with a header is not whole";
  RecordLog log(flash, layout.boot_log);
  const int status = log.mount();
  return status == ok ? request_trial(log, target, tag) : status;
}

int Board::download(Release& wanted, const Area& slot) {
  RecordLog settings(flash, layout.settings);
  int status = settings.mount();
  if (status == ok) status = place_files(wanted.header, slot);
  if (status != ok) return status;
  const std::uint32_t identity = identity_of(wanted.header);
  std::uint32_t noted = 0;
  status = settings.read(filling_key, &noted, sizeof noted);
  std::uint32_t at = slot_header_size;
  if (status == sizeof noted && noted == identity) {
    const int point = resume_point(flash, slot, wanted.end());
    if (point < 0) return point;
    at = static_cast<std::uint32_t>(point);
    resumed_at_most = std::max(resumed_at_most, at);
    status = reopen(flash, slot, at);
  } else {
    // The note of another download goes before the slot does.
    status = settings.remove(filling_key);
    if (status == ok) status = erase_header(flash, slot);
    if (status == ok) status = settings.write(filling_key, &identity, sizeof identity);
  }
  if (status == ok) status = wanted.fill_from(flash, slot, at);
  if (status == ok) status = write_header(flash, slot, wanted.header);
  return status == ok ? settings.remove(filling_key) : status;
}

bool live_on(Board& board, Release& wanted, bool healthy, std::uint32_t tag, int lives_max) {
  for (int life = 0; life < lives_max && !board.done() && board.broken.empty(); ++life) {
    if (!board.nor.has_power()) board.nor.power_on();
    board.live(wanted, healthy, tag);
  }
  return board.done() && board.broken.empty();
}

}  // namespace muster::mcu::testing
