#include "operator/control_client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>

#include "host/mqtt_client.h"
#include "operator/connect_trouble.h"
#include "operator/exit_code.h"
#include "schemas/limits.h"
#include "schemas/topics.h"

namespace muster::ctl {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t inbox_max = 4096;  // messages of subscribed topics that wait to be read; older ones go first
constexpr int not_authorised = 0x87;     // MQTT 5 reason code

tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::make_unexpected(Error{kind, std::move(message)});
}

// Two clients of one id take the connection from each other, so every run has its own.
std::string new_client_id() {
  std::random_device random;
  std::array<std::uint8_t, 6> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return "musterctl-" + to_hex(ByteView(bytes.data(), bytes.size()));
}

tl::expected<void, Error> check_file(const std::string& path, const char* what, const char* option,
                                     const char* variable) {
  if (path.empty()) {
    return fail(ErrorKind::usage, std::string("no ") + what + " given: use " + option + " FILE or set " + variable);
  }
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fail(errno == ENOENT ? ErrorKind::not_found : ErrorKind::io,
              std::string("cannot read the ") + what + " " + path + ": " + std::system_category().message(errno) +
                  " (" + option + " or " + variable + ")");
}

tl::expected<void, Error> check_files(const Connection& c) {
  if (auto ca = check_file(c.ca, "CA certificate", "--ca", "MUSTER_CA"); !ca) return ca;
  if (!c.username.empty() && c.cert.empty() && c.key.empty()) return {};
  if (auto cert = check_file(c.cert, "operator certificate", "--cert", "MUSTER_CERT"); !cert) return cert;
  return check_file(c.key, "operator key", "--key", "MUSTER_KEY");
}

std::string correlation_of(std::uint64_t ticket) {
  return "c" + std::to_string(ticket);
}

// What one command was answered.
tl::expected<std::string, Error> read_answer(const json& response) {
  if (!response.contains("error")) {
    const auto data = response.find("data");
    return data == response.end() ? std::string("{}") : data->dump(-1, ' ', false, json::error_handler_t::replace);
  }
  const auto kind = error_kind_from(response.value("kind", "internal")).value_or(ErrorKind::internal);
  const auto& error = response["error"];
  std::string message = error.is_string() ? error.get<std::string>() : error.dump();
  if (const auto lines = response.find("diagnostics"); lines != response.end() && lines->is_array()) {
    for (const auto& line : *lines) {
      if (line.is_string()) message += "\n" + line.get<std::string>();
    }
  }
  return fail(kind, std::move(message));
}

}  // namespace

struct ControlClient::Impl {
  using Answer = tl::expected<std::string, Error>;

  // A command under way. `refused_code`: what the broker said to the publish itself, when it was no.
  struct Pending {
    std::optional<Answer> answer;
    std::optional<int> refused_code;
    std::uint32_t patience_s = 0;
    [[nodiscard]] bool complete() const { return refused_code || answer; }
  };

  Connection connection;
  std::string client_id = new_client_id();
  std::vector<std::string> filters;
  std::uint64_t ticket_next = 1;
  std::map<std::uint64_t, Pending> pending;  // by ticket, so oldest first

  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<Bytes> responses;  // guarded by mutex, as are the next four
  std::deque<Message> inbox;
  std::vector<std::pair<std::uint64_t, int>> refusals;  // ticket, reason code
  bool lost = false;
  std::string lost_why;

  // Last, so that it goes first: no handler runs once it is gone.
  std::unique_ptr<host::MqttClient> mqtt;

  [[nodiscard]] std::string address() const { return connection.host + ":" + std::to_string(connection.port); }

  void on_message(host::MqttMessage&& message) {
    const std::lock_guard lock(mutex);
    if (message.topic == control_response_topic) {
      responses.push_back(std::move(message.payload));
    } else {
      if (inbox.size() == inbox_max) inbox.pop_front();
      inbox.push_back({std::move(message.topic), std::move(message.payload)});
    }
    arrived.notify_all();
  }
  void on_lost(const std::string& why) {
    const std::lock_guard lock(mutex);
    lost = true;
    lost_why = why;
    arrived.notify_all();
  }
  void on_ack(std::uint64_t ticket, int reason_code) {
    if (reason_code >= 0 && reason_code < 0x80) return;
    const std::lock_guard lock(mutex);
    refusals.emplace_back(ticket, reason_code);
    arrived.notify_all();
  }

  // Takes what has arrived to the requests it belongs to. REQUIRES: the mutex is held.
  void sort_in() {
    for (const auto& payload : responses) {
      const auto parsed = json::parse(ByteView(payload).text(), nullptr, false);
      if (!parsed.is_object() || !parsed.contains("responses") || !parsed["responses"].is_array()) continue;
      for (const auto& response : parsed["responses"]) {
        if (response.is_object()) sort_in(response);
      }
    }
    responses.clear();
    for (const auto& [ticket, code] : refusals) {
      if (const auto it = pending.find(ticket); it != pending.end()) it->second.refused_code = code;
    }
    refusals.clear();
  }
  void sort_in(const json& response) {
    const auto correlation = response.find("correlationData");
    if (correlation != response.end() && correlation->is_string()) {
      for (auto& [ticket, command] : pending) {
        if (correlation->get<std::string>() == correlation_of(ticket)) command.answer = read_answer(response);
      }
      return;
    }
    // Refused before the broker read the command (no operator, too many requests): whichever it was, the oldest fails.
    for (auto& [ticket, command] : pending) {
      if (command.complete()) continue;
      command.answer = read_answer(response);
      return;
    }
  }

  [[nodiscard]] Error connection_lost() const {
    return {ErrorKind::unreachable, "the connection to " + address() + " was lost: " + lost_why};
  }
  [[nodiscard]] Error no_answer() const {
    return {ErrorKind::timeout, "the broker at " + address() + " took the command but did not answer within " +
                                    std::to_string(connection.timeout_s) +
                                    " s: is the Muster plugin loaded (see the broker's log for lines of \"muster\")? "
                                    "A slow one may get more time with --timeout-s"};
  }
  [[nodiscard]] Error publish_refused(int code) const {
    if (code == not_authorised) {
      return {ErrorKind::refused,
              "the broker at " + address() +
                  " does not let this user send commands: name it under `operators:` in the plugin's "
                  "configuration and reload the broker (SIGHUP)"};
    }
    if (code < 0)
      return {ErrorKind::unreachable, "the connection to " + address() + " ended before the broker had the command"};
    return {ErrorKind::refused,
            "the broker at " + address() + " refused the command with MQTT reason code " + std::to_string(code)};
  }
};

ControlClient::ControlClient(Connection connection) : impl_(std::make_unique<Impl>()) {
  impl_->connection = std::move(connection);
}

ControlClient::~ControlClient() {
  if (impl_->mqtt) impl_->mqtt->close();
}

tl::expected<void, Error> ControlClient::connect() {
  const auto& c = impl_->connection;
  if (auto files = check_files(c); !files) return files;
  impl_->mqtt.reset();
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->lost = false;
    impl_->responses.clear();
    impl_->refusals.clear();
  }
  impl_->pending.clear();
  host::MqttOptions options;
  options.host = c.host.find(':') == std::string::npos ? c.host : "[" + c.host + "]";  // an IPv6 address
  options.port = c.port;
  options.client_id = impl_->client_id;
  options.ca = c.ca;
  options.cert = c.cert;
  options.key = c.key;
  options.username = c.username;
  options.password = c.password;
  options.connect_timeout_s = c.timeout_s;
  options.keepalive_s = 15;
  auto* impl = impl_.get();
  impl_->mqtt = std::make_unique<host::MqttClient>(
      options, [impl](host::MqttMessage&& message) { impl->on_message(std::move(message)); },
      [impl](const std::string& why) { impl->on_lost(why); });
  if (auto connected = impl_->mqtt->connect(); !connected) {
    return tl::make_unexpected(explain_connect_failure(c, std::move(connected.error())));
  }
  return impl_->filters.empty() ? tl::expected<void, Error>{} : impl_->mqtt->subscribe(impl_->filters, 1);
}

tl::expected<std::uint64_t, Error> ControlClient::send(const Request& request) {
  const auto ticket = impl_->ticket_next++;
  JsonFields fields{{"command", request.command}, {"correlationData", correlation_of(ticket)}};
  fields.insert(fields.end(), request.fields.begin(), request.fields.end());
  const auto payload = R"({"commands":[)" + json_object(fields) + "]}";
  if (payload.size() > limits::control_len_max) {
    return fail(ErrorKind::invalid, "the command is " + std::to_string(payload.size()) +
                                        " bytes long; the broker takes at most " +
                                        std::to_string(limits::control_len_max));
  }
  impl_->pending[ticket].patience_s = request.patience_s;
  auto* impl = impl_.get();
  auto sent = impl_->mqtt->publish(std::string(control_topic), ByteView(std::string_view(payload)), 1, false,
                                   [impl, ticket](int code) { impl->on_ack(ticket, code); });
  if (sent) return ticket;
  impl_->pending.erase(ticket);
  const std::lock_guard lock(impl_->mutex);
  return tl::make_unexpected(impl_->lost ? impl_->connection_lost() : std::move(sent.error()));
}

tl::expected<std::string, Error> ControlClient::wait(std::uint64_t ticket) {
  const auto found = impl_->pending.find(ticket);
  if (found == impl_->pending.end()) return fail(ErrorKind::internal, "no such command is under way");
  const auto deadline = Clock::now() + std::chrono::seconds(impl_->connection.timeout_s + found->second.patience_s);
  {
    std::unique_lock lock(impl_->mutex);
    bool late = false;
    for (impl_->sort_in(); !found->second.complete(); impl_->sort_in()) {
      if (impl_->lost) return tl::make_unexpected(impl_->connection_lost());
      if (late) return tl::make_unexpected(impl_->no_answer());
      late = impl_->arrived.wait_until(lock, deadline) == std::cv_status::timeout;
    }
  }
  auto command = std::move(found->second);
  impl_->pending.erase(found);
  if (command.refused_code) return tl::make_unexpected(impl_->publish_refused(*command.refused_code));
  return std::move(*command.answer);
}

tl::expected<std::string, Error> ControlClient::call(const Request& request) {
  auto ticket = send(request);
  if (!ticket) return tl::make_unexpected(std::move(ticket.error()));
  return wait(*ticket);
}

tl::expected<void, Error> ControlClient::subscribe(const std::string& filter) {
  impl_->filters.push_back(filter);
  return impl_->mqtt->subscribe({filter}, 1);
}

tl::expected<std::optional<Message>, Error> ControlClient::next_message(Clock::time_point deadline) {
  std::unique_lock lock(impl_->mutex);
  const bool woken = impl_->arrived.wait_until(lock, deadline, [this] { return !impl_->inbox.empty() || impl_->lost; });
  if (!impl_->inbox.empty()) {
    auto message = std::move(impl_->inbox.front());
    impl_->inbox.pop_front();
    return std::optional<Message>(std::move(message));
  }
  if (woken) return tl::make_unexpected(impl_->connection_lost());
  return std::optional<Message>();
}

}  // namespace muster::ctl
