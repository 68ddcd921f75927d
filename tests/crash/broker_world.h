// A broker's two stories, played by a driver that only sees what an operator and two devices see, and that can go on
// wherever a broken-off play was: "first" publishes a release and rolls it out past a manual gate, from an empty data
// folder, and a device sends evidence; "second" rolls out one that fails on a device, aborts it, and gives an order.
// Real Mosquitto with the plugin, over TLS. Tests only; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "schemas/bytes.h"
#include "tests/crash/disk_model.h"
#include "tests/crash/recorded.h"
#include "tests/e2e/harness/world.h"

namespace muster::crash {

// What was visible outside the broker: all of it must survive whatever happens to the broker.
struct Seen {
  struct Given {
    std::uint64_t epoch = 0;
    std::string envelope;  // the bytes, in hex
  };
  std::set<std::string> asked;                            // commands that were sent, as "publishRelease m@1"
  std::set<std::string> done;                             // those of them that were answered
  std::map<std::string, Given> assignments;               // by device
  std::map<std::string, std::set<std::uint64_t>> epochs;  // of a device, by "device rollout manifest"
  std::uint64_t evidence = 0;                             // bytes of the first device's bundle that were acknowledged
};

struct Story {
  std::string name, rollout, release;
  bool fails = false;  // the second device puts the release back, and the operator aborts
  std::string start, end;
  std::vector<Operation> operations;
  std::vector<std::pair<std::size_t, Seen>> marks;  // what had been seen when the trace was that long
};

class BrokerWorld : public e2e::World {
 protected:
  void SetUp() override;

  [[nodiscard]] std::vector<Story>& stories() { return stories_; }
  [[nodiscard]] const Seen& seen() const { return seen_; }
  // Makes the broker's data folder that of the story's beginning and the devices what they were then.
  void put_back(const Story& story);
  // The broker's data folder becomes a copy of `folder`; the broker is ended first.
  void put_disk(const std::string& folder);
  // Plays on from wherever the broker is, until the story is over (true) or the broker has ended (false).
  [[nodiscard]] bool play(const Story& story);
  // Asks the running broker to stop and waits; its exit code.
  [[nodiscard]] int end_broker();
  // Everything in `what` must be known to the broker that runs now.
  void expect_remembered(const Seen& what);
  void hang_up();  // drops all connections
  // Connects `fresh` while `awake` keeps asking: all connections of a process share one of Paho's threads, which waits
  // up to a second for the others before it looks at a new one, several times a handshake.
  [[nodiscard]] static bool connect_beside(e2e::Session& awake, e2e::Session& fresh);
  [[nodiscard]] std::string data_dir() { return broker().data_dir(); }

 private:
  struct Device {
    std::string name;
    std::unique_ptr<e2e::Session> session;
    std::uint64_t boot_id = 1, seq = 0, epoch = 0;
    Sha256 active;
    std::uint8_t attempt = 0;
  };
  void record(Story& story);
  [[nodiscard]] bool connect_all();
  [[nodiscard]] bool step(const Story& story);  // false: nothing more to do
  [[nodiscard]] bool step_release(const Story& story);
  [[nodiscard]] nlohmann::json ask(const std::string& command, nlohmann::json fields);
  // Asks for a change and remembers that it was answered as done.
  void order(const std::string& command, const nlohmann::json& fields, const std::string& subject);
  void look_at_assignments(const Story& story);
  void report(Device& device);
  // The next piece of the first device's evidence, which has `acked` bytes acknowledged; waits for the answer.
  void send_evidence(std::uint64_t& acked);
  void mark();

  std::vector<Story> stories_;
  std::vector<Device> devices_, devices_after_first_;
  std::unique_ptr<e2e::Session> operator_;
  std::uint64_t correlation_ = 0;
  Seen seen_;
  std::vector<std::pair<std::size_t, Seen>>* marks_ = nullptr;
  std::string trace_;
};

}  // namespace muster::crash
