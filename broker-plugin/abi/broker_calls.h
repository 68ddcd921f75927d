// BrokerPort over Mosquitto's own functions. Broker thread only.
#pragma once

#include "broker-plugin/core/broker_port.h"

namespace muster::broker {

class BrokerCalls final : public BrokerPort {
 public:
  void publish(const Publication& publication) override;
  void log(host::LogLevel level, const std::string& line) override;
};

}  // namespace muster::broker
