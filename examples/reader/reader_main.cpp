// muster-reader: the demo's workload. Reads labels with the model in the agent's active slot and reports by StatsD.
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>
#include <optional>

#include "examples/reader/once.h"
#include "examples/reader/station.h"

namespace muster::reader {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model_dir, labels_dir, statsd;
  unsigned interval_ms = 500;
  bool once = false;
};

int fail(const Error& error) {
  std::cerr << "muster-reader: " << error.message << "\n";
  return error.kind == ErrorKind::usage ? 2 : 1;
}

// A descriptor that delivers the signals the reader obeys, which are blocked from now on; -1 when the system refuses.
int open_signals() {
  sigset_t obeyed;
  sigemptyset(&obeyed);
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) sigaddset(&obeyed, signal);
  if (sigprocmask(SIG_BLOCK, &obeyed, nullptr) != 0) return -1;
  return signalfd(-1, &obeyed, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Obeys the signals that have come; false when one of them says stop.
bool obey_signals(int signals, Station& station, bool& look_now) {
  signalfd_siginfo info{};
  while (read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    switch (static_cast<int>(info.ssi_signo)) {
      case SIGHUP:
        station.look_again();
        look_now = true;
        break;
      case SIGUSR1:
        station.set_degraded(true);
        break;
      case SIGUSR2:
        station.set_degraded(false);
        break;
      default:
        return false;
    }
  }
  return true;
}

int run(const Options& options, int signals, std::vector<Label> labels) {
  std::optional<StatsdSender> statsd;
  if (!options.statsd.empty()) {
    auto opened = StatsdSender::open(options.statsd);
    if (!opened) return fail(opened.error());
    statsd = std::move(*opened);
  }
  host::Log log(host::stderr_sink());
  Station station(options.model_dir, std::move(labels), statsd ? &*statsd : nullptr, log);
  const auto interval = std::chrono::milliseconds(options.interval_ms);
  auto next = Clock::now();
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    pollfd ready{signals, POLLIN, 0};
    poll(&ready, 1, left > 0 ? static_cast<int>(left) : 0);
    bool look_now = false;
    if (!obey_signals(signals, station, look_now)) return 0;
    if (!look_now && Clock::now() < next) continue;
    station.label_passes();
    next = std::max(next + interval, Clock::now());  // a reading that outlasts the interval delays, never piles up
  }
}

int main_with(const Options& options) {
  auto labels = load_labels(options.labels_dir);
  if (!labels) return fail(labels.error());
  if (options.once) {
    auto report = read_once(options.model_dir, *labels);
    if (!report) return fail(report.error());
    std::cout << *report << "\n";
    return 0;
  }
  const int signals = open_signals();
  if (signals < 0) return fail({ErrorKind::io, std::string("cannot receive signals: ") + std::strerror(errno)});
  const int code = run(options, signals, std::move(*labels));
  close(signals);
  return code;
}

}  // namespace
}  // namespace muster::reader

int main(int argc, char** argv) {
  muster::reader::limit_threads(argv);
  muster::reader::Options options;
  CLI::App app(
      "Reads label images with the language model in the agent's active slot and reports what it measures by StatsD.\n"
      "SIGHUP: look into the slot again. SIGUSR1: degraded mode, one label in four. SIGUSR2: normal mode.",
      "muster-reader");
  app.add_option("--model-dir", options.model_dir,
                 "the slot: a folder, or a link to one, that holds one NAME.traineddata")
      ->required();
  app.add_option("--labels", options.labels_dir,
                 "folder of NAME.png with known texts NAME.txt (label-maker makes them)")
      ->required();
  app.add_option("--statsd", options.statsd, "the agent's Unix datagram socket; without it nothing is sent");
  app.add_option("--interval", options.interval_ms, "time between two labels: 500ms, 2s")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, unsigned>{{"ms", 1}, {"s", 1000}}))
      ->check(CLI::Range(1U, 3600000U))
      ->capture_default_str();
  app.add_flag("--once", options.once, "read every label once, print the results as JSON and end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return muster::reader::main_with(options);
}
