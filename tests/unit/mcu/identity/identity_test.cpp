// What the factory writes into the identity area, and what the client makes of it. Beside whole identities: every fact
// missing, too long, or of the wrong shape.
#include "mcu-client/src/client/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "mcu-client/ports/mps2-an385/layout.h"
#include "mcu-client/tools/flash_image.h"

namespace muster::mcu {
namespace {

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() : image_(mps2::layout, 2u << 20), log_(image_.flash(), mps2::layout.identity) {
    EXPECT_EQ(log_.mount(), ok);
    write(IdentityKey::device_id, "mcu-1");
    write(IdentityKey::device_class, "cortex-m3");
  }
  void write(IdentityKey key, const std::string& value) {
    ASSERT_EQ(log_.write(static_cast<std::uint8_t>(key), value.data(), static_cast<std::uint32_t>(value.size())), ok);
  }
  int load_again() { return load(log_, identity_.emplace()); }

  FlashImage image_;
  RecordLog log_;
  std::optional<Identity> identity_;
};

TEST_F(IdentityTest, HasWhatTheFactoryWrote) {
  write(IdentityKey::region, "eu");
  write(IdentityKey::site, "plant-7");
  write(IdentityKey::customer, "acme");
  write(IdentityKey::os_version, "1.2");
  write(IdentityKey::memory_tier, "small");
  write(IdentityKey::broker_name, "broker.example");
  write(IdentityKey::tags, std::string("line-a\0night", 12));
  write(IdentityKey::memory_mb, std::string("\x04\x01\0\0", 4));
  ASSERT_EQ(load_again(), ok);
  EXPECT_EQ(identity_->device_id, "mcu-1");
  EXPECT_EQ(identity_->device_class, "cortex-m3");
  EXPECT_EQ(identity_->region, "eu");
  EXPECT_EQ(identity_->site, "plant-7");
  EXPECT_EQ(identity_->customer, "acme");
  EXPECT_EQ(identity_->os_version, "1.2");
  EXPECT_EQ(identity_->memory_tier, "small");
  EXPECT_STREQ(identity_->broker_name.data(), "broker.example") << "mbedTLS takes it as a C string";
  EXPECT_EQ(identity_->tag_count, 2u);
  EXPECT_EQ(identity_->tags[0], "line-a");
  EXPECT_EQ(identity_->tags[1], "night");
  EXPECT_EQ(identity_->memory_mb, 260u);
}

TEST_F(IdentityTest, WhatIsNotWrittenIsAbsent) {
  ASSERT_EQ(load_again(), ok);
  EXPECT_EQ(identity_->region, "");
  EXPECT_EQ(identity_->tag_count, 0u);
  EXPECT_EQ(identity_->memory_mb, 0u);
}

TEST_F(IdentityTest, NeedsAnIdAndAClass) {
  for (const auto key : {IdentityKey::device_id, IdentityKey::device_class}) {
    ASSERT_EQ(log_.remove(static_cast<std::uint8_t>(key)), ok);
    EXPECT_EQ(load_again(), err_provisioning);
    write(key, "back-again");
    EXPECT_EQ(load_again(), ok);
  }
}

TEST_F(IdentityTest, RefusesWhatTheBrokerWouldRefuse) {
  write(IdentityKey::site, std::string(limits::attribute_len_max, 's'));
  EXPECT_EQ(load_again(), ok);
  write(IdentityKey::site, std::string(limits::attribute_len_max + 1, 's'));
  EXPECT_EQ(load_again(), err_provisioning);
  write(IdentityKey::site, "s");
  for (const std::string& tags :
       {std::string("a\0\0b", 4), std::string(1, '\0'), std::string("a\0b\0c\0d\0e\0f\0g\0h\0i", 17),
        std::string(limits::attribute_len_max + 1, 't')}) {
    write(IdentityKey::tags, tags);
    EXPECT_EQ(load_again(), err_provisioning) << tags.size();
  }
  write(IdentityKey::tags, std::string("a\0b\0c\0d\0e\0f\0g\0h", 15));
  EXPECT_EQ(load_again(), ok);
  EXPECT_EQ(identity_->tag_count, identity_tags_max);
  write(IdentityKey::memory_mb, "12345");
  EXPECT_EQ(load_again(), err_provisioning);
}

TEST_F(IdentityTest, TextsThatFillTheRoomExactlyFitAndOneByteMoreDoesNot) {
  const auto used = std::string("mcu-1").size() + 1 + std::string("cortex-m3").size() + 1;
  std::size_t left = identity_text_max - used;
  for (const auto key : {IdentityKey::region, IdentityKey::site, IdentityKey::customer, IdentityKey::os_version}) {
    write(key, std::string(60, 'x'));
    left -= 61;
  }
  write(IdentityKey::memory_tier, std::string(left - 1, 'y'));
  ASSERT_EQ(load_again(), ok);
  EXPECT_EQ(identity_->memory_tier, std::string(left - 1, 'y'));
  write(IdentityKey::memory_tier, std::string(left, 'y'));
  EXPECT_EQ(load_again(), err_no_space);
  write(IdentityKey::memory_tier, std::string(left - 1, 'y'));
  write(IdentityKey::tags, "t");
  EXPECT_EQ(load_again(), err_no_space) << "not even room for an end";
}

TEST_F(IdentityTest, GivesCredentialsPieceByPiece) {
  std::uint8_t bytes[8] = {};
  EXPECT_EQ(read_credential(log_, IdentityKey::root, bytes, sizeof bytes), err_provisioning);
  write(IdentityKey::root, "12345678");
  EXPECT_EQ(read_credential(log_, IdentityKey::root, bytes, sizeof bytes), 8);
  EXPECT_THAT(bytes, ::testing::ElementsAre('1', '2', '3', '4', '5', '6', '7', '8'));
  write(IdentityKey::root, "123456789");
  EXPECT_EQ(read_credential(log_, IdentityKey::root, bytes, sizeof bytes), err_too_long);
}

}  // namespace
}  // namespace muster::mcu
