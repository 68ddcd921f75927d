#include "broker-plugin/abi/broker_calls.h"

#include <cstring>

#include "broker-plugin/abi/mosquitto_api.h"

namespace muster::broker {

// The payload is copied into the broker's own memory, which it frees. mosquitto_broker_publish_copy would do the same,
// but in 2.0.x it counts that memory wrongly until memory_limit disconnects every client.
void BrokerCalls::publish(const Publication& publication) {
  const auto bytes = publication.payload.bytes();
  void* payload = nullptr;
  if (!bytes.empty()) {
    payload = mosquitto_malloc(bytes.size());
    if (payload == nullptr)
      return log(host::LogLevel::error, "muster: out of memory, could not publish " + publication.topic);
    std::memcpy(payload, bytes.data(), bytes.size());
  }
  const char* client = publication.client.empty() ? nullptr : publication.client.c_str();
  const int result = mosquitto_broker_publish(client, publication.topic.c_str(), static_cast<int>(bytes.size()),
                                              payload, publication.qos, publication.retain, nullptr);
  if (result == MOSQ_ERR_SUCCESS) {
    published_ = true;
    return;
  }
  mosquitto_free(payload);
  log(host::LogLevel::error, "muster: could not publish " + publication.topic + ": error " + std::to_string(result));
}

void BrokerCalls::log(host::LogLevel level, const std::string& line) {
  const int priority = level == host::LogLevel::error     ? MOSQ_LOG_ERR
                       : level == host::LogLevel::warning ? MOSQ_LOG_WARNING
                       : level == host::LogLevel::info    ? MOSQ_LOG_NOTICE
                                                          : MOSQ_LOG_DEBUG;
  mosquitto_log_printf(priority, "%s", line.c_str());
}

}  // namespace muster::broker
