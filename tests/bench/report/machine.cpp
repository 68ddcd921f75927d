#include "tests/bench/report/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace muster::bench {
namespace {

// The first line of a command's output; empty when there is none.
std::string first_line_of(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return {};
  std::array<char, 512> piece{};
  std::string line = std::fgets(piece.data(), piece.size(), pipe) == nullptr ? "" : piece.data();
  while (std::fgets(piece.data(), piece.size(), pipe) != nullptr) continue;
  ::pclose(pipe);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  return line;
}

// The value of the first line of `path` that begins with `name`.
std::string field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.compare(0, name.size(), name) != 0) continue;
    const auto colon = line.find_first_of(":=");
    if (colon == std::string::npos) continue;
    auto value = line.substr(line.find_first_not_of(" \t\"", colon + 1));
    while (!value.empty() && value.back() == '"') value.pop_back();
    return value;
  }
  return {};
}

std::string package_version(const std::string& package) {
  return first_line_of("dpkg-query -W -f '${Version}' " + package);
}

std::string memory_text() {
  const double kib = std::strtod(field("/proc/meminfo", "MemTotal").c_str(), nullptr);
  std::ostringstream text;
  text.precision(3);
  text << kib / 1024 / 1024 << " GiB";
  return text.str();
}

std::string kernel_text() {
  utsname names{};
  return ::uname(&names) == 0 ? std::string(names.sysname) + " " + names.release : std::string();
}

std::string disk_text(const std::string& folder) {
  return first_line_of("findmnt -n -o FSTYPE,SOURCE --target '" + folder + "' | tr -s ' '");
}

}  // namespace

Machine describe_machine(const std::string& folder) {
  Machine machine;
  const auto add = [&](const char* name, std::string value) {
    machine.emplace_back(name, value.empty() ? "unknown" : std::move(value));
  };
  add("processor", field("/proc/cpuinfo", "model name"));
  add("cores", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)));
  add("memory", memory_text());
  add("kernel", kernel_text());
  add("system", field("/etc/os-release", "PRETTY_NAME"));
  add("disk", disk_text(folder));
  add("compiler", first_line_of("c++ --version"));
  add("Mosquitto", package_version("mosquitto"));
  add("RocksDB", package_version("librocksdb-dev"));
  add("OpenSSL", package_version("openssl"));
  add("Mbed TLS", package_version("libmbedtls-dev"));
  add("Paho", package_version("libpaho-mqtt-dev"));
  add("FlatBuffers", package_version("libflatbuffers-dev"));
  add("nginx", package_version("nginx-light"));
  add("curl", package_version("curl"));
  add("RAUC", package_version("rauc"));
  return machine;
}

}  // namespace muster::bench
