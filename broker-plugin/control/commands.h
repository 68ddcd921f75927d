// What the commands of the control API do: docs/control-api.md, one method each. Form and role were checked by the
// desk. Broker thread; what touches the disk goes to the job thread and comes back through the outbox.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "broker-plugin/blobs/blob_store.h"
#include "broker-plugin/blobs/uploads.h"
#include "broker-plugin/control/desk.h"
#include "broker-plugin/core/devices.h"
#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/job_thread.h"
#include "broker-plugin/core/outbox.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/evidence/evidence_desk.h"
#include "broker-plugin/lifecycle/file_removal.h"
#include "broker-plugin/lifecycle/release_states.h"
#include "broker-plugin/readiness/required_policies.h"
#include "broker-plugin/store/store.h"
#include "trust/root.h"

namespace muster::broker {

// What commands work on; all of it outlives them.
struct Services {
  EngineHost& engine;
  ReleaseRegistry& releases;
  const DeviceTable& devices;
  const BlobStore& blobs;
  const Store& store;
  const trust::TrustRoot& root;
  JobThread& jobs;
  Outbox& outbox;
  Counters& counters;
  const EvidenceDesk& evidence;
  const std::vector<RequiredPolicy>& required_policies;  // a reload may change them
  ReleaseStates& states;
  FileRemoval& removal;
  const bool& states_required;           // a reload may change it
  std::function<std::string()> metrics;  // the metrics object as it is now
  std::function<bool()> queue_full;      // the writer has as much to do as it may
};

class Commands final : public CommandRunner {
 public:
  explicit Commands(Services services);

  void run(const std::string& who, const ControlCommand& command, Done done) override;
  void refuse(const std::string& who, const ControlCommand& command, const std::string& why, Done done) override;

 private:
  // commands_release.cpp
  void begin_blob(const ControlCommand& command, Done done);
  void put_blob(const ControlCommand& command, Done done);
  void end_blob(const std::string& who, const ControlCommand& command, Done done);
  void publish_release(const std::string& who, const ControlCommand& command, Done done);
  void store_release(const std::string& who, const std::string& reason, Release release, const Bytes& envelope,
                     Done done);
  void list_releases(Done done) const;
  void get_release(const ControlCommand& command, Done done);
  void get_release_evidence(const ControlCommand& command, Done done);
  // commands_lifecycle.cpp
  void move_release(const std::string& who, const ControlCommand& command, Done done);
  void take_move(const std::string& who, const ControlCommand& command, ReleaseMove move, Done done);
  // Refuses, and has it in the audit record with `subject`.
  void refuse_about(const std::string& who, const ControlCommand& command, const std::string& subject,
                    const std::string& why, Done done);
  // commands_rollout.cpp
  struct Prepared;
  [[nodiscard]] Prepared prepare_start(const ControlCommand& command) const;
  void check_rollout(const std::string& who, const ControlCommand& command, Done done);
  void start_rollout(const std::string& who, const ControlCommand& command, Done done);
  void change_rollout(const std::string& who, const ControlCommand& command, Done done);
  void give_order(const std::string& who, const ControlCommand& command, Done done);
  // commands_override.cpp
  void override_device(const std::string& who, const ControlCommand& command, Done done);
  void clear_override(const std::string& who, const ControlCommand& command, Done done);
  // commands_look.cpp
  void get_rollout(const ControlCommand& command, Done done) const;
  void list_rollouts(Done done) const;
  void list_devices(const ControlCommand& command, Done done) const;
  void get_device(const ControlCommand& command, Done done) const;
  void explain_device(const ControlCommand& command, Done done) const;
  void list_audit(const ControlCommand& command, Done done);
  void list_evidence(const ControlCommand& command, Done done);
  void get_evidence(const ControlCommand& command, Done done);

  // Runs `job` on the job thread and hands its answer to `done` on the broker's.
  void in_background(std::function<Answer()> job, Done done);
  [[nodiscard]] bool known_rollout(const std::string& rollout, const Done& done) const;

  Services services_;
  Uploads uploads_;  // job thread
  // Refusals are audited too, but a stranger to the role must not fill the disk with them.
  std::chrono::steady_clock::time_point refusals_since_{};
  unsigned refusals_ = 0;
  static constexpr unsigned refusals_per_minute_max = 60;
};

}  // namespace muster::broker
