#include "tests/e2e/mcu/plain_broker.h"

#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {

PlainBroker::PlainBroker(const std::string& more_config, bool persistent) : port_(free_port()) {
  const std::string kept =
      "persistence true\npersistence_location " + folder_.path() + "/\nautosave_on_changes true\nautosave_interval 1\n";
  write_text(folder_.file("mosquitto.conf"),
             "listener " + std::to_string(port_) + " 127.0.0.1\n" + (persistent ? kept : "persistence false\n") +
                 "max_queued_messages 10000\nset_tcp_nodelay true\nuser root\nlog_dest stderr\nlog_type all\n" +
                 more_config);
}

bool PlainBroker::start() {
  Launch launch;
  launch.args = watched_command({programs::mosquitto, "-c", folder_.file("mosquitto.conf")});
  launch.environment = watched_broker_environment();
  launch.log = folder_.file("mosquitto.log");
  process_ = Process(launch);
  return eventually(15s, [&] { return accepts_connections(port_); }) && process_.running();
}

}  // namespace muster::e2e
