// The reading station: labels pass by one at a time; it reads them with the model in the agent's active slot, follows
// the slot when the agent flips it, and reports what it measures. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "examples/reader/label_set.h"
#include "examples/reader/recogniser.h"
#include "examples/reader/score.h"
#include "examples/reader/statsd_sender.h"
#include "host/log.h"

namespace muster::reader {

// In degraded mode one label in so many is read.
inline constexpr unsigned degraded_share = 4;

class Station {
 public:
  // `model_dir` is the slot (planes/model/active), which need not exist yet. REQUIRES: labels not empty; `statsd` and
  // `log` outlive the station, `statsd` may be null.
  Station(std::string model_dir, std::vector<Label> labels, StatsdSender* statsd, host::Log& log);

  // The next label passes by: follows the slot, reads the label when there is a model, and sends the metrics.
  void label_passes();

  // Tries the slot again at the next label, even when its link has not changed.
  void look_again() { tried_target_.clear(); }

  void set_degraded(bool degraded);

 private:
  void follow_slot();
  // Loads what the slot holds now; a model that fails leaves the one before at work.
  [[nodiscard]] tl::expected<void, Error> load_from(const std::string& target);
  void read_next();
  void send_metrics();

  std::string model_dir_;
  std::vector<Label> labels_;
  StatsdSender* statsd_;
  host::Log& log_;

  std::optional<Recogniser> recogniser_;
  std::string tried_target_;    // where the slot led when it was last looked into
  unsigned load_failures_ = 0;  // not sent yet
  unsigned read_failures_ = 0;  // not sent yet
  bool waiting_said_ = false;
  bool degraded_ = false;
  std::size_t passed_ = 0;       // labels since the start
  std::vector<Reading> recent_;  // a ring of the newest, with this model; as many as there are labels
  std::size_t recent_next_ = 0;
};

}  // namespace muster::reader
