#include "edge-client/shell/probes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "edge-client/shell/http_probe.h"
#include "host/bulk_digest.h"

namespace muster::edge {
namespace {

std::string name_of(const ProbeSpec& probe) {
  return std::string("probe ") + wire::EnumNameProbeKind(probe.kind) + " " + probe.target;
}

}  // namespace

ProbeRunner::ProbeRunner(EventLoop& loop, Worker& worker, ProcessRunner& processes, const SlotStore& slots,
                         const Config& config, Done done)
    : loop_(loop), worker_(worker), processes_(processes), slots_(slots), config_(config), done_(std::move(done)) {}

ProbeRunner::~ProbeRunner() {
  cancel();
}

void ProbeRunner::cancel() {
  if (run_lives_) *run_lives_ = false;
  run_lives_.reset();
  loop_.cancel(std::exchange(timer_, 0));
  processes_.kill(std::exchange(process_, 0));
  run_ = {};
}

void ProbeRunner::run(RunProbes probes) {
  cancel();
  run_ = std::move(probes);
  run_lives_ = std::make_shared<bool>(true);
  index_ = 0;
  begin_probe();
}

void ProbeRunner::begin_probe() {
  if (index_ == run_.probes.size()) return end(std::nullopt);
  attempts_ = 0;
  const auto delay = run_.warm ? 0 : run_.probes[index_].probe.initial_delay_ms;
  timer_ = loop_.after(delay, [this] { attempt(); });
}

void ProbeRunner::attempt() {
  timer_ = 0;
  ++attempts_;
  const auto probe = run_.probes[index_];
  if (!probe.pipeline_checksum.empty()) return compare_pipeline(probe);
  switch (probe.probe.kind) {
    case ProbeKind::exec:
      return attempt_exec(probe);
    case ProbeKind::http:
      return attempt_http(probe);
    case ProbeKind::file:
      return attempt_file(probe);
  }
}

void ProbeRunner::attempt_exec(const ProbeJob& probe) {
  const auto allowed = config_.probes.find(probe.probe.target);
  if (allowed == config_.probes.end()) {
    // Trying again would not change the configuration.
    return end(Failure{probe.plane,
                       {ErrorCode::probe_not_allowed, name_of(probe.probe) + " is not on this device's allowlist"}});
  }
  auto command = allowed->second;
  command.push_back(slots_.path_of(probe.plane, probe.manifest));
  process_ = processes_.run(command, probe.probe.timeout_ms, [this, lives = run_lives_](const CommandResult& result) {
    if (!*lives) return;
    process_ = 0;
    if (result.ok()) return passed();
    failed(result.end == CommandResult::End::timed_out ? ErrorCode::probe_timeout : ErrorCode::probe_failed,
           result.text());
  });
}

void ProbeRunner::attempt_http(const ProbeJob& probe) {
  worker_.run(
      [this, url = probe.probe.target, timeout_ms = probe.probe.timeout_ms, lives = run_lives_]() -> EventLoop::Task {
        const auto result = http_get(url, timeout_ms);
        return [this, result, lives] {
          if (!*lives) return;
          switch (result.end) {
            case HttpProbeResult::End::timed_out:
              return failed(ErrorCode::probe_timeout, result.problem);
            case HttpProbeResult::End::failed:
              return failed(ErrorCode::probe_failed, result.problem);
            case HttpProbeResult::End::answered:
              break;
          }
          if (result.status >= 200 && result.status <= 299) return passed();
          failed(ErrorCode::probe_failed, "status " + std::to_string(result.status));
        };
      });
}

void ProbeRunner::attempt_file(const ProbeJob& probe) {
  const auto& target = probe.probe.target;
  const auto path =
      !target.empty() && target.front() == '/' ? target : slots_.path_of(probe.plane, probe.manifest) + "/" + target;
  if (::access(path.c_str(), F_OK) == 0) return passed();
  failed(ErrorCode::probe_failed, std::strerror(errno));
}

// Whatever is found, trying again would find the same.
void ProbeRunner::compare_pipeline(const ProbeJob& job) {
  const auto differs = [this, plane = job.plane](const std::string& what) {
    end(Failure{plane, {ErrorCode::incompatible, "the release is made for another pipeline: " + what}});
  };
  Sha256 wants;
  if (!parse_hex(job.pipeline_checksum, wants)) return differs("what it states is no SHA-256");
  if (config_.pipeline.empty()) return differs("this device's configuration lists no pipeline");
  worker_.run([this, differs, files = config_.pipeline, wants, lives = run_lives_]() -> EventLoop::Task {
    const auto found = host::digest_files(files);
    return [this, differs, found, wants, lives] {
      if (!*lives) return;
      if (!found) return differs(found.error().message);
      if (found->sha256 == wants) return passed();
      differs("its checksum is " + to_hex(wants).substr(0, 12) + "…, that of this device's is " +
              to_hex(found->sha256).substr(0, 12) + "…");
    };
  });
}

void ProbeRunner::passed() {
  ++index_;
  begin_probe();
}

void ProbeRunner::failed(ErrorCode code, const std::string& what) {
  const auto& probe = run_.probes[index_];
  const auto attempts_max = std::max<std::uint32_t>(probe.probe.attempts, 1);
  if (attempts_ < attempts_max) {
    timer_ = loop_.after(probe.probe.interval_ms, [this] { attempt(); });
    return;
  }
  auto text = name_of(probe.probe) + ": " + what;
  if (attempts_max > 1) text += " (" + std::to_string(attempts_max) + " attempts)";
  end(Failure{probe.plane, {code, std::move(text)}});
}

void ProbeRunner::end(const std::optional<Failure>& failure) {
  const auto job = run_.job;
  const auto copy = failure;
  cancel();
  done_(job, copy);
}

}  // namespace muster::edge
