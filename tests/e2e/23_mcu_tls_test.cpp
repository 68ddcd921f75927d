// TLS as the boards speak it (ports/tls), against OpenSSL's server, over a stream that takes and gives as little as it
// likes: every record is cut anywhere, on its way out and on its way in.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <random>

#include "mcu-client/ports/posix/socket_stream.h"
#include "mcu-client/ports/tls/tls_stream.h"
#include "mcu-client/tools/der_file.h"
#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/folder.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using testing::size_for;

// A TCP stream that moves a random part of what it is asked to, often nothing.
class MiserlyStream {
 public:
  MiserlyStream(std::uint16_t port, std::uint64_t seed) : socket_("127.0.0.1", port), random_(seed) {
    port_.context = this;
    port_.open = [](void* self) { return static_cast<MiserlyStream*>(self)->socket_.open(); };
    port_.close = [](void* self) { static_cast<MiserlyStream*>(self)->socket_.close(); };
    port_.send = [](void* self, const std::uint8_t* bytes, std::size_t size) {
      auto& stream = *static_cast<MiserlyStream*>(self);
      const auto part = stream.part_of(size);
      return part == 0 ? 0 : stream.socket_.send(bytes, part);
    };
    port_.recv = [](void* self, std::uint8_t* to, std::size_t size) {
      auto& stream = *static_cast<MiserlyStream*>(self);
      const auto part = stream.part_of(size);
      return part == 0 ? 0 : stream.socket_.recv(to, part);
    };
    port_.entropy = [](void* self, std::uint8_t* to, std::size_t size) {
      auto& random = static_cast<MiserlyStream*>(self)->random_;
      std::generate(to, to + size, [&] { return static_cast<std::uint8_t>(random()); });
      return 0;
    };
  }
  [[nodiscard]] const mcu::Port& port() const { return port_; }

 private:
  std::size_t part_of(std::size_t size) {
    const auto kind = random_() % 4;
    if (kind == 0) return 0;
    return kind == 1 ? std::min<std::size_t>(size, 1) : 1 + random_() % size;
  }
  mcu::posix::SocketStream socket_;
  std::mt19937_64 random_;
  mcu::Port port_;
};

class McuTls : public ::testing::Test {
 protected:
  // `more`: arguments of openssl s_server. It turns every line round.
  void start_server(const std::vector<std::string>& more = {}) {
    port_ = free_port();
    const auto& keys = shared_keys();
    Launch launch;
    launch.log = folder_.file("server.log");
    launch.args = {"openssl",
                   "s_server",
                   "-accept",
                   "127.0.0.1:" + std::to_string(port_),
                   "-cert",
                   keys.server() + ".crt",
                   "-key",
                   keys.server() + ".key",
                   "-CAfile",
                   keys.ca(),
                   "-Verify",
                   "1",
                   "-verify_return_error",
                   "-rev"};
    launch.args.insert(launch.args.end(), more.begin(), more.end());
    server_ = Process(launch);
    ASSERT_EVENTUALLY(10s, read_text(folder_.file("server.log")).find("ACCEPT") != std::string::npos);
  }

  void make_client(const Keys& keys = shared_keys()) {
    const auto seed = testing::seed_or(23);
    std::cout << "MUSTER_SEED=" << seed << "\n";
    below_ = std::make_unique<MiserlyStream>(port_, seed);
    stream_ = std::make_unique<mcu::TlsStream>(below_->port());
    const auto stem = keys.device("mcu-tls");
    const auto ca = mcu::read_der(keys.ca(), "CERTIFICATE"), certificate = mcu::read_der(stem + ".crt", "CERTIFICATE"),
               key = mcu::read_der(stem + ".key", "PRIVATE KEY");
    ASSERT_TRUE(ca && certificate && key);
    ASSERT_EQ(stream_->configure({*ca, *certificate, *key, "localhost"}), mcu::ok);
  }

  // Sends the line and collects as many bytes; stops at an error, which it returns.
  int exchange(const std::string& line, std::string& answer) {
    std::size_t sent = 0;
    int code = 0;
    std::uint8_t bytes[700];
    const bool done = eventually(
        20s,
        [&] {
          for (int round = 0; round < 200 && code >= 0 && answer.size() < line.size(); ++round) {
            code = stream_->send(reinterpret_cast<const std::uint8_t*>(line.data()) + sent, line.size() - sent);
            if (code > 0) sent += static_cast<std::size_t>(code);
            if (code < 0) break;
            code = stream_->recv(bytes, sizeof bytes);
            if (code > 0) answer.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(code));
          }
          return code < 0 || answer.size() >= line.size();
        },
        1ms);
    EXPECT_TRUE(done) << "no answer";
    return code < 0 ? code : 0;
  }

  Folder folder_;
  Process server_;
  std::uint16_t port_ = 0;
  std::unique_ptr<MiserlyStream> below_;
  std::unique_ptr<mcu::TlsStream> stream_;
};

TEST_F(McuTls, CarriesWhatAMiserlyStreamLetsThrough) {
  start_server();
  make_client();
  std::mt19937 random(7);
  for (int connection = 0; connection < size_for(3, 50); ++connection) {
    ASSERT_EQ(stream_->open(), mcu::ok);
    for (int i = 0; i < 5; ++i) {
      std::string line(1 + random() % 9000, ' ');
      std::generate(line.begin(), line.end(), [&] { return static_cast<char>('a' + random() % 26); });
      std::string answer;
      ASSERT_EQ(exchange(line + "\n", answer), 0);
      ASSERT_EQ(answer, std::string(line.rbegin(), line.rend()) + "\n");
    }
    stream_->close();
  }
}

TEST_F(McuTls, RefusesAServerThatItsAuthorityDoesNotKnow) {
  start_server();
  const Keys strangers;
  make_client(strangers);
  ASSERT_EQ(stream_->open(), mcu::ok);
  std::string answer;
  EXPECT_EQ(exchange("hello\n", answer), mcu::err_closed);
  EXPECT_EQ(answer, "");
}

TEST_F(McuTls, SpeaksNothingOlderOrWeaker) {
  start_server({"-cipher", "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0", "-no_tls1_3"});
  make_client();
  ASSERT_EQ(stream_->open(), mcu::ok);
  std::string answer;
  EXPECT_EQ(exchange("hello\n", answer), mcu::err_closed);
}

TEST_F(McuTls, TellsTheEndOfAServerThatDies) {
  start_server();
  make_client();
  ASSERT_EQ(stream_->open(), mcu::ok);
  std::string answer;
  ASSERT_EQ(exchange("hello\n", answer), 0);
  server_.kill_hard();
  answer.clear();
  EXPECT_EQ(exchange("hello\n", answer), mcu::err_closed);
  // And nothing is there to connect to.
  EXPECT_TRUE(stream_->open() < 0 || exchange("hello\n", answer) < 0);
}

TEST_F(McuTls, NeedsItsCredentials) {
  MiserlyStream below(free_port(), 1);
  mcu::TlsStream stream(below.port());
  EXPECT_EQ(stream.open(), mcu::err_provisioning);
  const std::uint8_t none[1] = {};
  EXPECT_EQ(stream.configure({{none, 1}, {none, 1}, {none, 1}, "localhost"}), mcu::err_provisioning);
  EXPECT_EQ(stream.open(), mcu::err_provisioning);
}

}  // namespace
}  // namespace muster::e2e
