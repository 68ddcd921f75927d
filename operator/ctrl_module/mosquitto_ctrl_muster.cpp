// `mosquitto_ctrl <connection options> muster <musterctl's arguments>`: hands over to musterctl, with mosquitto_ctrl's
// connection options as musterctl's MUSTER_* variables. Nothing else: what musterctl can do is in musterctl.
//
// mosquitto_ctrl loads mosquitto_ctrl_muster.so by its bare name (LD_LIBRARY_PATH or a folder of ld.so.conf) and calls
// ctrl_main() on its only thread.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" {

// The beginning of the structure that mosquitto_ctrl passes. Its header is not installed; this prefix has the same
// layout in Mosquitto 2.0.11 to 2.1 built with TLS, and nothing behind it is read.
struct MosquittoCtrlPrefix {
  char* id;
  int protocol_version;
  int keepalive;
  char* host;
  int port;  // -1: not given
  int qos;
  char* bind_address;
  bool debug;
  bool quiet;
  char* username;
  char* password;
  char* options_file;
  char* cafile;
  char* capath;
  char* certfile;
  char* keyfile;
};

__attribute__((visibility("default"))) int ctrl_main(int argc, char* argv[], MosquittoCtrlPrefix* ctrl);
__attribute__((visibility("default"))) void ctrl_help(void);
}

namespace {

// An option of mosquitto_ctrl wins over a variable that was set before, as on musterctl's own command line.
void pass_on(const char* variable, const char* value) {
  if (value != nullptr && *value != '\0') ::setenv(variable, value, 1);
}

// Where musterctl is: MUSTERCTL, beside this module's folder (PREFIX/lib → PREFIX/bin), or on the PATH.
std::string program_path() {
  if (const char* named = std::getenv("MUSTERCTL"); named != nullptr && *named != '\0') return named;
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&ctrl_help), &info) != 0 && info.dli_fname != nullptr) {
    const std::string module = info.dli_fname;
    if (const auto slash = module.rfind('/'); slash != std::string::npos) {
      auto beside = module.substr(0, slash) + "/../bin/musterctl";
      if (::access(beside.c_str(), X_OK) == 0) return beside;
    }
  }
  return "musterctl";
}

// Returns only when the program could not be started.
[[noreturn]] void become_musterctl(int argc, char** argv) {
  const auto path = program_path();
  std::string name = "musterctl";
  std::vector<char*> arguments{name.data()};
  for (int i = 0; i < argc; ++i) arguments.push_back(argv[i]);
  arguments.push_back(nullptr);
  std::fflush(nullptr);
  ::execvp(path.c_str(), arguments.data());
  std::fprintf(stderr,
               "mosquitto_ctrl muster: cannot start %s: %s; install musterctl, or set MUSTERCTL to where it is\n",
               path.c_str(), std::strerror(errno));
  // Not a return value: mosquitto_ctrl turns those into an exit code of 0 or into a message of its own.
  std::exit(1);
}

}  // namespace

void ctrl_help(void) {
  std::puts(
      "\nMuster: staged rollouts\n=======================\n\n"
      "    mosquitto_ctrl <connection options> muster <command> <options>\n\n"
      "runs musterctl; see: mosquitto_ctrl muster --help");
}

int ctrl_main(int argc, char* argv[], MosquittoCtrlPrefix* ctrl) {
  if (argc < 1 || std::strcmp(argv[0], "help") == 0) {
    ctrl_help();
    return -1;  // "usage was printed": exit code 0
  }
  pass_on("MUSTER_HOST", ctrl->host);
  if (ctrl->port > 0) pass_on("MUSTER_PORT", std::to_string(ctrl->port).c_str());
  pass_on("MUSTER_USER", ctrl->username);
  pass_on("MUSTER_PASSWORD", ctrl->password);
  pass_on("MUSTER_CA", ctrl->cafile);
  pass_on("MUSTER_CERT", ctrl->certfile);
  pass_on("MUSTER_KEY", ctrl->keyfile);
  become_musterctl(argc, argv);
}
