// muster-mcu: the MCU client as a Linux process, from the bootloader on, with the demo's workload. What a firmware
// image says of itself decides how it behaves, so that bad firmware can be tried without a board. One thread.
#include <time.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "examples/mcu-classifier/board_app.h"
#include "mcu-client/bootloader/bootloader.h"
#include "mcu-client/include/client.h"
#include "mcu-client/ports/posix/board.h"
#include "mcu-client/ports/posix/layout.h"
#include "schemas/limits.h"

namespace muster::mcu::posix {
namespace {

constexpr std::uint64_t minute_ms = 60'000;

struct Options {
  BoardSetup board;
  ClientSettings client;
  bool plain = false;
};

// How the firmware in a slot behaves: the word after "muster-posix-firmware " at its beginning.
std::string behaviour_of(const Board& board, int slot) {
  constexpr std::string_view head = "muster-posix-firmware ";
  const auto* bytes = board.flash_bytes() + layout.slots[0][slot].offset + slot_header_size;
  const std::string_view image(reinterpret_cast<const char*>(bytes), 128);
  if (image.substr(0, head.size()) != head) return "good";
  const auto rest = image.substr(head.size());
  return std::string(rest.substr(0, rest.find_first_of(" \n")));
}

[[noreturn]] void hang() {
  for (;;) ::pause();
}

// What bad firmware does that comes as far as its main loop: "loop" hangs after a while and "crash" faults, at every
// start; "late" and "doomed" only begin with that once they are committed, and the workload alone is what crashes
// "late".
void misbehave(std::string_view behaviour, const Client& client, std::uint64_t running_ms) {
  const bool kept = client.machine().state().phase == Phase::committed;
  if (behaviour == "loop" && running_ms > 300) hang();
  if (behaviour == "crash" && running_ms > 100) Board::fault();
  if (behaviour == "late" && kept && client.mode() != WorkloadMode::off) Board::fault();
  if (behaviour == "doomed" && kept) Board::fault();
}

// For whoever reads the log, also while nobody is connected.
void tell_changes(const Client& client) {
  static int phase_told = -1;
  static int device_told = -1;
  const auto& state = client.machine().state();
  const auto phase = static_cast<int>(state.phase);
  const auto device = static_cast<int>(state.device);
  if (phase == phase_told && device == device_told) return;
  phase_told = phase;
  device_told = device;
  const auto shown = state.phase == Phase::rolling_back
                         ? "rolling_back"
                         : wire::EnumNameAttemptState(static_cast<wire::AttemptState>(phase));
  std::fprintf(stderr, "info: the attempt is %s, the device %s\n", shown, wire::EnumNameDeviceState(state.device));
}

std::uint64_t uptime_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

// As far ahead of UTC as this machine's clock on the wall is now.
std::int16_t utc_offset_min() {
  const auto now = ::time(nullptr);
  tm local{};
  ::tzset();
  if (::localtime_r(&now, &local) == nullptr) return limits::utc_offset_unsaid;
  return static_cast<std::int16_t>(local.tm_gmtoff / 60);
}

int credentials_to_tls(Board& board) {
  static std::uint8_t ca[2048];
  static std::uint8_t certificate[2048];
  static std::uint8_t key[512];
  static Identity identity;
  const Flash flash(board.port(), layout);
  RecordLog log(flash, layout.identity);
  if (const int bad = log.mount(); bad != ok) return bad;
  if (const int bad = load(log, identity); bad != ok) return bad;
  const int sizes[] = {read_credential(log, IdentityKey::ca, ca, sizeof ca),
                       read_credential(log, IdentityKey::certificate, certificate, sizeof certificate),
                       read_credential(log, IdentityKey::private_key, key, sizeof key)};
  for (const int size : sizes) {
    if (size < 0) return size;
  }
  return board.use_tls({ByteView(ca, static_cast<std::size_t>(sizes[0])),
                        ByteView(certificate, static_cast<std::size_t>(sizes[1])),
                        ByteView(key, static_cast<std::size_t>(sizes[2])), identity.broker_name.data()});
}

int run(const Options& options, char** argv) {
  static Board board(options.board, argv);
  const int slot = run_bootloader(board.port(), layout);
  if (slot < 0) {
    std::fprintf(stderr, "error: nothing can be started: %s\n", name_of(static_cast<Error>(slot)));
    return 5;
  }
  board.start_watchdog();
  const auto behaviour = behaviour_of(board, slot);
  std::fprintf(stderr, "info: slot %c starts, it is %s\n", slot == 0 ? 'a' : 'b', behaviour.c_str());
  if (behaviour == "hang") hang();
  if (!options.plain) {
    if (const int bad = credentials_to_tls(board); bad != ok) {
      std::fprintf(stderr, "error: no credentials for TLS: %s\n", name_of(static_cast<Error>(bad)));
      return 5;
    }
  }
  Port port = board.port();
  if (behaviour == "deaf") port.open = [](void*) -> int { return err_io; };

  alignas(8) static std::uint8_t in[in_buffer_size];
  alignas(8) static std::uint8_t out[out_buffer_size];
  alignas(8) static std::uint8_t work[work_buffer_size];
  classifier::BoardAppSetup setup;
  setup.flash = board.flash_bytes();
  setup.uptime_us = uptime_us;
  setup.sensor_works = behaviour != "blind";
  setup.version = "posix";
  static classifier::BoardApp app(setup);
  static Client client(port, layout, app.application(), {in, sizeof in, out, sizeof out, work, sizeof work},
                       options.client);
  client.utc_offset_min(utc_offset_min());
  if (const int bad = client.start(); bad != ok) {
    std::fprintf(stderr, "error: the client does not start: %s\n", name_of(static_cast<Error>(bad)));
    return 5;
  }
  const auto started_ms = port.uptime_ms(port.context);
  auto minute = started_ms / minute_ms;
  for (;;) {
    const bool more = client.poll();
    const auto now_ms = port.uptime_ms(port.context);
    misbehave(behaviour, client, now_ms - started_ms);
    tell_changes(client);
    if (now_ms / minute_ms != minute) client.utc_offset_min(utc_offset_min());
    minute = now_ms / minute_ms;
    app.turn(client, now_ms);
    if (!more) board.idle(Client::idle_ms);
  }
}

}  // namespace
}  // namespace muster::mcu::posix

int main(int argc, char** argv) {
  muster::mcu::posix::Options options;
  CLI::App app("The MCU client as a Linux process: bootloader, client and the demo's workload");
  app.add_option("--flash", options.board.flash, "the flash's file, made by muster-mcu-provision --board posix")
      ->required();
  app.add_option("--address", options.board.address, "the broker's numeric address")->capture_default_str();
  app.add_option("--port", options.board.tcp_port, "its port")->required();
  app.add_flag("--plain", options.plain, "no TLS, for tests");
  app.add_option("--cut-at", options.board.cut_at, "power fails during this flash operation; exit code 64");
  app.add_option("--cut-seed", options.board.cut_seed, "how that operation takes place");
  app.add_option("--watchdog-ms", options.board.watchdog_ms, "the watchdog's time")->capture_default_str();
  app.add_option("--health-ms", options.client.health_window_ms, "a health window")->capture_default_str();
  app.add_option("--check-ms", options.client.check_window_ms, "the time for checks")->capture_default_str();
  app.add_option("--healthy-ms", options.client.healthy_after_ms, "the time after which a start counts as healthy")
      ->capture_default_str();
  app.add_option("--keepalive-s", options.client.keepalive_s, "MQTT's keep-alive")->capture_default_str();
  app.add_option("--backoff-ms", options.client.backoff_max_ms, "the longest wait between attempts to connect")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (options.client.backoff_first_ms > options.client.backoff_max_ms)
    options.client.backoff_first_ms = options.client.backoff_max_ms;
  return muster::mcu::posix::run(options, argv);
}
