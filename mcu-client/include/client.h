// The Muster client for a device without an operating system: takes what the broker assigns, changes firmware, model
// and configuration safely, reports, and helps itself when something is wrong, with or without a connection. It never
// waits and never allocates; one object a device. Freestanding C++17; one thread or main loop, which calls poll() again
// and again.
//
//   static Client client(port, layout, application, buffers, settings);
//   if (client.start() != ok) … the factory has work to do: see the log
//   for (;;) { client.poll(); run_workload(client); }
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcu-client/include/layout.h"
#include "mcu-client/include/port.h"
#include "mcu-client/src/boot/boot_state.h"
#include "mcu-client/src/client/allowance.h"
#include "mcu-client/src/client/evidence.h"
#include "mcu-client/src/client/fill.h"
#include "mcu-client/src/client/identity.h"
#include "mcu-client/src/client/trust_store.h"
#include "mcu-client/src/health/policy.h"
#include "mcu-client/src/health/readings.h"
#include "mcu-client/src/mqtt/session.h"
#include "mcu-client/src/update/machine.h"
#include "schemas/limits.h"
#include "trust/fault.h"

namespace muster::mcu {

enum class CheckResult : std::uint8_t { healthy, waiting, failed };

// Something that must be well after an update, and again during the soak: "sensor". Manifests name checks as `exec`
// probes. In safe mode, with the workload off, each is asked once, and `waiting` is good enough.
struct Check {
  const char* name = nullptr;
  CheckResult (*run)(void* context) = nullptr;  // quick: looks at a state, does not wait for one
};

inline constexpr std::uint32_t checks_max = 8;

// The workload, as the client drives it.
struct Application {
  void* context = nullptr;
  // How to run from now on; also called by start(). `off`: safe mode, only the client works.
  void (*run)(void* context, WorkloadMode mode) = nullptr;
  // Other releases are active than before (also at the start): take model and configuration anew, with file().
  void (*reload)(void* context) = nullptr;
  // Begin anew, as after a power-on of the workload alone.
  void (*restart)(void* context) = nullptr;
  const Check* checks = nullptr;
  std::uint32_t check_count = 0;         // at most checks_max
  const char* const* metrics = nullptr;  // names of the task metrics, ids; valid for ever
  std::uint32_t metric_count = 0;        // at most task_metrics_max
  const char* version = "";              // the firmware's own word for itself, in reports
};

// Sizes with which every message that a broker may send is taken, and every report fits whatever the names in it.
inline constexpr std::size_t in_buffer_size = 1792;
inline constexpr std::size_t out_buffer_size = 1416;
inline constexpr std::size_t work_buffer_size = 2048;

// The caller's memory, each part 8-aligned.
struct ClientBuffers {
  std::uint8_t* in = nullptr;  // the longest message that comes whole; at least 1280
  std::size_t in_size = 0;
  std::uint8_t* out = nullptr;  // the longest message that is sent; at least 1024
  std::size_t out_size = 0;
  std::uint8_t* work = nullptr;  // the longest signed manifest and root document
  std::size_t work_size = 0;
};

struct ClientSettings {
  std::uint32_t health_window_ms = 60000;
  std::uint32_t check_window_ms = 30000;   // how long the checks after an update may take
  std::uint32_t alive_max_ms = 10000;      // without alive(): the watchdog is not fed any more
  std::uint32_t healthy_after_ms = 60000;  // after so long crashes before this start count no more
  std::uint32_t backoff_first_ms = 1000;   // longest random wait before the second attempt to connect
  std::uint32_t backoff_max_ms = 60000;
  std::uint16_t keepalive_s = 60;
};

// Where a file of an active release lies.
struct FileView {
  std::uint32_t offset = 0;  // in the port's flash
  std::uint32_t size = 0;
};

class Client final : private MqttHandler {
 public:
  Client(const Port& port, const Layout& layout, const Application& application, const ClientBuffers& buffers,
         const ClientSettings& settings = {});

  // Reads what the device is and knows, and what became of an update that a reset was part of. Once. err_provisioning,
  // err_untrusted (the factory's root), or what the flash says; then the device has nothing to do but wait for a
  // technician.
  [[nodiscard]] int start();
  // One round of everything that is due; returns at once, apart from flash work and signatures. True when there is more
  // to do at once: otherwise the caller may sleep until bytes come, or for at most idle_ms.
  bool poll();
  static constexpr std::uint32_t idle_ms = 10;

  // --- the application's side ---
  // The workload's loop has gone round: the sign of life that the watchdog and the checks go by.
  void alive();
  void inference(std::uint32_t duration_us) { readings_.inference(duration_us); }
  void sample(std::uint32_t metric, float value) { readings_.sample(metric, value); }
  void drop_frames(std::uint32_t count) { readings_.drop_frames(count); }
  // How many cameras, sensors, encoders give nothing now: said in each window, as in one without it nothing is known.
  void missing_inputs(std::uint32_t count) { readings_.set_missing_inputs(count); }
  // What went wrong in the application, for this window's summary.
  void error(wire::ErrorCode code) { readings_.set_error(code); }
  // Something of the application's own for the ring of last events: codes from event_application on.
  void remember(EventCode code, std::uint32_t a, std::uint32_t b, std::uint32_t c) { note(code, a, b, c); }
  void load_time_ms(float ms) { readings_.set_load_time_ms(ms); }
  // How far the clock on the wall is ahead of UTC now, -720 to 840: maintenance windows go by it. Nothing here knows
  // time zones, and flash does not keep it: say it before each start(), and again when summer time begins or ends,
  // which is reported at once. What no place on earth has, such as limits::utc_offset_unsaid, says that it is not
  // known.
  void utc_offset_min(std::int16_t minutes);
  // err_not_found when the plane is empty or has no such file.
  [[nodiscard]] int file(wire::Plane plane, std::string_view name, FileView& view) const;
  [[nodiscard]] WorkloadMode mode() const { return machine_.mode(); }

  // --- for logs and tests ---
  [[nodiscard]] const UpdateMachine& machine() const { return machine_; }
  [[nodiscard]] bool connected() const { return session_.connected(); }
  // State reports that the broker has acknowledged since the start.
  [[nodiscard]] std::uint32_t reports() const { return reports_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }

 private:
  // --- MqttHandler: client_inbound.cpp ---
  void on_connected(bool session_present) override;
  void on_lost(int why) override;
  bool on_message(std::string_view topic, ByteView payload) override;
  bool on_piece(std::string_view topic, std::uint32_t offset, std::uint32_t total, ByteView piece) override;
  void on_acknowledged() override;
  void on_subscribed(bool granted) override;
  void take_assignment(ByteView payload);
  void take_own(std::string_view leaf, ByteView payload);
  void take_ack(ByteView payload);
  void take_directive(std::uint32_t scope, ByteView payload);
  void refuse(const char* what, trust::TrustFault why);
  void note_refused(ErrorCode error);
  bool take_roots(std::uint32_t offset, std::uint32_t total, ByteView piece);

  // --- client.cpp ---
  void look_at_slots(Started& started) const;
  void forget_other_scopes(Orders& orders) const;
  void connect();
  void step(Event& event);
  void step(EventKind kind);
  void perform(const Effect& effect);
  [[nodiscard]] int write_down(const Effect& effect);
  void restart(const char* why);
  void begin_fill(Plane plane, std::uint8_t slot);
  void note_phase(const Effect& effect);
  void activated();
  void finish_fill();
  void watch_over(std::uint64_t now_ms);
  [[nodiscard]] std::uint64_t now_ms() const { return port_.uptime_ms(port_.context); }
  [[nodiscard]] std::uint64_t clock_s() const;  // 0: this device has no clock
  [[nodiscard]] std::uint64_t now_s() const;    // never under the newest signed time
  void log(LogLevel level, const char* line) const;
  void note(EventCode code, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0);

  // --- client_checks.cpp ---
  void begin_checks(bool again);
  void run_checks(std::uint64_t now_ms);
  void add_probes(const Change& change);
  void check_failed(ErrorCode error, Plane plane, const char* detail);
  void verify_set();
  [[nodiscard]] bool read_manifest(Plane plane, std::uint8_t slot, SlotHeader& header, const wire::Manifest*& manifest);

  // --- client_outbound.cpp ---
  bool pump();
  bool send_state();
  bool send_health();
  bool send_evidence();
  void begin_evidence();
  bool ask_for_chunks();
  [[nodiscard]] std::uint32_t scope_count() const;
  // "device/ID", "fleet" or "group/region=eu"; empty beyond the last.
  [[nodiscard]] std::string_view scope_text(std::uint32_t scope, char* space) const;
  [[nodiscard]] std::string_view topic_of(const char* leaf, char* space) const;

  const Port& port_;
  const Application& application_;
  const ClientBuffers buffers_;
  const ClientSettings settings_;
  Flash flash_;
  RecordLog boot_log_;
  RecordLog records_;
  TrustStore trust_;
  Fill fill_;
  Evidence evidence_;
  RecoveryPolicy policy_;
  Readings readings_;
  UpdateMachine machine_;
  MqttSession session_;
  Identity identity_;

  BootState boot_;
  bool ended_ = false;      // a reset has been ordered, or the flash has failed: nothing more is decided
  bool filling_ = false;    // the machine waits for fill_
  bool checking_ = false;   // the machine waits for the checks
  bool verifying_ = false;  // the machine waits for verify_set()
  bool report_due_ = false, health_due_ = false, link_due_ = false, report_sent_ = false;
  std::int16_t utc_offset_min_ = limits::utc_offset_unsaid;
  std::uint32_t reports_ = 0;           // state reports that the broker has acknowledged
  std::uint32_t reports_at_check_ = 0;  // when the checks began
  bool alive_seen_ = false;             // since the checks began
  bool broker_needed_ = false;
  std::uint8_t checks_wanted_ = 0;  // bit i: application_.checks[i]
  ErrorCode check_error_ = ErrorCode::none;
  Plane check_plane_ = Plane::firmware;
  const char* check_detail_ = "";
  std::uint32_t subscribe_next_ = 0;  // scope; then the assignment and the roots
  // A link that comes and goes, and messages that are refused, neither wear the flash nor push the rest of the evidence
  // out of the ring.
  Allowance link_notes_{16, 600000}, refusal_notes_{16, 600000};
  std::uint32_t backoff_ms_ = 0;
  std::uint64_t roots_again_ms_ = 0;  // when the chain is asked for once more, of which too many came; 0: not
  std::uint64_t connect_at_ms_ = 0, alive_ms_ = 0, check_until_ms_ = 0, window_end_ms_ = 0, policy_at_ms_ = 0,
                progress_at_ms_ = 0;
  std::uint64_t window_start_s_ = 0;  // by the clock; without one 0, also where a signed time is known
  std::uint64_t state_seq_ = 0, health_seq_ = 0;
};

}  // namespace muster::mcu
