// A device that keeps to the wire's rules against EvidenceFiles, with repetitions, gaps, restarts, power cuts and other
// devices in its way: it never loses a byte that it has freed, and the disk holds no more than it may.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <random>

#include "broker-plugin/evidence/evidence_files.h"
#include "tests/support/long_form.h"
#include "tests/unit/broker/fixtures.h"
#include "trust/sha256.h"

namespace muster::broker {
namespace {

namespace fs = std::filesystem;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    open();
    for (int i = 0; i < 3; ++i) renew(devices_.emplace_back(Device{"gw-" + std::to_string(i), {}, {}, 0, 0}));
  }

  void step() {
    now_s_ += below(400);
    auto& device = devices_[below(devices_.size())];
    const auto dice = below(100);
    if (dice < 6) {
      restart();
    } else if (dice < 8) {
      files_->sweep(now_s_, room);
    } else {
      send(device);
    }
    check_disk();
  }
  [[nodiscard]] std::size_t stored() const { return stored_; }
  [[nodiscard]] std::size_t begun_again() const { return begun_again_; }

 private:
  static constexpr std::uint64_t room = 40 * EvidenceFiles::block;

  struct Device {
    std::string name, content;
    Sha256 digest;
    std::uint64_t freed = 0;  // acknowledged: it does not have these bytes any more
    std::uint64_t next = 0;
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  void open() {
    auto opened = EvidenceFiles::open(folder_.path(), *BlobStore::open(folder_.path()));
    ASSERT_TRUE(opened.has_value());
    files_ = std::make_unique<EvidenceFiles>(std::move(*opened));
    for (const auto& bundle : files_->unrecorded()) EXPECT_TRUE(files_->recorded(bundle.id, bundle.time_s));
    files_->sweep(now_s_, room);  // as the first tick does
  }

  void renew(Device& device) {
    device.content.resize(1 + below(12 * EvidenceFiles::block));
    for (auto& each : device.content) each = static_cast<char>(random_());
    device.digest = trust::sha256(ByteView(std::string_view(device.content)));
    device.freed = device.next = 0;
  }

  // On from where it is, or from its last acknowledgement, or somewhere before a gap.
  void send(Device& device) {
    const auto size = device.content.size();
    const auto dice = below(10);
    if (dice == 0) device.next = device.freed;
    if (dice == 1) device.next = device.freed + below(size - device.freed);
    if (dice == 2) device.next = std::min<std::uint64_t>(size - 1, device.next + below(3000));
    const auto length = std::min<std::uint64_t>(1 + below(16000), size - device.next);
    const auto text = std::string_view(device.content).substr(device.next, length);
    const EvidenceId id{device.name, device.digest};
    const auto put = files_->put({id, device.next, size, Bytes(text.begin(), text.end()), now_s_}, room);
    if (!put) {
      // It hears nothing, and will begin again at its last acknowledgement.
      EXPECT_TRUE(put.error().label == "evidence_rate" || put.error().label == "evidence_gap") << put.error().label;
      device.next = device.freed;
      return;
    }
    if (below(4) == 0) {  // several pieces before one visit to the disk
      device.next = std::min<std::uint64_t>(size - 1, device.next + length);
      return;
    }
    const auto settled = files_->settle(id);
    ASSERT_TRUE(settled.has_value());
    if (settled->offset < device.freed) {
      // It had to go, for another's sake or because of its age: the device begins with another one.
      ++begun_again_;
      return renew(device);
    }
    device.freed = settled->offset;
    device.next = std::min<std::uint64_t>(device.freed, size - 1);
    if (device.freed != size) return;
    EXPECT_EQ(settled->lied, "");
    EXPECT_EQ(files_->recorded(id, now_s_), true);
    const auto held = files_->read(id, 0, size);
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(std::string(held->data.begin(), held->data.end()), device.content);
    ++stored_;
    renew(device);
  }

  // Orderly or by a power cut: of what was not acknowledged, any part may be on the disk, and anything in its place.
  void restart() {
    files_.reset();
    for (const auto& device : devices_) {
      const auto path = folder_ / ("evidence/" + device.name + "/" + to_hex(device.digest) + "." +
                                   std::to_string(device.content.size()) + ".part");
      if (!fs::exists(path) || below(2) == 0) continue;
      const auto size = fs::file_size(path);
      ASSERT_GE(size, device.freed);
      auto bytes = test::read_text(path).substr(0, device.freed + below(size - device.freed + 1));
      if (below(2) == 0) bytes.resize(device.freed + below(device.content.size() - device.freed + 1), '\0');
      test::write_text(path, bytes);
    }
    open();
  }

  void check_disk() {
    std::uint64_t cost = 0;
    std::size_t files = 0;
    for (const auto& each : fs::recursive_directory_iterator(folder_ / "evidence")) {
      if (!each.is_regular_file()) continue;
      const auto size = each.file_size();
      cost += std::max(EvidenceFiles::block,
                       (size + EvidenceFiles::block - 1) / EvidenceFiles::block * EvidenceFiles::block);
      ++files;
    }
    EXPECT_LE(cost, room);
    EXPECT_LE(files, devices_.size() * (EvidenceFiles::complete_per_device_max + 1));
    EXPECT_LE(files_->numbers().bytes, room);
    EXPECT_GE(files_->numbers().bytes, cost);
  }

  std::mt19937_64 random_;
  test::TempFolder folder_;
  std::unique_ptr<EvidenceFiles> files_;
  std::vector<Device> devices_;
  std::uint64_t now_s_ = static_cast<std::uint64_t>(std::time(nullptr));
  std::size_t stored_ = 0, begun_again_ = 0;
};

TEST(EvidenceRandom, AnHonestDeviceLosesNothingItHasFreed) {
  const auto first = testing::seed_or(20261121);
  const auto worlds = testing::size_for<std::uint64_t>(3, 200);
  std::size_t stored = 0, begun_again = 0;
  for (std::uint64_t seed = first; seed < first + worlds; ++seed) {
    SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
    World world(seed);
    for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) world.step();
    stored += world.stored();
    begun_again += world.begun_again();
    if (::testing::Test::HasFailure()) return;
  }
  printf("evidence: %zu bundles stored, %zu begun again, MUSTER_SEED=%llu\n", stored, begun_again,
         static_cast<unsigned long long>(first));
  EXPECT_GT(stored, worlds * 5);
  EXPECT_GT(begun_again, 0u);
}

}  // namespace
}  // namespace muster::broker
