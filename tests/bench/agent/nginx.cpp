#include "tests/bench/agent/nginx.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/options.h"
#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/folder.h"

namespace muster::bench {

using namespace std::chrono_literals;

Nginx::Nginx(std::string folder, const std::string& files, const e2e::Keys& keys)
    : folder_(std::move(folder)), keys_(keys), port_(e2e::free_port()), stem_(keys.device("curl")) {
  require_program("nginx", "nginx-light");
  require_program("curl", "curl");
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    temporary += "  " + std::string(kind) + "_temp_path " + folder_ + "/" + kind + ";\n";
  }
  e2e::write_text(folder_ + "/nginx.conf",
                  "daemon off;\nworker_processes 1;\nuser root;\npid " + folder_ + "/nginx.pid;\nerror_log " + folder_ +
                      "/error.log;\nevents { worker_connections 256; }\nhttp {\n  access_log off;\n  sendfile on;\n"
                      "  tcp_nopush on;\n" +
                      temporary + "  server {\n    listen 127.0.0.1:" + std::to_string(port_) +
                      " ssl;\n    ssl_certificate " + keys.server() + ".crt;\n    ssl_certificate_key " +
                      keys.server() + ".key;\n    ssl_client_certificate " + keys.ca() +
                      ";\n    ssl_verify_client on;\n    ssl_protocols TLSv1.3;\n    root " + files + ";\n  }\n}\n");
  e2e::Launch launch;
  launch.args = {"/usr/sbin/nginx", "-p", folder_, "-c", folder_ + "/nginx.conf", "-e", folder_ + "/error.log"};
  launch.log = folder_ + "/nginx.log";
  process_ = e2e::Process(launch);
  if (!e2e::eventually(10s, [&] { return e2e::accepts_connections(port_) || !process_.running(); }) ||
      !process_.running()) {
    break_off("nginx did not start: %s%s", e2e::read_text(folder_ + "/nginx.log").c_str(),
              e2e::read_text(folder_ + "/error.log").c_str());
  }
}

std::string Nginx::command(const std::string& file, const std::string& to, Client client) const {
  std::string line = "curl --silent --show-error --fail --tlsv1.3 --tls13-ciphers TLS_AES_256_GCM_SHA384 --cacert " +
                     keys_.ca() + " --cert " + stem_ + ".crt --key " + stem_ + ".key --output " + to +
                     " https://127.0.0.1:" + std::to_string(port_) + "/" + file;
  if (client == Client::verifies_and_syncs) line += " && openssl dgst -sha256 " + to + " && sync " + to;
  return line;
}

double Nginx::fetch_ms(const std::string& file, std::size_t count, Client client) {
  std::vector<e2e::Process> curls;
  std::vector<std::string> copies;
  for (std::size_t i = 0; i < count; ++i) copies.push_back(folder_ + "/copy-" + std::to_string(i));
  const auto begun = Clock::now();
  for (const auto& copy : copies) {
    e2e::Launch launch;
    launch.args = {"nice", "-n", client_niceness, "sh", "-c", command(file, copy, client)};
    launch.log = folder_ + "/curl.log";
    curls.emplace_back(launch);
  }
  for (auto& curl : curls) {
    if (curl.wait_exit(300s) != 0) break_off("curl failed: %s", e2e::read_text(folder_ + "/curl.log").c_str());
  }
  const auto ended = Clock::now();
  for (const auto& copy : copies) ::unlink(copy.c_str());
  return ms_between(begun, ended);
}

}  // namespace muster::bench
