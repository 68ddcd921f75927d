#include "tests/unit/mcu/session/bench/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "mcu-client/bootloader/bootloader.h"
#include "mcu-client/include/layout_check.h"
#include "mcu-client/src/client/identity.h"
#include "mcu-client/src/flash/slot.h"
#include "trust/sha256.h"

namespace muster::mcu::sim {
namespace {

void must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "the test's device: %s\n", what);
  std::abort();
}

constexpr std::uint32_t unit = 1024;
constexpr unsigned starts_max = 8;  // in a row, each ordered by the one before

constexpr Layout make_layout() {
  Layout layout;
  layout.erase_size = unit;
  layout.program_size = 8;
  std::uint32_t at = 0;
  const auto area = [&at](std::uint32_t units) {
    const Area made{at, units * unit};
    at += units * unit;
    return made;
  };
  layout.identity = area(8);
  layout.boot_log = area(2);
  layout.settings = area(14);
  layout.evidence = area(3);
  layout.scratch = area(20);
  const std::uint32_t units[plane_count] = {8, 8, 5};
  for (std::uint32_t plane = 0; plane < plane_count; ++plane) {
    for (auto& slot : layout.slots[plane]) slot = area(units[plane]);
  }
  return layout;
}
static_assert(layout_fault(make_layout()) == nullptr);

NorShape shape_of(const Layout& layout) {
  const Area& last = layout.slots[plane_count - 1][slots_per_plane - 1];
  return {last.offset + last.size, layout.erase_size, layout.program_size};
}

std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// As the factory does it: the release whole in its slot.
int install(const Flash& flash, const Area& slot, const Release& release) {
  SlotHeader header{};
  header.plane = static_cast<std::uint8_t>(index_of(release.assigned.plane));
  header.security_version = release.security_version;
  header.manifest_size = static_cast<std::uint16_t>(release.manifest.size());
  std::memcpy(header.manifest, release.assigned.manifest.bytes.data(), sizeof header.manifest);
  std::memcpy(header.name, release.name.data(), release.name.size());
  std::memcpy(header.version, release.version.data(), release.version.size());
  for (const auto& [name, bytes] : release.files) {
    auto& file = header.files[header.file_count++];
    std::memcpy(file.name, name.data(), name.size());
    const auto digest = trust::sha256(bytes);
    std::memcpy(file.sha256, digest.bytes.data(), sizeof file.sha256);
    file.size = static_cast<std::uint32_t>(bytes.size());
  }
  int status = place_files(header, slot);
  if (status == ok) status = erase_header(flash, slot);
  for (std::uint32_t i = 0; i < header.file_count && status == ok; ++i) {
    const auto& bytes = release.files[i].second;
    status = fill(flash, slot, header.files[i].offset, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  }
  if (status == ok)
    status = fill(flash, slot, header.manifest_offset, release.manifest.data(),
                  static_cast<std::uint32_t>(release.manifest.size()));
  return status == ok ? write_header(flash, slot, header) : status;
}

}  // namespace

Layout device_layout() {
  return make_layout();
}

Device::Device(const DeviceSpec& spec, Broker& broker)
    : spec_(spec),
      layout_(device_layout()),
      broker_(broker),
      nor_(shape_of(layout_)),
      in_(new std::uint64_t[spec.in_size / 8]),
      out_(new std::uint64_t[spec.out_size / 8]),
      work_(new std::uint64_t[spec.work_size / 8]),
      random_(spec.seed) {
  fill_port();
  checks_[0] = {"sensor", [](void* self) {
                  auto& device = of(self);
                  return device.running_slot == 1 ? device.sensor_of_slot_b : device.sensor;
                }};
  application_.context = this;
  application_.run = [](void* self, WorkloadMode wanted) {
    of(self).mode = wanted;
    ++of(self).runs;
  };
  application_.reload = [](void* self) { ++of(self).reloads; };
  application_.restart = [](void* self) { ++of(self).restarts; };
  application_.checks = checks_;
  application_.check_count = 1;
  application_.version = "test-1";
}

Device::Device(const DeviceSpec& spec, Broker& broker, const Bytes& root, const Release& factory)
    : Device(spec, broker) {
  provision(root, factory);
}

Device::Device(const DeviceSpec& spec, Broker& broker, const NorFlash& flash) : Device(spec, broker) {
  nor_.copy_from(flash);
}

Device::~Device() = default;

void Device::provision(const Bytes& root, const Release& factory) {
  const Flash flash(port_, layout_);
  RecordLog records(flash, layout_.identity);
  must(spec_.in_size % 8 == 0 && spec_.out_size % 8 == 0 && spec_.work_size % 8 == 0, "buffers are whole words");
  must(records.mount() == ok, "the identity area cannot be read");
  const auto write = [&](IdentityKey key, const void* from, std::size_t size) {
    must(records.write(static_cast<std::uint8_t>(key), from, static_cast<std::uint32_t>(size)) == ok,
         "the identity does not fit");
  };
  const auto text = [&](IdentityKey key, const std::string& value) {
    if (!value.empty()) write(key, value.data(), value.size());
  };
  text(IdentityKey::device_id, spec_.id);
  text(IdentityKey::device_class, spec_.device_class);
  text(IdentityKey::region, spec_.region);
  text(IdentityKey::memory_tier, spec_.memory_tier);
  std::string tags;
  for (const auto& tag : spec_.tags) tags += (tags.empty() ? std::string() : std::string(1, '\0')) + tag;
  text(IdentityKey::tags, tags);
  write(IdentityKey::memory_mb, &spec_.memory_mb, sizeof spec_.memory_mb);
  write(IdentityKey::root, root.data(), root.size());
  must(install(flash, layout_.slots[0][0], factory) == ok, "the factory's firmware does not fit");
}

void Device::fill_port() {
  port_.context = this;
  port_.uptime_ms = [](void* self) { return of(self).spec_.first_uptime_ms + of(self).now_ms_ - of(self).started_ms_; };
  if (spec_.unix_s != 0) port_.unix_s = [](void* self) { return of(self).spec_.unix_s + of(self).now_ms_ / 1000; };
  port_.entropy = [](void* self, std::uint8_t* to, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 4) {
      const auto word = static_cast<std::uint32_t>(splitmix(of(self).random_));
      of(self).random.push_back(word);
      std::memcpy(to + at, &word, std::min<std::size_t>(4, size - at));
    }
    return static_cast<int>(ok);
  };
  // A chip without power, or one that is being reset, says and writes nothing any more.
  port_.open = [](void* self) { return of(self).alive() ? of(self).broker_.open() : static_cast<int>(err_io); };
  port_.send = [](void* self, const std::uint8_t* bytes, std::size_t size) {
    return of(self).alive() ? of(self).broker_.send(bytes, size) : static_cast<int>(err_closed);
  };
  port_.recv = [](void* self, std::uint8_t* to, std::size_t size) {
    return of(self).alive() ? of(self).broker_.recv(to, size) : static_cast<int>(err_closed);
  };
  port_.close = [](void* self) {
    if (of(self).alive()) of(self).broker_.close();
  };
  port_.flash_read = [](void* self, std::uint32_t offset, void* to, std::uint32_t size) {
    return of(self).alive() ? of(self).nor_.read(offset, to, size) : static_cast<int>(err_io);
  };
  port_.flash_program = [](void* self, std::uint32_t offset, const void* from, std::uint32_t size) {
    return of(self).alive() ? of(self).nor_.program(offset, from, size) : static_cast<int>(err_io);
  };
  port_.flash_erase = [](void* self, std::uint32_t offset, std::uint32_t size) {
    return of(self).alive() ? of(self).nor_.erase(offset, size) : static_cast<int>(err_io);
  };
  port_.reset = [](void* self) { of(self).reset_ordered_ = true; };
  port_.reset_cause = [](void* self) { return of(self).cause_; };
  port_.watchdog_feed = [](void* self) {
    ++of(self).feeds;
    of(self).fed_ms = of(self).now_ms_;
  };
  port_.log = [](void* self, LogLevel, const char* line) { of(self).log.emplace_back(line); };
}

bool Device::start(ResetCause cause) {
  if (!nor_.has_power()) nor_.power_on();
  for (unsigned i = 0; i < starts_max; ++i) {
    begin(cause);
    if (!reset_ordered_ || !nor_.has_power()) return start_error == ok && nor_.has_power();
    ++resets;
    cause = ResetCause::software;
  }
  must(false, "it starts again and again");
  return false;
}

void Device::begin(ResetCause cause) {
  client_.reset();
  broker_.drop();
  reset_ordered_ = false;
  cause_ = cause;
  started_ms_ = fed_ms = now_ms_;
  ++starts;
  running_slot = run_bootloader(port_, layout_);
  start_error = running_slot < 0 ? running_slot : static_cast<int>(ok);
  if (running_slot < 0) return;
  std::memset(in_.get(), 0xa5, spec_.in_size);
  std::memset(out_.get(), 0xa5, spec_.out_size);
  std::memset(work_.get(), 0xa5, spec_.work_size);
  const auto bytes = [](const std::unique_ptr<std::uint64_t[]>& words) {
    return reinterpret_cast<std::uint8_t*>(words.get());
  };
  const ClientBuffers buffers = {bytes(in_), spec_.in_size, bytes(out_), spec_.out_size, bytes(work_), spec_.work_size};
  client_ = std::make_unique<Client>(port_, layout_, application_, buffers, spec_.settings);
  if (spec_.utc_offset_min != limits::utc_offset_unsaid) client_->utc_offset_min(spec_.utc_offset_min);
  start_error = client_->start();
}

bool Device::poll() {
  if (!running()) return false;
  const bool more = client_->poll();
  if (reset_ordered_ && nor_.has_power()) {
    ++resets;
    (void)start(ResetCause::software);
    return true;
  }
  if (!alive()) return false;
  if (workload_lives && mode != WorkloadMode::off) client_->alive();
  if (spec_.watchdog_ms != 0 && now_ms_ - fed_ms >= spec_.watchdog_ms) {
    ++bites;
    (void)start(ResetCause::watchdog);
    return true;
  }
  return more;
}

std::size_t Device::log_count(const std::string& text) const {
  return static_cast<std::size_t>(std::count_if(
      log.begin(), log.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

bool Device::logged(const std::string& text) const {
  return log_count(text) != 0;
}

Bytes Device::file(Plane plane, const std::string& name) const {
  FileView view;
  if (client_->file(plane, name, view) != ok) return {};
  return {nor_.bytes() + view.offset, nor_.bytes() + view.offset + view.size};
}

}  // namespace muster::mcu::sim
