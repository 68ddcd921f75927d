// muster-edge: the agent's command line. Exit codes are the same for all of Muster's programs, see docs/exit-codes.md.
#include <getopt.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "edge-client/agent/transitions.h"
#include "edge-client/shell/memory.h"
#include "edge-client/shell/shell.h"

namespace {

using muster::Error;

constexpr const char* help =
    "muster-edge keeps one device on the releases that its broker assigns: fetches, verifies, swaps, probes, and puts "
    "back\n"
    "what is bad, with the broker or without.\n"
    "\n"
    "  muster-edge --config FILE                 run, until SIGTERM\n"
    "  muster-edge --config FILE --check         only say whether the configuration is right\n"
    "  muster-edge --config FILE --reset-journal make a new journal from the slots on disk, when the old one is "
    "damaged;\n"
    "                                            forgets which epochs were accepted, keeps all releases\n"
    "  muster-edge --print-states                the state machines as Mermaid diagrams\n"
    "  muster-edge --version, --help\n"
    "\n"
    "A configuration is described in docs/files.md; edge-client/muster-edge.yaml.example is a complete one.\n"
    "\n";

struct Options {
  std::string config;
  bool check = false, reset_journal = false;
};

// Prints what is wrong with the command line and gives false.
bool parse(int argc, char** argv, Options& options, int& exit_code) {
  enum Choice { config = 1, check, reset_journal, print_states, version, show_help };
  static const option choices[] = {
      {"config", required_argument, nullptr, config},
      {"check", no_argument, nullptr, check},
      {"reset-journal", no_argument, nullptr, reset_journal},
      {"print-states", no_argument, nullptr, print_states},
      {"version", no_argument, nullptr, version},
      {"help", no_argument, nullptr, show_help},
      {nullptr, 0, nullptr, 0},
  };
  exit_code = 0;
  for (int choice = 0; (choice = ::getopt_long(argc, argv, "c:h", choices, nullptr)) != -1;) {
    switch (choice) {
      case 'c':
      case config:
        options.config = optarg;
        break;
      case check:
        options.check = true;
        break;
      case reset_journal:
        options.reset_journal = true;
        break;
      case print_states:
        std::fputs(muster::edge::states_as_mermaid().c_str(), stdout);
        return false;
      case version:
        std::printf("muster-edge %s\n", muster::edge::agent_version);
        return false;
      case 'h':
      case show_help:
        std::fputs(help, stdout);
        return false;
      default:
        std::fputs("muster-edge --help lists the options\n", stderr);
        exit_code = 2;
        return false;
    }
  }
  if (optind == argc && !options.config.empty() && !(options.check && options.reset_journal)) return true;
  std::fputs(optind < argc ? "muster-edge: takes no arguments but its options; see --help\n"
             : options.check && options.reset_journal
                 ? "muster-edge: --check and --reset-journal are different things; see --help\n"
                 : "muster-edge: --config FILE is missing; see --help\n",
             stderr);
  exit_code = 2;
  return false;
}

int exit_code_of(muster::ErrorKind kind) {
  // In the order of docs/exit-codes.md, from 2 on; internal errors are 1.
  return kind == muster::ErrorKind::internal ? 1 : static_cast<int>(kind) + 2;
}
static_assert(static_cast<int>(muster::ErrorKind::usage) == 0 && static_cast<int>(muster::ErrorKind::timeout) == 9);

int fail(const Error& error) {
  std::fprintf(stderr, "muster-edge: %s\n", error.message.c_str());
  return exit_code_of(error.kind);
}

// For signalfd: blocked before any thread starts, so that no thread of Paho's takes them.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  int exit_code = 0;
  if (!parse(argc, argv, options, exit_code)) return exit_code;
  auto config = muster::edge::load_config(options.config);
  if (!config) return fail(config.error());
  if (options.check) {
    std::printf("%s: device %s, all right\n", options.config.c_str(), config->device_id.c_str());
    return 0;
  }
  if (options.reset_journal) {
    const auto found = muster::edge::reset_journal(*config);
    if (!found) return fail(found.error());
    std::printf("a new journal was made from the slots on disk\n%s", found->c_str());
    return 0;
  }
  block_signals();
  muster::edge::keep_memory_small();
  muster::host::Log log(muster::host::stderr_sink());
  auto shell = muster::edge::Shell::open(std::move(*config), log);
  if (!shell) return fail(shell.error());
  (*shell)->run();
  // A peer that does not answer may hold an attempt to connect for long; all that matters is on disk already.
  if (!(*shell)->closed()) std::_Exit(0);
  return 0;
}
