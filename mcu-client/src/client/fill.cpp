#include "mcu-client/src/client/fill.h"

#include <cassert>
#include <cstring>

#include "mcu-client/src/client/settings.h"
#include "schemas/wire_text.h"
#include "trust/envelope.h"
#include "trust/sha256.h"

namespace muster::mcu {
namespace {

constexpr std::uint32_t busy_pause_ms = 100;
constexpr std::uint32_t busy_doublings_max = 6;  // 6.4 s
constexpr std::uint32_t unknown_pause_ms = 2000;

// Says that a slot was erased for a release and nothing else was written to it since.
struct FillMark {
  Sha256 manifest;
  std::uint8_t plane = 0;
  std::uint8_t slot = 0;
  std::uint8_t unused[2] = {};
};

using wire::view;

void copy_text(char* to, std::size_t capacity, std::string_view text) {
  std::memset(to, 0, capacity);
  std::memcpy(to, text.data(), text.size() < capacity ? text.size() : capacity);
}

// Firmware that runs where it lies is linked for one slot: its release has a file for each, and a device takes its own.
bool is_for_other_slot(Plane plane, std::string_view name, std::uint8_t slot) {
  return plane == Plane::firmware && name == (slot == 0 ? "slot_b.bin" : "slot_a.bin");
}

}  // namespace

void Fill::begin(const AssignedRelease& release, std::uint8_t slot, const Fit& fit) {
  release_ = release;
  slot_ = slot;
  fit_ = fit;
  header_ = SlotHeader{};
  error_ = ErrorCode::none;
  state_ = State::busy;
  manifest_ = ByteView();
  FillMark mark;
  const int size = settings_.read(key_fill, &mark, sizeof mark);
  const bool goes_on = size == static_cast<int>(sizeof mark) && mark.manifest == release.manifest &&
                       mark.plane == index_of(release.plane) && mark.slot == slot;
  step_ = goes_on ? Step::envelope : Step::erase;
  start_blob(0);
  size_ = release.envelope_size;
  if (size_ > work_size_) fail(ErrorCode::incompatible, "its manifest is too long for this device");
}

void Fill::lend_work() {
  if (state_ != State::busy || step_ == Step::erase) return;
  step_ = Step::envelope;
  start_blob(0);
  size_ = release_.envelope_size;
}

void Fill::start_blob(std::uint32_t from) {
  next_ = asked_ = from;
  tries_ = 0;
  not_before_ms_ = 0;
}

void Fill::fail(ErrorCode error, const char* detail) {
  error_ = error;
  detail_ = detail;
  state_ = State::failed;
}

bool Fill::flash_ok(int result) {
  if (result != ok) fail(ErrorCode::install_failed, "the flash does not take it");
  return result == ok;
}

// --- asking and taking ---

bool Fill::next_request(std::uint64_t now_ms, Sha256& blob, std::uint32_t& offset, std::uint32_t& length) {
  if (state_ != State::busy || (step_ != Step::envelope && step_ != Step::files) || now_ms < not_before_ms_)
    return false;
  if (asked_ == next_) progress_ms_ = now_ms;
  if (now_ms - progress_ms_ >= answer_timeout_ms) {
    asked_ = next_;
    progress_ms_ = now_ms;
  }
  if (asked_ >= size_ || asked_ - next_ >= chunks_ahead * chunk_size) return false;
  if (step_ == Step::envelope) {
    blob = release_.envelope;
  } else {
    std::memcpy(blob.bytes.data(), header_.files[file_].sha256, blob.bytes.size());
  }
  offset = asked_;
  length = size_ - asked_ < chunk_size ? size_ - asked_ : chunk_size;
  asked_ += length;
  return true;
}

void Fill::take(const wire::Chunk& chunk, std::uint64_t now_ms) {
  if (state_ != State::busy || (step_ != Step::envelope && step_ != Step::files)) return;
  const std::uint8_t* wanted = step_ == Step::envelope ? release_.envelope.bytes.data() : header_.files[file_].sha256;
  if (std::memcmp(chunk.digest()->bytes()->data(), wanted, 32) != 0 || chunk.offset() != next_) return;
  switch (chunk.status()) {
    case wire::ChunkStatus::ok:
      break;
    case wire::ChunkStatus::unknown_blob:
      asked_ = next_;
      not_before_ms_ = now_ms + unknown_pause_ms;
      if (++tries_ > retries_max) fail(ErrorCode::fetch_failed, "the broker does not have it");
      return;
    case wire::ChunkStatus::out_of_range:
      fail(ErrorCode::size_mismatch, "it is shorter than it should be");
      return;
    case wire::ChunkStatus::busy:
      asked_ = next_;
      if (tries_ < busy_doublings_max) ++tries_;
      not_before_ms_ = now_ms + (busy_pause_ms << tries_);
      return;
  }
  const auto* data = chunk.data();
  const auto size = data == nullptr ? 0u : data->size();
  if (chunk.total() != size_) {
    fail(ErrorCode::size_mismatch, "it has another size than it should");
    return;
  }
  // What is shorter than it was asked for would end between two units of the flash.
  const auto expected = size_ - next_ < chunk_size ? size_ - next_ : chunk_size;
  if (size != expected) return;
  if (step_ == Step::envelope) {
    std::memcpy(work_ + next_, data->data(), size);
  } else if (!program(header_.files[file_].offset + next_, data->data(), size)) {
    return;
  }
  next_ += size;
  if (asked_ < next_) asked_ = next_;  // a late answer to what had been given up
  tries_ = 0;
  progress_ms_ = now_ms;
  if (next_ < size_) return;
  if (step_ == Step::envelope) {
    step_ = Step::open;
  } else {
    ++file_;
    start_blob(0);
    skip_complete_files();
  }
}

bool Fill::program(std::uint32_t at, const std::uint8_t* bytes, std::uint32_t size) {
  return flash_ok(mcu::fill(flash_, slot_area(), at, bytes, size));
}

// --- steps ---

Fill::State Fill::poll(std::uint64_t now_s) {
  if (state_ != State::busy) return state_;
  switch (step_) {
    case Step::erase:
      erase_step();
      break;
    case Step::open:
      open_step(now_s);
      break;
    case Step::check:
      check_step();
      break;
    case Step::seal:
      seal_step();
      break;
    case Step::envelope:
    case Step::files:
      break;
  }
  return state_;
}

void Fill::erase_step() {
  if (!flash_ok(settings_.remove(key_fill)) || !flash_ok(erase_header(flash_, slot_area()))) return;
  FillMark mark;
  mark.manifest = release_.manifest;
  mark.plane = static_cast<std::uint8_t>(index_of(release_.plane));
  mark.slot = slot_;
  if (!flash_ok(settings_.write(key_fill, &mark, sizeof mark))) return;
  step_ = Step::envelope;
}

void Fill::open_step(std::uint64_t now_s) {
  const ByteView envelope(work_, release_.envelope_size);
  if (trust::sha256(envelope) != release_.envelope) {
    fail(ErrorCode::digest_mismatch, "the manifest's envelope is damaged");
    return;
  }
  trust::TrustRoot root;
  if (trust_.read(root) != ok) {
    fail(ErrorCode::unknown_key, "there is no trust root");
    return;
  }
  const wire::Manifest* manifest = nullptr;
  Sha256 digest;
  const auto fault = trust::open_manifest(envelope, {&root, now_s}, manifest, digest);
  if (fault != trust::TrustFault::none) {
    fail(trust::code_of(fault), "the manifest was refused");
    return;
  }
  ErrorCode error = ErrorCode::incompatible;
  const char* why = digest != release_.manifest ? "the manifest is another release's" : misfit(*manifest, error);
  if (why != nullptr) {
    fail(error, why);
    return;
  }
  if (!lay_out(*manifest)) return;
  resume();
}

const char* Fill::misfit(const wire::Manifest& manifest, ErrorCode& error) const {
  if (manifest.plane() != release_.plane) return "it is made for another plane";
  if (const auto* compatible = manifest.compatible()) {
    const auto* classes = compatible->classes();
    bool fits = classes == nullptr || classes->size() == 0;
    for (std::uint32_t i = 0; !fits && i < classes->size(); ++i) fits = view(classes->Get(i)) == fit_.device_class;
    if (!fits) return "it is not made for this class";
    if (compatible->memory_mb_min() > fit_.memory_mb) return "it needs more memory";
    if (compatible->accelerators() != nullptr && compatible->accelerators()->size() != 0)
      return "it needs an accelerator";
  }
  if (manifest.activation() != nullptr) return "it waits for conditions, which this device does not judge";
  const auto* rules = manifest.recovery();
  if (rules != nullptr) {
    if (rules->size() > recovery_rules_max) return "it has too many recovery rules";
    for (const auto* rule : *rules) {
      if (rule->program()->size() > program_bytes_max) return "a recovery rule is too long";
    }
  }
  if (manifest.security_version() < fit_.floor) {
    error = ErrorCode::under_security_floor;
    return "it is under the security floor";
  }
  return nullptr;
}

bool Fill::lay_out(const wire::Manifest& manifest) {
  header_ = SlotHeader{};
  header_.plane = static_cast<std::uint8_t>(index_of(release_.plane));
  header_.security_version = manifest.security_version();
  std::memcpy(header_.manifest, release_.manifest.bytes.data(), sizeof header_.manifest);
  copy_text(header_.name, sizeof header_.name, view(manifest.name()));
  copy_text(header_.version, sizeof header_.version, view(manifest.version()));
  for (const auto* entry : *manifest.files()) {
    const auto name = view(entry->name());
    if (is_for_other_slot(release_.plane, name, slot_)) continue;
    if (header_.file_count == slot_files_max || name.size() > slot_file_name_max || entry->size() > slot_area().size) {
      fail(ErrorCode::disk_full, "it has more files than a slot takes");
      return false;
    }
    auto& file = header_.files[header_.file_count++];
    copy_text(file.name, sizeof file.name, name);
    std::memcpy(file.sha256, entry->sha256()->bytes()->data(), sizeof file.sha256);
    file.size = static_cast<std::uint32_t>(entry->size());
  }
  // The payload lies in `work`, where open_manifest found it.
  const wire::Envelope* envelope = nullptr;
  if (verify(ByteView(work_, release_.envelope_size), envelope) != WireFault::none) {
    fail(ErrorCode::malformed, "the manifest is malformed");
    return false;
  }
  manifest_ = ByteView(envelope->payload()->data(), envelope->payload()->size());
  header_.manifest_size = static_cast<std::uint16_t>(manifest_.size());
  if (place_files(header_, slot_area()) != ok) {
    fail(ErrorCode::disk_full, "it is larger than a slot");
    return false;
  }
  return true;
}

// Goes on where the last run stopped.
void Fill::resume() {
  const int point = resume_point(flash_, slot_area(), header_.manifest_offset + header_.manifest_size);
  if (point < 0 || !flash_ok(reopen(flash_, slot_area(), static_cast<std::uint32_t>(point)))) {
    (void)flash_ok(point < 0 ? point : err_io);
    return;
  }
  step_ = Step::files;
  file_ = 0;
  const auto at = static_cast<std::uint32_t>(point);
  while (file_ < header_.file_count && header_.files[file_].offset + header_.files[file_].size <= at) ++file_;
  manifest_done_ = at > header_.manifest_offset ? at - header_.manifest_offset : 0;
  start_blob(0);
  if (file_ < header_.file_count && at > header_.files[file_].offset) start_blob(at - header_.files[file_].offset);
  skip_complete_files();
}

void Fill::skip_complete_files() {
  while (file_ < header_.file_count && next_ >= header_.files[file_].size) {
    ++file_;
    start_blob(0);
  }
  if (file_ == header_.file_count) {
    step_ = Step::check;
    file_ = 0;
    return;
  }
  size_ = header_.files[file_].size;
}

// A file a step: reading back what was programmed also proves the flash.
void Fill::check_step() {
  if (file_ == header_.file_count) {
    step_ = Step::seal;
    return;
  }
  const auto& file = header_.files[file_++];
  Sha256 found;
  if (!flash_ok(flash_.digest(slot_area(), file.offset, file.size, found))) return;
  if (std::memcmp(found.bytes.data(), file.sha256, sizeof file.sha256) == 0) return;
  (void)settings_.remove(key_fill);  // the next attempt begins with an erased slot
  fail(ErrorCode::digest_mismatch, "what was fetched has another digest");
}

void Fill::seal_step() {
  if (!program(header_.manifest_offset + manifest_done_, manifest_.data() + manifest_done_,
               header_.manifest_size - manifest_done_))
    return;
  Sha256 found;
  if (!flash_ok(flash_.digest(slot_area(), header_.manifest_offset, header_.manifest_size, found))) return;
  if (found != release_.manifest) {
    (void)settings_.remove(key_fill);
    fail(ErrorCode::digest_mismatch, "the manifest was not written right");
    return;
  }
  if (!flash_ok(write_header(flash_, slot_area(), header_)) || !flash_ok(settings_.remove(key_fill))) return;
  state_ = State::done;
}

std::uint32_t Fill::bytes_total() const {
  std::uint32_t sum = 0;
  for (std::uint32_t i = 0; i < header_.file_count; ++i) sum += header_.files[i].size;
  return sum;
}

std::uint32_t Fill::bytes_done() const {
  std::uint32_t sum = 0;
  if (step_ < Step::files) return 0;
  if (step_ > Step::files) return bytes_total();
  for (std::uint32_t i = 0; i < file_; ++i) sum += header_.files[i].size;
  return sum + next_;
}

}  // namespace muster::mcu
