#include "tests/house/directions.h"

#include <algorithm>
#include <regex>
#include <string>
#include <string_view>

namespace muster::house {
namespace {

using Names = std::vector<std::string_view>;

// A part of the tree and the parts whose headers it may use besides its own. The longest matching prefix is the part.
struct Part {
  std::string_view prefix;
  Names may_use;
  bool pure = false;  // no clock, thread, file, random device, and nothing of the operating system
};

const std::vector<Part>& parts() {
  static const std::vector<Part> table = {
      {"schemas/", {}, true},
      {"host/", {"schemas/"}},
      {"trust/", {"schemas/"}, true},
      {"trust/signing/", {"schemas/", "trust/", "host/"}},
      {"rules/condition/", {"schemas/"}, true},
      {"rules/verdict/", {}, true},
      {"rules/engine/", {"schemas/", "rules/condition/", "rules/verdict/"}, true},
      {"rules/simulate/", {"schemas/", "rules/condition/", "rules/verdict/", "rules/engine/"}, true},
      {"rules/config/", {"schemas/", "rules/condition/", "rules/verdict/", "rules/engine/", "rules/simulate/"}, true},
      {"broker-plugin/", {"schemas/", "host/", "trust/", "trust/signing/", "rules/"}},
      {"edge-client/", {"schemas/", "host/", "trust/", "rules/condition/"}},
      {"edge-client/agent/", {"schemas/", "trust/", "rules/condition/"}, true},
      {"mcu-client/", {"schemas/", "trust/", "rules/condition/"}},
      {"mcu-client/tools/", {"schemas/", "host/", "trust/", "mcu-client/"}},
      {"operator/", {"schemas/", "host/", "trust/", "trust/signing/", "rules/"}},
      {"examples/", {"host/", "schemas/", "trust/", "trust/signing/", "mcu-client/"}},
      {"docker/", {"tests/"}},
      {"tests/", {""}},
  };
  return table;
}

// rules/ builds without FlatBuffers: it has its own plain types, which the hosts convert.
bool is_generated_or_wire(std::string_view include) {
  return ends_with(include, "_generated.h") || include == "schemas/wire.h";
}

// A third-party library: how its headers begin, and the only files or folders that may include them.
struct Library {
  std::string_view header_prefix;
  Names owners;
  bool sources_only = false;  // too slow to compile for a header of ours
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> table = {
      {"rocksdb/", {"broker-plugin/store/", "tests/unit/broker/"}},
      {"mosquitto", {"broker-plugin/abi/", "operator/mosquitto_ctrl/"}},
      {"mqtt_protocol.h", {"broker-plugin/abi/"}},
      {"mqtt/", {"host/mqtt_client.cpp"}},
      {"MQTT", {"host/mqtt_client.cpp"}},
      {"mbedtls/", {"trust/", "mcu-client/ports/tls/", "mcu-client/ports/mps2-an385/"}},
      {"psa/", {"trust/"}},
      {"lwip/", {"mcu-client/ports/mps2-an385/"}},
      {"netif/", {"mcu-client/ports/mps2-an385/"}},
      {"openssl/", {"host/bulk_digest.cpp", "host/certificate.cpp", "host/mqtt_client.cpp", "tests/unit/host/mqtt_end_test.cpp"}},
      {"yaml-cpp/", {"rules/config/", "broker-plugin/config.cpp", "edge-client/shell/config.cpp"}},
      {"nlohmann/json_fwd.hpp", {"tests/"}},
      {"nlohmann/", {"broker-plugin/", "edge-client/", "operator/", "examples/", "tests/"}, true},
      {"CLI/",
       {"operator/", "edge-client/main.cpp", "edge-client/shell/main.cpp", "mcu-client/tools/", "examples/"},
       true},
      {"xxhash.h", {"rules/engine/"}},
      {"cairo", {"examples/reader/"}},
      {"tesseract/", {"examples/reader/"}},
      {"leptonica/", {"examples/reader/"}},
      {"gtest/", {"tests/"}},
      {"valgrind/", {"tests/bench/instructions/main.cpp"}},
      {"gmock/", {"tests/"}},
      {"flatbuffers/", {"schemas/", "trust/", "broker-plugin/", "edge-client/", "mcu-client/", "operator/", "examples/forger/", "tests/"}},
      {"tl/",
       {"host/", "trust/signing/", "broker-plugin/", "edge-client/", "mcu-client/tools/", "operator/", "examples/",
        "tests/"}},
  };
  return table;
}

// What the operating system gives; never in a pure part.
bool is_system_header(std::string_view name) {
  static const Names heads = {"sys/", "linux/", "netinet/", "arpa/", "net/"};
  static const Names names = {"unistd.h",   "fcntl.h",    "poll.h",   "signal.h", "spawn.h",  "termios.h",
                              "dirent.h",   "pthread.h",  "sched.h",  "dlfcn.h",  "netdb.h",  "syslog.h",
                              "ucontext.h", "time.h",     "pwd.h",    "grp.h",    "getopt.h", "ftw.h",
                              "glob.h",     "execinfo.h", "malloc.h", "link.h"};
  const bool below = std::any_of(heads.begin(), heads.end(), [&](auto head) { return starts_with(name, head); });
  return below || std::find(names.begin(), names.end(), name) != names.end();
}

bool is_c_header(std::string_view name) {
  static const Names names = {"stdint.h", "stddef.h", "stdbool.h", "string.h", "stdlib.h", "stdio.h",
                              "errno.h",  "assert.h", "limits.h",  "stdarg.h", "math.h",   "ctype.h"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Standard headers that bring a clock, a thread, a file or chance into a part that should be a function of its inputs.
bool is_impure_standard_header(std::string_view name) {
  static const Names names = {"chrono",    "ctime",     "thread",  "mutex",  "shared_mutex", "condition_variable",
                              "future",    "atomic",    "fstream", "random", "iostream",     "filesystem",
                              "semaphore", "stop_token"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Part* part_of(std::string_view path) {
  const Part* best = nullptr;
  for (const auto& part : parts()) {
    if (starts_with(path, part.prefix) && (best == nullptr || part.prefix.size() > best->prefix.size())) best = &part;
  }
  return best;
}

std::string joined(const Names& names) {
  std::string text;
  for (const auto name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::string judge_own(const SourceFile& file, const Part& part, const std::string& include) {
  const Part* other = part_of(include);
  for (const auto& library : libraries()) {
    if (other == nullptr && starts_with(include, library.header_prefix))
      return "write <" + include + ">: it is not ours";
  }
  if (other == nullptr) return "\"" + include + "\" is no path from the root of the tree";
  if (starts_with(file.path, "rules/") && is_generated_or_wire(include))
    return "rules/ may not include the wire messages";
  if (other->prefix == part.prefix) return {};
  for (const auto allowed : part.may_use) {
    // "rules/" opens all of it; "trust/" is its core and not trust/signing/.
    if (allowed == other->prefix || allowed.empty() || (allowed == "rules/" && starts_with(other->prefix, allowed)))
      return {};
  }
  if (part.prefix == "edge-client/" && other->prefix == "edge-client/agent/") return {};
  return std::string(part.prefix) + " may not include \"" + include + "\"; it may use " +
         (part.may_use.empty() ? "nothing but itself" : joined(part.may_use));
}

std::string judge_library(const SourceFile& file, const Library& library, const std::string& include) {
  const bool owned = std::any_of(library.owners.begin(), library.owners.end(),
                                 [&](auto owner) { return starts_with(file.path, owner); });
  if (!owned) return "<" + include + "> belongs to " + joined(library.owners);
  if (library.sources_only && is_header(file.path)) return "<" + include + "> is slow to compile: only in .cpp files";
  return {};
}

std::string judge_system(const SourceFile& file, const Part& part, const std::string& include) {
  for (const auto& library : libraries()) {
    if (starts_with(include, library.header_prefix)) return judge_library(file, library, include);
  }
  const bool standard = include.find_first_of("./") == std::string::npos;
  if (part.pure && is_impure_standard_header(include)) {
    return std::string(part.prefix) + " is pure: no <" + include + ">";
  }
  if (standard || is_c_header(include)) return {};
  if (!is_system_header(include)) {
    return "<" + include + "> is a library that nobody owns; name its owner in tests/house/directions.cpp";
  }
  if (part.pure) return std::string(part.prefix) + " is pure: no <" + include + ">";
  return {};
}

// What one folder's CMakeLists.txt may link: our modules and third-party libraries by their muster:: names.
struct LinkRule {
  std::string_view prefix;
  Names may_link;
};

const std::vector<LinkRule>& link_rules() {
  static const std::vector<LinkRule> table = {
      {"schemas/", {"schemas", "wire"}},
      {"host/", {"schemas", "host", "mqtt", "lib_crypto", "lib_paho"}},
      {"trust/", {"schemas", "wire", "trust", "signing", "host", "lib_mbedcrypto", "lib_mbedx509"}},
      {"rules/", {"schemas", "condition", "verdict", "engine", "simulate", "rule_config", "lib_xxhash", "lib_yaml"}},
      {"mcu-client/",
       {"schemas", "wire", "wire_compact", "trust", "condition", "host", "mcu_flash", "mcu_boot", "mcu_nor_flash",
        "mcu_mqtt", "mcu_wire", "mcu_identity", "mcu_client", "mcu_socket_stream", "mcu_tls", "mcu_factory",
        "mcu_posix_board", "mcu_board_app", "lib_mbedcrypto", "lib_mbedtls", "lib_cli"}},
      {"mcu-client/src/",
       {"schemas", "wire", "wire_compact", "trust", "condition", "mcu_flash", "mcu_boot", "mcu_mqtt", "mcu_wire",
        "mcu_identity", "mcu_client"}},
  };
  return table;
}

}  // namespace

std::vector<Finding> check_includes(const SourceFile& file) {
  std::vector<Finding> findings;
  const Part* part = part_of(file.path);
  if (!is_cpp(file.path)) return findings;
  if (part == nullptr) {
    findings.push_back({file.path, 0, "is in no part that tests/house/directions.cpp knows"});
    return findings;
  }
  for (const auto& include : includes_of(file)) {
    const auto what = include.system ? judge_system(file, *part, include.name) : judge_own(file, *part, include.name);
    if (!what.empty()) findings.push_back({file.path, include.line, what});
  }
  return findings;
}

std::vector<Finding> check_links(const SourceFile& cmake_lists) {
  std::vector<Finding> findings;
  for (const auto& rule : link_rules()) {
    if (!starts_with(cmake_lists.path, rule.prefix)) continue;
    static const std::regex target("muster::([a-z0-9_]+)");
    const auto& text = cmake_lists.text;
    for (std::sregex_iterator found(text.begin(), text.end(), target), end; found != end; ++found) {
      const std::string name = (*found)[1];
      if (std::find(rule.may_link.begin(), rule.may_link.end(), name) != rule.may_link.end()) continue;
      const auto line = 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + found->position(), '\n'));
      findings.push_back({cmake_lists.path, line, std::string(rule.prefix) + " may not link muster::" + name});
    }
  }
  return findings;
}

}  // namespace muster::house
