#include "examples/reader/station.h"

#include <cstdio>

#include "examples/reader/model_slot.h"
#include "examples/reader/rehearsal.h"

namespace muster::reader {

using host::LogLevel;

Station::Station(std::string model_dir, std::vector<Label> labels, StatsdSender* statsd, host::Log& log)
    : model_dir_(std::move(model_dir)), labels_(std::move(labels)), statsd_(statsd), log_(log) {}

void Station::set_degraded(bool degraded) {
  if (degraded == degraded_) return;
  degraded_ = degraded;
  log_.write(LogLevel::info, degraded ? "degraded mode: reading one label in " + std::to_string(degraded_share)
                                      : "normal mode: reading every label");
  send_metrics();
}

void Station::label_passes() {
  follow_slot();
  const auto share = degraded_ ? degraded_share : 1;
  if (recogniser_ && passed_ % share == 0) read_next();
  ++passed_;
  send_metrics();
}

void Station::follow_slot() {
  const auto target = slot_target(model_dir_);
  if (target.empty()) {
    if (!waiting_said_) log_.write(LogLevel::info, "waiting for a model at " + model_dir_);
    waiting_said_ = true;
    return;
  }
  if (target == tried_target_) return;
  tried_target_ = target;
  waiting_said_ = false;
  if (auto loaded = load_from(target); !loaded) {
    ++load_failures_;
    log_.write(LogLevel::error,
               loaded.error().message + (recogniser_ ? "; reading on with the model before" : "; waiting for another"));
  }
}

tl::expected<void, Error> Station::load_from(const std::string& target) {
  auto path = find_model(target);
  if (!path) return tl::unexpected(std::move(path.error()));
  if (auto rehearsed = rehearse_load(*path); !rehearsed) return rehearsed;
  auto loaded = Recogniser::load(*path);
  if (!loaded) return tl::unexpected(std::move(loaded.error()));
  recogniser_ = std::move(*loaded);
  recent_.clear();
  recent_next_ = 0;
  char ms[32];
  std::snprintf(ms, sizeof ms, "%.1f", recogniser_->load_time_ms());
  log_.write(LogLevel::info, "loaded " + *path + " in " + ms + " ms");
  return {};
}

void Station::read_next() {
  // In degraded mode the share and the number of labels may have a common divisor; counting the readings reaches them
  // all.
  const auto& label = labels_[recent_next_ % labels_.size()];
  auto reading = read_label(*recogniser_, label);
  if (!reading) {
    ++read_failures_;
    log_.write_bounded(LogLevel::error, "read", reading.error().message);
    return;
  }
  if (statsd_ != nullptr) statsd_->timing_ms("inference_ms", reading->ms);
  const auto place = recent_next_++ % labels_.size();
  if (place < recent_.size()) {
    recent_[place] = std::move(*reading);
  } else {
    recent_.push_back(std::move(*reading));
  }
}

void Station::send_metrics() {
  if (statsd_ == nullptr) return;
  statsd_->gauge("model_loaded", recogniser_ ? 1 : 0);
  statsd_->gauge("degraded", degraded_ ? 1 : 0);
  if (recogniser_) {
    statsd_->gauge("load_time_ms", recogniser_->load_time_ms());
    // Tesseract knows nothing else. A workload with a choice says here what it has got, not what it asked for; and
    // again each time, as the agent forgets it when a release changes.
    statsd_->text("delegate_active", "cpu");
  }
  if (!recent_.empty()) {
    statsd_->gauge("p50_ms", percentile_ms(recent_, 50));
    statsd_->gauge("p95_ms", percentile_ms(recent_, 95));
    statsd_->gauge("edit_distance", edits_per_hundred(recent_));
  }
  statsd_->gauge("peak_ram_mb", peak_ram_mb());
  if (load_failures_ != 0) statsd_->count("load_failed", load_failures_);
  if (read_failures_ != 0) statsd_->count("read_failed", read_failures_);
  if (statsd_->send()) {
    load_failures_ = 0;
    read_failures_ = 0;
  } else {
    log_.write_bounded(LogLevel::warning, "statsd", "the agent does not take metrics now; they are dropped");
  }
}

}  // namespace muster::reader
