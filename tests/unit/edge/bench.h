// A device made of nothing: an Agent, a disk with slots and links, a journal, and a clock that only moves when told. It
// performs the agent's effects at once, fails where a test wants it to, and can lose power after any of its operations.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "edge-client/agent/agent.h"

namespace muster::edge {

// Thrown by no one but Bench, caught by no one but cut tests: the power is gone.
struct PowerCut {};

class Bench {
 public:
  Bench();

  // --- releases: the digest is made of the name ---
  ReleaseInfo& release(const std::string& ref, Plane plane = Plane::model, std::uint32_t security_version = 1);
  [[nodiscard]] static Sha256 digest(const std::string& ref);

  // --- what comes from the broker ---
  // `refs` in activation order, each "name@version" as given to release(); "-model" empties a plane. Likewise `shadow`.
  void assign(std::uint64_t epoch, const std::vector<std::string>& refs, std::uint32_t soak_s = 10,
              Hold hold = Hold::none, const std::vector<std::string>& shadow = {});
  void direct(const std::string& scope, std::uint64_t epoch, std::vector<StandingOrder> orders);
  void feed(decltype(Event::what) what);  // any event, as the shell would pass it on
  void readings(std::vector<std::pair<std::string, double>> values);

  // --- time and power ---
  void wait_s(std::uint64_t seconds);  // ticks where the agent asked for them
  void start();                        // also after a power cut
  void stop_in_order();
  void lose_power();                             // the agent is gone, the disk stays
  std::optional<std::uint64_t> operations_left;  // the power goes when so many are done

  // --- what goes wrong: by release, the code with which the step fails; kept until taken away ---
  std::map<std::string, ErrorCode> fetch_fails, build_fails, activate_fails, probe_fails;
  std::string failure_words = "as the test wants it";
  std::map<std::string, int> activate_back_fails;  // so many times, on the way back to it
  bool hold_jobs = false;                          // jobs wait, as a slow network would make them
  void release_jobs();
  void release_job();  // the first of them alone

  // --- what is seen ---
  [[nodiscard]] std::string active(Plane plane = Plane::model) const;  // by the link; "" when empty
  [[nodiscard]] std::string previous(Plane plane = Plane::model) const;
  [[nodiscard]] AttemptPhase phase() const { return agent->durable().attempt.phase; }
  [[nodiscard]] DeviceState state() const { return agent->durable().state; }
  [[nodiscard]] ErrorCode error() const { return agent->durable().attempt.error; }
  [[nodiscard]] std::vector<std::string> take_trace();  // transitions and workload commands since the last call
  [[nodiscard]] std::vector<std::string> take_refusals();
  [[nodiscard]] std::size_t fetch_count(const std::string& ref) const;
  [[nodiscard]] std::vector<std::string> shadow() const;  // what runs in it, with the command: "m@2 replay"
  void end_shadow(ErrorCode code);                        // as a command that ends by itself would
  std::size_t operations = 0;
  std::size_t reports = 0;
  std::size_t forgotten = 0;  // how often what had been measured was
  std::size_t probe_runs = 0, shadow_runs = 0;
  std::vector<std::string> notes;  // all of them, as they would be logged
  // What must hold at every moment, whatever happened.
  void check_invariants() const;

  AgentSetup setup;
  std::unique_ptr<Agent> agent;
  Bytes journal;
  std::map<Plane, PlaneLinks> links;
  std::map<Plane, std::set<Sha256>> slots;
  std::set<Sha256> damaged;
  std::uint64_t now_ms = 1000, now_s = 1'800'000'000;

 private:
  void perform(const Effect& effect);
  void operate();
  void run_jobs();
  void run_job(const Effect& effect);
  void answer(std::uint64_t job, const std::map<std::string, ErrorCode>& failures, const Sha256& manifest,
              decltype(Event::what) good);
  [[nodiscard]] std::vector<AssignedRelease> lines_of(const std::vector<std::string>& refs) const;
  [[nodiscard]] const ReleaseInfo* find(const Sha256& manifest) const;
  [[nodiscard]] std::string ref_of(const Sha256& manifest) const;

  std::map<std::string, ReleaseInfo> releases_;
  std::deque<Effect> jobs_;
  std::optional<RunShadow> shadow_;  // runs until it is cancelled, or the agent is gone
  bool running_jobs_ = false;
  std::uint64_t wake_ms_ = 0;
  std::vector<std::string> trace_, refusals_;
  std::map<std::string, std::size_t> fetches_;
};

}  // namespace muster::edge
