// The containers and codecs under the engine.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "rules/engine/facts.h"
#include "rules/engine/pool.h"
#include "rules/engine/record.h"
#include "schemas/limits.h"

namespace muster::rules::test {
namespace {

// The clever table against a dumb twin, under random use.
TEST(Pool, AgreesWithAMap) {
  const unsigned seed = 20261121;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Pool pool;
  std::map<std::string, std::pair<Handle, unsigned>> twin;
  for (int i = 0; i < 20000; ++i) {
    const auto text = "text-" + std::to_string(random() % 300);
    auto found = twin.find(text);
    if (random() % 2 == 0) {
      const auto handle = pool.intern(text);
      if (found == twin.end()) {
        twin[text] = {handle, 1};
      } else {
        ASSERT_EQ(handle, found->second.first);
        ++found->second.second;
      }
    } else if (found != twin.end()) {
      pool.release(found->second.first);
      if (--found->second.second == 0) twin.erase(found);
    }
    if (i % 500 != 0) continue;
    for (int each = 0; each < 300; ++each) {
      const auto name = "text-" + std::to_string(each);
      found = twin.find(name);
      ASSERT_EQ(pool.find(name), found == twin.end() ? 0 : found->second.first) << name;
      if (found != twin.end()) {
        ASSERT_EQ(pool.bytes(found->second.first), name);
      }
    }
  }
}

TEST(Pool, EqualBytesShareAHandle) {
  Pool pool;
  const auto a = pool.intern("x");
  EXPECT_EQ(pool.intern("x"), a);
  EXPECT_NE(pool.intern("y"), a);
  EXPECT_EQ(pool.bytes(0), "");
  Handle slot = 0;
  pool.assign(slot, "");
  EXPECT_EQ(slot, 0u);
  pool.assign(slot, "x");
  EXPECT_EQ(slot, a);
  pool.assign(slot, "");
  EXPECT_EQ(slot, 0u) << "equal values have equal handles, whatever was there before";
}

TEST(Record, GivesBackWhatWasWritten) {
  ByteWriter out;
  const std::uint64_t numbers[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
  for (const auto number : numbers) out.number(number);
  out.text("");
  out.text("größe");
  Sha256 digest;
  digest.bytes[31] = 9;
  out.digest(digest);
  out.flag(true);
  const auto value = seal_record("k", out.bytes());
  ByteReader in;
  ASSERT_TRUE(open_record("k", value, in));
  for (const auto number : numbers) EXPECT_EQ(in.number(), number);
  EXPECT_EQ(in.text(10), "");
  EXPECT_EQ(in.text(10), "größe");
  EXPECT_EQ(in.digest(), digest);
  EXPECT_TRUE(in.flag());
  EXPECT_TRUE(in.at_end());
}

TEST(Record, EveryFlippedBitIsFound) {
  ByteWriter out;
  out.number(123456);
  out.text("some words");
  const auto value = seal_record("device/a", out.bytes());
  ByteReader in;
  ASSERT_TRUE(open_record("device/a", value, in));
  EXPECT_FALSE(open_record("device/b", value, in));
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    auto damaged = value;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(open_record("device/a", damaged, in)) << bit;
  }
  for (std::size_t size = 0; size < value.size(); ++size)
    EXPECT_FALSE(open_record("device/a", value.substr(0, size), in));
}

TEST(Record, ReadsOnlyWhatIsThere) {
  const auto reader = [](std::string bytes) {
    static std::string kept;
    kept = std::move(bytes);
    return ByteReader(kept);
  };
  auto in = reader("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  EXPECT_EQ(in.number(), 0u);
  EXPECT_FALSE(in.ok());
  in = reader(
      "\x05"
      "abc");
  EXPECT_EQ(in.text(10), "");
  EXPECT_FALSE(in.ok());
  in = reader(
      "\x03"
      "abc");
  EXPECT_EQ(in.text(2), "");
  EXPECT_FALSE(in.ok());
  in = reader("abc");
  EXPECT_TRUE(in.digest().is_zero());
  EXPECT_FALSE(in.ok());
  in = reader("\x02");
  EXPECT_FALSE(in.flag());
  EXPECT_FALSE(in.ok());
}

DeviceFacts full_facts() {
  DeviceFacts facts;
  facts.device_class = "rk3566";
  facts.region = "eu";
  facts.site = "plant-7";
  facts.customer = "acme";
  facts.os_version = "12";
  facts.memory_tier = "small";
  facts.agent_version = "0.1";
  facts.memory_mb = 2048;
  facts.tags = {"lab", "pilot"};
  facts.accelerators = {"npu"};
  return facts;
}

TEST(Facts, SurvivePacking) {
  ByteWriter packed;
  pack_facts(full_facts(), packed);
  EXPECT_EQ(unpack_facts(packed.bytes()), full_facts());
  ByteWriter empty;
  pack_facts(DeviceFacts(), empty);
  EXPECT_EQ(unpack_facts(empty.bytes()), DeviceFacts());
  FactsView view;
  for (std::size_t size = 0; size < packed.bytes().size(); ++size)
    EXPECT_FALSE(view_facts(packed.bytes().substr(0, size), view));
}

TEST(Facts, OverlongListsAreCut) {
  DeviceFacts facts;
  facts.tags.assign(limits::tags_max + 5, "t");
  ByteWriter packed;
  pack_facts(facts, packed);
  EXPECT_EQ(unpack_facts(packed.bytes()).tags.size(), limits::tags_max);
}

TEST(Facts, AreTheNamesOfConditions) {
  ByteWriter packed;
  pack_facts(full_facts(), packed);
  const DeviceEnvironment environment("gw-1", packed.bytes());
  EXPECT_EQ(environment.lookup("device.id").text, "gw-1");
  EXPECT_EQ(environment.lookup("device.class").text, "rk3566");
  EXPECT_EQ(environment.lookup("device.memory_mb").number, 2048);
  EXPECT_EQ(environment.lookup("device.tags").item_count, 2u);
  EXPECT_EQ(environment.lookup("device.accelerators").items[0], "npu");
  EXPECT_EQ(environment.lookup("device.colour").type, Value::Type::missing);
  EXPECT_EQ(environment.lookup("region").type, Value::Type::missing);
  ByteWriter none;
  pack_facts(DeviceFacts(), none);
  const DeviceEnvironment unknown("gw-1", none.bytes());
  EXPECT_EQ(unknown.lookup("device.region").type, Value::Type::missing);
  EXPECT_EQ(unknown.lookup("device.memory_mb").type, Value::Type::missing);
  EXPECT_EQ(unknown.lookup("device.tags").type, Value::Type::list);
}

TEST(Facts, FormGroups) {
  ByteWriter packed;
  pack_facts(full_facts(), packed);
  FactsView view;
  ASSERT_TRUE(view_facts(packed.bytes(), view));
  EXPECT_TRUE(view.in_group("class", "rk3566"));
  EXPECT_TRUE(view.in_group("tag", "pilot"));
  EXPECT_FALSE(view.in_group("tag", "other"));
  EXPECT_FALSE(view.in_group("region", "us"));
  EXPECT_FALSE(view.in_group("colour", "red"));
}

}  // namespace
}  // namespace muster::rules::test
