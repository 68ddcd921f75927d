#include "operator/commands/change.h"

#include "operator/decode.h"

namespace muster::ctl {

Outcome send_change(ControlClient& client, const Request& request, const Terminal& terminal) {
  auto answer = client.call(request);
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  const auto message = decode_message(*answer);
  if (!message) return tl::make_unexpected(message.error());
  terminal.result(*message, *answer);
  return ExitCode::ok;
}

Outcome send_change(const Connection& connection, const Request& request, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  return send_change(client, request, terminal);
}

}  // namespace muster::ctl
