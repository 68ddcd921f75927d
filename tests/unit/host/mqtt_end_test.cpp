// How a process ends that has had an MQTT connection: Paho's threads may still be on their way out when main() has
// returned, and libcrypto must still be there for them.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdio>
#include <cstdlib>

#include "host/mqtt_client.h"

namespace muster::host {
namespace {

void say_it_is_gone() {
  std::fputs("libcrypto is gone\n", stderr);
}

// Without a connection: the client links what every one of our programs links, and libcrypto is used as by TLS.
[[noreturn]] void live_and_end() {
  OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr);
  {
    const MqttClient client(
        {}, [](MqttMessage&&) {}, [](const std::string&) {});
  }
  OPENSSL_atexit(say_it_is_gone);  // called by libcrypto's own end
  std::fputs("the end\n", stderr);
  std::exit(0);
}

TEST(MqttEnd, LibcryptoOutlivesPahosThreads) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(live_and_end(), testing::ExitedWithCode(0), "^the end\n$");
}

}  // namespace
}  // namespace muster::host
