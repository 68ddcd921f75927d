// muster-forger: plays a stolen broker, for the demo. It orders one device to take firmware that nobody trusted has
// signed, serves the device everything that it asks for, and prints what the device says to that. Exit code 0 when the
// device has refused.
#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <deque>
#include <mutex>
#include <string>

#include "examples/forger/forgery.h"
#include "host/files.h"
#include "host/mqtt_client.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"

namespace muster::forger {
namespace {

struct Options {
  host::MqttOptions broker;
  std::string device, control_key, image;
  std::uint32_t patience_s = 60;
};

// Hands messages from Paho's threads to main's.
class Mailbox {
 public:
  void put(host::MqttMessage&& message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    arrived_.notify_one();
  }
  // Waits for the next one; false at the deadline.
  bool take(host::MqttMessage& message, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_until(lock, deadline, [&] { return !messages_.empty(); })) return false;
    message = std::move(messages_.front());
    messages_.pop_front();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<host::MqttMessage> messages_;
};

int fail(const std::string& what) {
  std::fprintf(stderr, "muster-forger: %s\n", what.c_str());
  return 1;
}

// What the device says of our attempt: 0 when it refused, -1 when it has not said.
int verdict(ByteView payload) {
  const AlignedBytes copy(payload);
  const wire::StateReport* report = nullptr;
  if (verify(copy.view(), report) != WireFault::none || report->attempt() == nullptr) return -1;
  const auto& attempt = *report->attempt();
  if (attempt.epoch() != epoch) return -1;
  if (attempt.state() == wire::AttemptState::failed) {
    std::printf("%s: %s\n", wire::EnumNameErrorCode(attempt.error()),
                attempt.detail() == nullptr ? "" : attempt.detail()->c_str());
    return 0;
  }
  return attempt.state() >= wire::AttemptState::staged ? 1 : -1;
}

// A broker without the plugin delivers to subscribers only, and a device does not subscribe to what the plugin hands it
// by itself. Who has the broker can put that subscription into the device's session; the device connects again a moment
// later.
tl::expected<void, Error> extend_session(const Options& options, const std::string& filter) {
  auto as_device = options.broker;
  as_device.client_id = options.device;
  as_device.clean_start = false;
  as_device.session_expiry_s = 3600;
  host::MqttClient client(
      as_device, [](host::MqttMessage&&) {}, [](const std::string&) {});
  if (auto connected = client.connect(); !connected) return tl::unexpected(connected.error());
  return client.subscribe({filter}, 1);
}

int run(const Options& options) {
  const auto image = host::read_file(options.image, std::size_t{16} << 20);
  if (!image) return fail(image.error().message);
  const auto forgery =
      forge(options.device, options.control_key, *image, static_cast<std::uint64_t>(std::time(nullptr)));
  if (!forgery) return fail(forgery.error().message);
  const auto topic = "muster/v1/device/" + options.device + "/";
  if (auto extended = extend_session(options, topic + "chunk"); !extended) return fail(extended.error().message);
  Mailbox mailbox;
  host::MqttClient client(
      options.broker, [&](host::MqttMessage&& message) { mailbox.put(std::move(message)); }, [](const std::string&) {});
  if (auto connected = client.connect(); !connected) return fail(connected.error().message);
  if (auto granted = client.subscribe({topic + "chunk/get", topic + "state"}, 1); !granted)
    return fail(granted.error().message);
  if (auto sent = client.publish_and_wait(topic + "assignment", forgery->assignment, 1, true); !sent)
    return fail(sent.error().message);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.patience_s);
  host::MqttMessage message;
  while (mailbox.take(message, deadline)) {
    if (message.topic == topic + "state") {
      const int said = verdict(message.payload);
      if (said == 0) return 0;
      if (said > 0) return fail("the device took the forged firmware");
      continue;
    }
    const auto chunk = answer(*forgery, message.payload);
    if (chunk.empty()) continue;
    if (auto sent = client.publish(topic + "chunk", chunk, 0, false); !sent) return fail(sent.error().message);
  }
  return fail("the device has not said anything about the forged assignment in time");
}

}  // namespace
}  // namespace muster::forger

int main(int argc, char** argv) {
  muster::forger::Options options;
  CLI::App app("Plays a stolen broker that orders firmware which nobody trusted has signed");
  app.add_option("--port", options.broker.port, "a broker without the plugin, on this machine")->required();
  app.add_option("--ca", options.broker.ca, "its authority")->required();
  app.add_option("--cert", options.broker.cert, "our certificate")->required();
  app.add_option("--key", options.broker.key, "and key")->required();
  app.add_option("--control-key", options.control_key, "the stolen control key")->required();
  app.add_option("--image", options.image, "the firmware")->required();
  app.add_option("--device", options.device, "the device to attack")->required();
  app.add_option("--patience", options.patience_s, "seconds to wait for it")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.broker.client_id = "muster-forger";
  return muster::forger::run(options);
}
