// The three functions that Mosquitto calls, and its callbacks. Nothing may leave here but return codes: an exception
// that reached the broker would end it, so every entry catches everything, and what it caught stops the plugin's
// decisions. All of it runs on the broker's one thread.
#include <pthread.h>

#include <csignal>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

#include "broker-plugin/abi/broker_calls.h"
#include "broker-plugin/abi/mosquitto_api.h"
#include "broker-plugin/core/bug_guard.h"
#include "broker-plugin/plugin.h"
#include "schemas/topics.h"

namespace muster::broker {
namespace {

constexpr int plugin_api = 5;
constexpr long tick_interval_ms = 100;
constexpr long tick_after_publishing_ms = 1;

struct Session {
  BrokerCalls calls;
  std::unique_ptr<Plugin> plugin;
  mosquitto_plugin_id_t* id = nullptr;  // set once callbacks may be registered
  struct sigaction urgent_before {};
};
Session* session = nullptr;

std::string_view text(const char* string) {
  return string == nullptr ? std::string_view() : std::string_view(string);
}

// Runs `body`; after an exception or a failed assert the plugin has stopped deciding and `otherwise` goes to the
// broker.
template <typename Body>
int guarded(const char* where, int otherwise, Body body) {
  if (session == nullptr || session->plugin == nullptr) return otherwise;
  try {
    int result = otherwise;
    const auto bug = catch_bugs([&] { result = body(*session->plugin); });
    if (bug.empty()) return result;
    session->plugin->stop_acting(std::string("a bug in ") + where + ": " + bug);
  } catch (...) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "muster: could not even stop after a bug in %s", where);
  }
  return otherwise;
}

int on_message(int, void* data, void*) {
  const auto& event = *static_cast<mosquitto_evt_message*>(data);
  return guarded("MESSAGE", MOSQ_ERR_ACL_DENIED, [&](Plugin& plugin) {
    const Inbound inbound{event.client,
                          text(mosquitto_client_id(event.client)),
                          text(mosquitto_client_username(event.client)),
                          text(event.topic),
                          ByteView(static_cast<const std::uint8_t*>(event.payload), event.payloadlen),
                          event.retain};
    return plugin.message(inbound) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
  });
}

int on_acl_check(int, void* data, void*) {
  const auto& event = *static_cast<mosquitto_evt_acl_check*>(data);
  return guarded("ACL_CHECK", MOSQ_ERR_ACL_DENIED, [&](Plugin& plugin) {
    const auto access = event.access == MOSQ_ACL_WRITE       ? Access::write
                        : event.access == MOSQ_ACL_SUBSCRIBE ? Access::subscribe
                        : event.access == MOSQ_ACL_READ      ? Access::read
                                                             : Access::unsubscribe;
    const ByteView payload(static_cast<const std::uint8_t*>(event.payload),
                           event.payload == nullptr ? 0 : event.payloadlen);
    switch (
        plugin.acl(event.client, text(mosquitto_client_username(event.client)), access, text(event.topic), payload)) {
      case Verdict::allow:
        return static_cast<int>(MOSQ_ERR_SUCCESS);
      case Verdict::defer:
        return static_cast<int>(MOSQ_ERR_PLUGIN_DEFER);
      case Verdict::deny:
        break;
    }
    return static_cast<int>(MOSQ_ERR_ACL_DENIED);
  });
}

// Anything but success would disconnect the operator: errors travel in the response.
int on_control(int, void* data, void*) {
  const auto& event = *static_cast<mosquitto_evt_control*>(data);
  return guarded("CONTROL", MOSQ_ERR_SUCCESS, [&](Plugin& plugin) {
    const auto client_id = std::string(text(mosquitto_client_id(event.client)));
    if (client_id.empty()) return MOSQ_ERR_SUCCESS;
    plugin.control(
        client_id, std::string(text(mosquitto_client_username(event.client))),
        ByteView(static_cast<const std::uint8_t*>(event.payload), event.payload == nullptr ? 0 : event.payloadlen));
    return MOSQ_ERR_SUCCESS;
  });
}

// A connection has ended, whether its session goes on or not.
int on_disconnect(int, void* data, void*) {
  const auto& event = *static_cast<mosquitto_evt_disconnect*>(data);
  return guarded("DISCONNECT", MOSQ_ERR_SUCCESS, [&](Plugin& plugin) {
    plugin.disconnected(event.client);
    return MOSQ_ERR_SUCCESS;
  });
}

int on_tick(int, void* data, void*) {
  auto& event = *static_cast<mosquitto_evt_tick*>(data);
  set_next_tick(event, tick_interval_ms);
  return guarded("TICK", MOSQ_ERR_SUCCESS, [&](Plugin& plugin) {
    plugin.tick();
    // 2.1 ticks before it waits and sends what was published afterwards: that must not be a whole interval later.
    if (session->calls.take_published()) set_next_tick(event, tick_after_publishing_ms);
    return MOSQ_ERR_SUCCESS;
  });
}

int on_reload(int, void*, void*) {
  return guarded("RELOAD", MOSQ_ERR_SUCCESS, [](Plugin& plugin) {
    plugin.reload();
    return MOSQ_ERR_SUCCESS;
  });
}

// The one option: plugin_opt_config.
std::string config_path(const mosquitto_opt* options, int count, std::string& wrong) {
  std::string path;
  for (int i = 0; i < count; ++i) {
    if (text(options[i].key) == "config") {
      path = text(options[i].value);
    } else {
      wrong =
          "unknown option plugin_opt_" + std::string(text(options[i].key)) + "; the only one is plugin_opt_config FILE";
    }
  }
  if (wrong.empty() && path.empty())
    wrong = "plugin_opt_config is missing: name the plugin's YAML file, as in broker.yaml.example";
  return path;
}

// All threads of the plugin are born with every signal blocked: signals are the broker's.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// SIGURG interrupts the broker's poll, so that TICK comes at once; by itself it does nothing.
void install_wake_signal() {
  struct sigaction ignore_it {};
  ignore_it.sa_handler = [](int) {};
  ignore_it.sa_flags = SA_RESTART;
  sigaction(SIGURG, &ignore_it, &session->urgent_before);
}

struct Callback {
  int event;
  MOSQ_FUNC_generic_callback function;
  bool everywhere = true;  // else only brokers that know the event are asked for it
};
constexpr Callback callbacks[] = {{MOSQ_EVT_MESSAGE, on_message},
                                  {MOSQ_EVT_ACL_CHECK, on_acl_check},
                                  {MOSQ_EVT_CONTROL, on_control},
                                  {MOSQ_EVT_DISCONNECT, on_disconnect},
                                  {MOSQ_EVT_TICK, on_tick},
                                  {MOSQ_EVT_RELOAD, on_reload},
                                  {client_offline_event, on_disconnect, false}};

bool register_callbacks(mosquitto_plugin_id_t* id) {
  const std::string control(control_topic);
  session->id = id;
  for (const auto& [event, function, everywhere] : callbacks) {
    const void* topic = event == MOSQ_EVT_CONTROL ? control.c_str() : nullptr;
    const int result = mosquitto_callback_register(id, event, function, topic, nullptr);
    if (result != MOSQ_ERR_SUCCESS && (everywhere || result != MOSQ_ERR_NOT_SUPPORTED)) return false;
  }
  return true;
}

// The broker frees what a registration took only when it is taken back. One that was never made is no error here.
void unregister_callbacks() {
  if (session->id == nullptr) return;
  const std::string control(control_topic);
  for (const auto& [event, function, everywhere] : callbacks) {
    mosquitto_callback_unregister(session->id, event, function, event == MOSQ_EVT_CONTROL ? control.c_str() : nullptr);
  }
}

int refuse_to_start(const std::string& why) {
  mosquitto_log_printf(MOSQ_LOG_ERR, "muster: %s", why.c_str());
  delete session;
  session = nullptr;
  return MOSQ_ERR_UNKNOWN;
}

int start(mosquitto_plugin_id_t* id, const mosquitto_opt* options, int count) {
  if (session != nullptr) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "muster: the plugin is loaded twice; name it in one place of mosquitto.conf");
    return MOSQ_ERR_UNKNOWN;
  }
  std::string wrong;
  const auto path = config_path(options, count, wrong);
  if (!wrong.empty()) return refuse_to_start(wrong);
  session = new Session;
  install_wake_signal();
  const SignalsBlocked blocked;
  auto plugin = Plugin::start(path, session->calls, [broker = pthread_self()] { pthread_kill(broker, SIGURG); });
  if (!plugin) return refuse_to_start(plugin.error().message);
  session->plugin = std::move(*plugin);
  if (!register_callbacks(id)) {
    return refuse_to_start("the broker refuses the plugin's callbacks; is another plugin using " +
                           std::string(control_topic) + "?");
  }
  return MOSQ_ERR_SUCCESS;
}

}  // namespace
}  // namespace muster::broker

extern "C" {

__attribute__((visibility("default"))) int mosquitto_plugin_version(int supported_version_count,
                                                                    const int* supported_versions) {
  for (int i = 0; i < supported_version_count; ++i) {
    if (supported_versions[i] == muster::broker::plugin_api) return muster::broker::plugin_api;
  }
  return -1;
}

__attribute__((visibility("default"))) int mosquitto_plugin_init(mosquitto_plugin_id_t* identifier, void**,
                                                                 mosquitto_opt* options, int option_count) {
  try {
    return muster::broker::start(identifier, options, option_count);
  } catch (const std::exception& thrown) {
    return muster::broker::refuse_to_start(std::string("could not start: ") + thrown.what());
  } catch (...) {
    return muster::broker::refuse_to_start("could not start");
  }
}

__attribute__((visibility("default"))) int mosquitto_plugin_cleanup(void*, mosquitto_opt*, int) {
  try {
    if (muster::broker::session != nullptr) {
      muster::broker::unregister_callbacks();
      muster::broker::session->plugin.reset();
      sigaction(SIGURG, &muster::broker::session->urgent_before, nullptr);
      delete muster::broker::session;
      muster::broker::session = nullptr;
    }
  } catch (...) {
    return MOSQ_ERR_UNKNOWN;
  }
  return MOSQ_ERR_SUCCESS;
}

}  // extern "C"
