// The broker's data folder, damaged at random places while the broker is away. It refuses with a sentence that names
// the folder and what helps; or what it says about devices, rollouts, releases, assignments and its audit record is the
// same as without the damage. A damaged file of a release is mended by publishing the release again.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "tests/crash/broker_world.h"
#include "tests/crash/damage.h"
#include "tests/e2e/harness/messages.h"
#include "tests/support/long_form.h"

namespace muster::crash {
namespace {

using nlohmann::json;

class BrokerDamage : public BrokerWorld {
 protected:
  // Everything an operator and the devices can see. Of the audit record the part that was there before.
  [[nodiscard]] std::string view() {
    auto session = operator_session("ops");
    json all;
    for (const std::string command : {"listReleases", "listRollouts", "listDevices"})
      all[command] = session->control(command)["data"];
    for (auto& device : all["listDevices"]["devices"]) {
      device.erase("connected");
      device.erase("last_seen_s");
    }
    all["audit"] = session->control("listAudit", {{"limit", entries_before_}})["data"]["entries"];
    for (const std::string device : {"gw-0", "gw-1"}) {
      const auto own = std::make_unique<e2e::Session>(broker().port(), keys_.ca(), keys_.device(device));
      EXPECT_TRUE(connect_beside(*session, *own));
      const auto topic = "muster/v1/device/" + device + "/assignment";
      EXPECT_TRUE(own->subscribe(topic));
      const auto assigned = own->wait_for(topic, e2e::Milliseconds(5000));
      all["assignments"][device] = assigned ? to_hex(ByteView(assigned->payload)) : "no assignment";
    }
    return all.dump(1);
  }
  void learn(const std::string& disk) {
    put_disk(disk);
    ASSERT_TRUE(broker().start());
    auto session = operator_session("ops");
    entries_before_ = session->control("listAudit", {{"limit", 500}})["data"]["entries"].size() - 1;
    intact_ = view();
    EXPECT_NE(intact_.find("m-2"), std::string::npos);
    EXPECT_EQ(intact_.find("no assignment"), std::string::npos) << intact_;
  }
  [[nodiscard]] std::string outcome(const Damage& damage) {
    if (!broker().start_or_end()) {
      const auto code = broker().wait_exit(e2e::Milliseconds(1000)).value_or(-1);
      const auto log = broker().log();
      EXPECT_TRUE(code > 0 && code < 126) << code << "\n" << log;
      EXPECT_NE(log.find(data_dir()), std::string::npos) << "what is wrong is not named\n" << log;
      EXPECT_NE(log.find("restore"), std::string::npos) << "no way out is named\n" << log;
      return "refused";
    }
    EXPECT_EQ(view(), intact_);
    expect_audit_intact();
    if (damage.file.rfind("blobs/", 0) == 0) return mended(damage);
    return "harmless";
  }
  // Publishing again sends what is damaged, and only that.
  [[nodiscard]] std::string mended(const Damage& damage) {
    for (const std::string release : {"m@1", "m@2"}) {
      const auto published = ctl().run({"release", "publish", release_folder(release)});
      EXPECT_EQ(published.exit_code, 0) << published.err;
    }
    EXPECT_EQ(e2e::read_text(data_dir() + "/" + damage.file), e2e::read_text(disk_ + "/" + damage.file))
        << "publishing again did not mend it";
    return "repaired";
  }
  void damage_all(const std::string& disk, std::size_t count, std::uint64_t seed) {
    disk_ = disk;
    learn(disk);
    for (const auto& damage : damages(disk, count, seed)) {
      if (HasFailure()) return;
      SCOPED_TRACE(damage.text() + ", MUSTER_SEED=" + std::to_string(seed));
      put_disk(disk);
      damage.do_to(data_dir());
      ++outcomes_[outcome(damage)];
    }
  }
  std::string disk_, intact_;
  std::size_t entries_before_ = 0;
  std::map<std::string, std::size_t> outcomes_;
};

TEST_F(BrokerDamage, NoDamageIsRunOnSilently) {
  ASSERT_FALSE(HasFailure());
  const auto seed = testing::seed_or(1);
  const auto count = testing::size_for<std::size_t>(12, 250);
  // As an orderly end leaves it: tables. As a kill leaves it: a log.
  damage_all(stories()[1].end, count, seed);
  const History history(stories()[1].start, stories()[1].operations);
  const auto killed = folder_.file("killed");
  history.lay_out(history.number_at(stories()[1].marks.back().first), Kept::everything, 0, killed);
  damage_all(killed, count, seed + 1);
  printf("broker, damage (seed %llu):", static_cast<unsigned long long>(seed));
  for (const auto& [what, number] : outcomes_) printf(" %zu %s", number, what.c_str());
  printf("\n");
  EXPECT_GT(outcomes_["refused"], 0u);
}

}  // namespace
}  // namespace muster::crash
